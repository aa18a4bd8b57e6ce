"""Options of artifacts and data sources: names, types and bounds, all from the table."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from assay.catalog import Option, Value


def resolved(options: Mapping[str, Option], given: Mapping[str, Any]) -> tuple[dict[str, Value], list[str]]:
    """`given` over the defaults, every value cast to its default's type; and what is wrong, a line each."""
    values = {name: option.default for name, option in options.items()}
    problems = []
    for name, value in given.items():
        if name not in options:
            problems.append(f"{name} is unknown{meant(name, options)}. Allowed: {_signature(options)}.")
            continue
        try:
            values[name] = cast(options[name], value)
        except ValueError as error:
            problems.append(f"{name} {error}. It is: {options[name].help}.")
    return values, problems


def deciding(values: Mapping[str, Value], options: Mapping[str, Option]) -> dict[str, Any]:
    """The values on which bytes depend, as JSON holds them, so that what is compared is what was read back."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if not options[name].costs_only
    }


def cast(option: Option, value: Any) -> Value:
    """`value` as the type of the option's default, within its bounds; text is read as a sheet holds it.

    Raises:
        ValueError: what is allowed and what was got.
    """
    if isinstance(option.default, tuple):
        return _words(option, value)
    if isinstance(option.default, bool):
        return _truth(value)
    if isinstance(option.default, str):
        return _choice(option, value)
    return _number(option, value)


def meant(name: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)`, or nothing."""
    close = get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def unknown(name: str, known: Iterable[str]) -> str:
    """`'x' is unknown`, what was meant, what is allowed."""
    return f"{name!r} is unknown{meant(name, known)}. Allowed: {', '.join(known)}"


def _words(option: Option, value: Any) -> tuple[str, ...]:
    words = [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value
    if isinstance(words, list | tuple):
        words = [str(word) if type(word) is int else word for word in words]  # YAML reads 1 as a number
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) for word in words):
        raise ValueError(f"must be a list of names, got {value!r}")
    return tuple(_choice(option, word) for word in words)


def _truth(value: Any) -> bool:
    text = str(value).lower()
    if text not in {"true", "false"}:
        raise ValueError(f"must be true or false, got {value!r}")
    return text == "true"


def _choice(option: Option, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be text, got {value!r}")
    if option.choices and value not in option.choices:
        raise ValueError(
            f"must be one of {', '.join(option.choices)}, got {value!r}{meant(value, option.choices)}"
        )
    return value


def _number(option: Option, value: Any) -> int | float:
    kind: type[int] | type[float] = int if isinstance(option.default, int) else float
    word = "a whole number" if kind is int else "a number"
    try:
        number = kind(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"must be {word}, got {value!r}") from None
    if (
        isinstance(value, bool)
        or number != number
        or (kind is int and not isinstance(value, str) and number != value)
    ):
        raise ValueError(f"must be {word}, got {value!r}")
    low, high = option.minimum, option.maximum
    if low is not None and number < low:
        raise ValueError(f"must be at least {low}, got {value!r}")
    if high is not None and number > high:
        raise ValueError(f"must be at most {high}, got {value!r}")
    return number


def _signature(options: Mapping[str, Option]) -> str:
    if not options:
        return "none"
    return ", ".join(f"{name} ({_shown(option.default)})" for name, option in options.items())


def _shown(value: Value) -> str:
    return f"[{','.join(value)}]" if isinstance(value, tuple) else str(value)
