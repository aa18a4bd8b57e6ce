"""The documents as text: their fenced blocks by the file that each one names, and their tables."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "config/README.md",
    *sorted(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md")),
]


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str) -> dict[str, str]:
    """Fenced blocks by title: the last `name` in backticks before the fence, which the sentence before it holds."""
    fenced = re.finditer(r"`([^`\n]+)`[^`]*?\n\n?```\w*\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return {match[1]: match[2] for match in fenced}


def fenced(text: str, language: str) -> list[str]:
    """Every fenced block of a language."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [block for name, block in found if name == language]


def rows(text: str) -> list[list[str]]:
    """The cells of every row of every table."""
    lines = [line for line in text.splitlines() if line.startswith("|") and not line.startswith("|---")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def names(text: str) -> set[str]:
    """Everything in backticks outside fenced blocks."""
    return set(re.findall(r"`([^`\n]+)`", prose(text)))


def prose(text: str) -> str:
    """The text without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def section(text: str, title: str) -> str:
    """What stands below a heading of the second level."""
    return text.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
