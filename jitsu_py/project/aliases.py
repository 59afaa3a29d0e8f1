"""Other names that a file has for `require` and for `process.env`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENV: Final = ("process.env", "process?.env", "global.process.env", "globalThis.process.env")
_REQUIRE_TAKEN = re.compile(rb"createRequire\s*\(|require\s*(?:[;,\n]|$)")
_NAME_BEFORE = re.compile(rb"([A-Za-z_$][\w$]*)\s*=\s*(?:[\w$]+\s*\.\s*)?$")
_ENV_AFTER = re.compile(rb"process\s*\.\s*env\s*(?:[;,)\n}]|$)")
_PROCESS_TAKEN = re.compile(
    rb"""\{[^{}]*\benv\b(?:\s*:\s*([\w$]+)|\s+as\s+([\w$]+))?[^{}]*\}\s*
    (?:=\s*|from\s*["']|=\s*require\s*\(\s*["'])(?:node:)?$""",
    re.VERBOSE,
)
_BEFORE: Final = 300  # bytes before a word in which what is made of it is looked for


def require_names(data: bytes) -> Iterator[str]:
    """Yield the names that stand for `require`: `const load = createRequire(import.meta.url)`."""
    for found in _REQUIRE_TAKEN.finditer(data):
        if name := _NAME_BEFORE.search(data, max(0, found.start() - _BEFORE), found.start()):
            yield name[1].decode()


def env_names(data: bytes) -> tuple[str, ...]:
    """Return the names that stand for `process.env`: `const { env } = process`."""
    names: set[bytes] = set()
    for found in re.finditer(rb"process", data):
        start = max(0, found.start() - _BEFORE)
        if _ENV_AFTER.match(data, found.start()):
            name = _NAME_BEFORE.search(data, start, found.start())
            names |= {name[1]} if name else set()
        elif taken := _PROCESS_TAKEN.search(data, start, found.start()):
            names.add(taken[1] or taken[2] or b"env")
    return (*_ENV, *sorted(name.decode() for name in names))
