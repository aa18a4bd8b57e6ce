"""The code, config and sheet of a campaign: copied when it starts, so that it ends with what it began with."""

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

import assay
from assay.cluster.campaign.folder import CampaignFolder
from assay.config import Plan, read_plan
from assay.datasets import expanded
from assay.errors import AssayError, ConfigError
from assay.files import publish_bytes, sha256_file
from assay.workflow import snakefile_of_clone

NO_CODE = shutil.ignore_patterns("__pycache__", "*.pyc")
SNAKEFILE, RULES = "Snakefile", "workflow"


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the code of a campaign lies: the package, and the workflow."""

    package: Path
    snakefile: Path

    @classmethod
    def of(cls, snakefile: str) -> "Sources":
        """The package that runs, and the Snakefile; where that is not here, the one of the clone that runs.

        Raises:
            ConfigError: there is none.
        """
        for place in (Path(snakefile), snakefile_of_clone()):
            if place.is_file():
                return cls(Path(assay.__file__).parent, place)
        raise ConfigError(f"--snakefile {snakefile}: there is no such file, in {Path.cwd()}.")

    @property
    def rules(self) -> Path:
        """The folder of rules, beside the Snakefile."""
        return self.snakefile.with_name(RULES)

    def digest(self) -> str:
        """One sha256 over the names and contents of all these files."""
        digest = hashlib.sha256()
        for name, file in sorted(self._files()):
            digest.update(f"{name} {sha256_file(file)}\n".encode())
        return digest.hexdigest()[:16]

    def _files(self) -> Iterator[tuple[str, Path]]:
        yield SNAKEFILE, self.snakefile
        for name, folder in (("assay", self.package), (RULES, self.rules)):
            for file in folder.rglob("*"):
                if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".pyc":
                    yield f"{name}/{file.relative_to(folder)}", file


def take(folder: CampaignFolder, config: str, sources: Sources) -> str:
    """Copy code, config and sheet into the folder of a campaign; returns the digest of the code."""
    shutil.copytree(sources.package, folder.code / "assay", ignore=NO_CODE)
    if sources.rules.is_dir():
        shutil.copytree(sources.rules, folder.code / RULES, ignore=NO_CODE)
    shutil.copy(sources.snakefile, folder.code / SNAKEFILE)
    content = _content(Path(config))
    sheet = Path(expanded(content["checkpoints"])[0])
    publish_bytes(folder.sheet, sheet.read_bytes())
    copy = yaml.safe_dump({**content, "checkpoints": str(folder.sheet)}, sort_keys=False)
    publish_bytes(folder.config, copy.encode())
    return copied(folder).digest()


def check(folder: CampaignFolder, plan: Plan) -> None:
    """Make sure that the copies are of the plan by which the campaign was split.

    Raises:
        AssayError: config or sheet were edited meanwhile.
    """
    copy = read_plan(str(folder.config), may_lack_files=True)
    if replace(copy, config=plan.config) != plan:
        raise AssayError(
            f"{plan.config} or its sheet changed while the campaign was being sent. Send it again."
        )


def copied(folder: CampaignFolder) -> Sources:
    """The code that a campaign runs."""
    return Sources(folder.code / "assay", folder.code / SNAKEFILE)


def changes(folder: CampaignFolder) -> list[str]:
    """What differs now from what a campaign works with, a line each; it ends with the old."""
    campaign = folder.read()
    found = []
    now, then = _content(Path(campaign.config)), _content(folder.config)
    for key in sorted({*now, *then} - {"checkpoints"}):
        if now.get(key) != then.get(key):
            found.append(f"{campaign.config}: {key} has changed")
    sheet = Path(expanded(str(now.get("checkpoints", "")))[0])
    if not sheet.is_file() or sheet.read_bytes() != folder.sheet.read_bytes():
        found.append(f"{sheet}: the sheet has changed")
    if _digest_now(campaign.asked.snakefile) != campaign.code:
        found.append(f"{Path(assay.__file__).parent} and the workflow: the code has changed")
    return found


def _digest_now(snakefile: str) -> str:
    try:
        return Sources.of(snakefile).digest()
    except ConfigError:
        return ""


def _content(config: Path) -> dict[str, Any]:
    """The keys of a config; none where it cannot be read any more."""
    try:
        content = yaml.safe_load(config.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return content if isinstance(content, dict) else {}
