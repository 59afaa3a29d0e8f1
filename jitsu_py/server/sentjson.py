"""JSON that somebody sent, read so that everybody can read it again.

What is stored of it is sent on again: one value that cannot be written as JSON breaks whole lists.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final

LEVELS: Final = 100
"""How deep objects and lists may lie in each other: pydantic writes about 250, no manifest has ten."""


def loads(text: str | bytes) -> Any:
    """Read a JSON value.

    Raises:
        json.JSONDecodeError: it is no JSON.
        ValueError: it is none that everybody can read, saying why.
    """
    try:
        value = json.loads(text, parse_constant=_constant, parse_float=_number)
        fits = _fits(value, LEVELS)
    except RecursionError:
        fits = False
    if not fits:
        raise ValueError(f"it is nested more than {LEVELS} levels deep")
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{error.object[error.start]!a} is half a character") from error
    return value


def _constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _number(digits: str) -> float:
    if math.isinf(value := float(digits)):
        raise ValueError(f"{digits[:20]} is too large a number")
    return value


def _fits(value: object, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return True
    children = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_fits(child, levels - 1) for child in children)
