"""npm's glob patterns as regular expressions: what its ignore files and `files` mean, quirk for quirk.

npm matches with the JavaScript module minimatch (base names, dot files, no case), which differs from git's
rules and from Python's globs in small things that decide whether a file is deployed. The tests compare
the result with npm's own. Paths given to these expressions are relative, with `/` between folders and no
`.` or `..` in them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from jitsu_py.project import extglob

LONGEST: Final = 64 * 1024
"""Longest pattern that npm takes, characters."""

NEVER: Final = r"(?!)"
"""Matches nothing."""

_MOST_BRACES: Final = 10_000  # alternatives of one pattern; npm stops at ten times that
_HAS_BRACES = re.compile(r"\{(?:(?!\{).)*\}")
_BRACE_ESCAPE = re.compile(r"\\([\\{},.])")
_STARS = re.compile(r"\*+")
_STARS_EXT = re.compile(r"\*+([^+@!?*\[(]*)", re.DOTALL)
_MARKS_EXT = re.compile(r"(\?+)([^+@!?*\[(]*)", re.DOTALL)
_TAIL = "/?"  # a pattern that ends where a folder's name ends takes the slash behind it


@dataclass(frozen=True)
class Pattern:
    """One line of an ignore file, as four regular expressions; any may be empty: it cannot match."""

    negate: bool
    """A match puts the path in, not out."""
    base: tuple[str, ...]
    """For the last name of a path, of a file or a folder."""
    path: tuple[str, ...]
    """For a file's whole path."""
    base_folder: tuple[str, ...]
    """For the last name of a folder's path, a slash behind it."""
    path_folder: tuple[str, ...]
    """For a folder's whole path, a slash behind it; a negated pattern also takes what leads to a match."""


def pattern(line: str) -> Pattern | None:
    """Translate a trimmed line of an ignore file; None: it is empty, a comment or nothing npm takes."""
    line = units(line)  # as the paths are, that it is matched with
    if not line or line.startswith("#") or len(line) > LONGEST:
        return None
    body = line.lstrip("!")
    negate = (len(line) - len(body)) % 2 == 1
    lists = [_parts(glob) for glob in dict.fromkeys(_braces(body))]
    compiled = [(parts, sources) for parts in lists if (sources := _sources(parts)) is not None]
    # npm tries a rule such as `build/` against the last name alone too, which makes it match at any depth.
    anywhere = any(len(parts) <= (1 if parts[-1] else 2) for parts in lists)
    flag = "(?ai:%s)" if line.isascii() and "[:" not in line else "(?i:%s)"
    found = _expressions([sources for _, sources in compiled], negate=negate, anywhere=anywhere)
    return Pattern(negate, *(tuple(flag % source for source in sources) for sources in found))


def units(path: str) -> str:
    """Return the path as JavaScript sees it: two characters where one is beyond the first 65,536."""
    if path.isascii() or max(path) <= "\uffff":
        return path
    raw = path.encode("utf-16-le", "surrogatepass")
    return "".join(chr(int.from_bytes(raw[at : at + 2], "little")) for at in range(0, len(raw), 2))


def _expressions(
    lists: list[tuple[str, ...]], *, negate: bool, anywhere: bool
) -> tuple[list[str], list[str], list[str], list[str]]:
    base, path, base_folder, path_folder = [], [], [], []
    for sources in lists:
        if len(sources) == 1:
            base.append(f"{_named(sources[0])}{_TAIL}")
            continue
        for variant in _variants(sources):
            whole = _whole(variant)
            path.append(whole)
            folder = [whole, _leading(variant)] if negate else [whole]
            path_folder += folder
            if anywhere:
                base_folder += folder
    return base, path, base + base_folder, path_folder


def _named(source: str) -> str:
    return "[^/]+" if source == _GLOBSTAR else source


def _variants(sources: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return the lists to match `a/b` with, where npm matches both `a/b` and `/a/b`."""
    if sources[0] == "":
        return [sources[1:]]
    if sources[0] != _GLOBSTAR and re.fullmatch(sources[0], ""):
        return [sources, sources[1:]]
    return [sources]


def _whole(sources: tuple[str, ...]) -> str:
    """Join the parts to an expression for a whole path."""
    text, last = "", len(sources) - 1
    for index, source in enumerate(sources):
        if source != _GLOBSTAR:
            text += source + ("/" if index < last else _TAIL)
        elif index < last:
            text += "(?:.*/)?"
        else:
            text += ".*" if index else ".+"
    return text


def _leading(sources: tuple[str, ...]) -> str:
    """Join the parts to an expression for every folder on the way to a match."""
    text = ""
    for index in range(len(sources) - 1, -1, -1):
        if sources[index] == _GLOBSTAR:
            text = "(?:/.*)?" if index else ".*"
        else:
            text = f"(?:/{sources[index]}{text})?" if index else sources[index] + text
    return text + _TAIL


_GLOBSTAR: Final = "**"


def _braces(glob: str) -> list[str]:
    if not _HAS_BRACES.search(glob):
        return [glob]
    import bracex

    try:
        expanded = bracex.expand(glob, keep_escapes=True, limit=_MOST_BRACES)
    except bracex.ExpansionLimitException:
        return [glob]
    return [_BRACE_ESCAPE.sub(r"\1", each) for each in expanded]


def _parts(glob: str) -> list[str]:
    parts: list[str] = []
    for part in re.split(r"/+", glob):
        previous = parts[-1] if parts else ""
        if part == "**" == previous:
            continue
        if part == ".." and previous not in ("", "..", ".", "**"):
            parts.pop()
            continue
        parts.append(part)
    return parts or [""]


def _sources(parts: list[str]) -> tuple[str, ...] | None:
    sources = [_GLOBSTAR if part == "**" else _part(part) for part in parts]
    return None if NEVER in sources or sources == [""] else tuple(sources)


def _part(part: str) -> str:
    """Translate what stands between two slashes."""
    if part == "":
        return ""
    if _STARS.fullmatch(part):
        return "[^/]+"
    # As in npm, what follows the stars is taken to the letter here, a backslash too.
    if found := _STARS_EXT.fullmatch(part):
        return f"[^/]*{re.escape(found[1])}"
    if found := _MARKS_EXT.fullmatch(part):
        return f"[^/]{{{len(found[1])}}}{re.escape(found[2])}"
    return extglob.source(part)
