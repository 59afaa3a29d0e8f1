"""Whether an answer in JSON is what `jitsu help json` and jitsu-json(7) say of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from jitsu_py import answers

TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "object": dict,
    "any": object,
}


def fits(value: Any, type_: str) -> bool:
    """Whether a value is of a type as the page names it."""
    if type_.endswith("?"):
        return value is None or fits(value, type_[:-1])
    if type_.startswith("["):
        return isinstance(value, list) and all(fits(one, type_[1:-1]) for one in value)
    if type_ == "time":
        return isinstance(value, str) and value.endswith("Z") and bool(datetime.fromisoformat(value))
    is_number = type_ in {"integer", "number"}
    return isinstance(value, TYPES[type_]) and not (is_number and isinstance(value, bool))


def faults(value: Any, kind: str) -> list[str]:
    """What an object has that its kind says otherwise."""
    if not isinstance(value, dict):
        return [f"{value!r} is no object"]
    facts = {fact.key: fact for fact in answers.kind(kind).facts}
    needed = [key for key, fact in facts.items() if not fact.optional]
    found = [f"{key} is missing" for key in needed if key not in value]
    found += [f"{key} is not explained" for key in value if key not in facts]
    return found + [
        f"{key}: {value[key]!r} is no {fact.type}"
        for key, fact in facts.items()
        if key in value and not fits(value[key], fact.type)
    ]


def explained(path: str, value: Any) -> bool:
    """See that the answer of a command is as the page says; of a list, that each row is.

    Args:
        path: the command, as the page names it.
    """
    kind = answers.given()[path]
    is_list = kind.startswith("[")
    assert isinstance(value, list) is is_list, f"{path}: {value!r}"
    for one in value if is_list else [value]:
        assert faults(one, kind.strip("[]")) == [], path
    return True
