"""The source files of a project: which Node may run, and what leads from one to the next."""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from jitsu_py.project.manifest import Manifest

SUFFIXES: Final = frozenset({".js", ".cjs", ".mjs", ".jsx", ".ts", ".cts", ".mts", ".tsx"})
"""Of files that are read as source."""

TEXTS: Final = frozenset(
    {
        ".json",
        ".yml",
        ".yaml",
        ".toml",
        ".ini",
        ".conf",
        ".cfg",
        ".sh",
        ".html",
        ".ejs",
        ".txt",
        ".md",
        ".xml",
    }
)
"""Of other files that are looked through for secrets."""

_ASIDE: Final = re.compile(
    r"""(?:^|/)(?:tests?|__tests__|__mocks__|specs?|e2e|cypress|fixtures?|examples?|docs?|bench(?:marks?)?|stories
    |\.storybook|coverage|public|static|assets|vendor|bower_components)/
    |[._-](?:tests?|spec|stories|min|bundle|config|conf)\.[cm]?[jt]sx?$
    |(?:^|/)(?:[Gg]ulpfile|[Gg]runtfile|Jakefile)[^/]*$|\.d\.[cm]?ts$|(?:^|/)\.[^/]*rc\.[cm]?js$""",
    re.VERBOSE,
)
_COMMENT = re.compile(r'("(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/|,(?=\s*[}\]])', re.DOTALL)


def is_aside(path: str) -> bool:
    """Say whether a file is, by its name, for tests, tools or browsers: Node runs it only if it is led to."""
    return _ASIDE.search(path) is not None


def suffix(path: str) -> str:
    """Return the ending of a path's last name, in lower case."""
    return posixpath.splitext(path)[1].lower()


def entries(manifest: Manifest, paths: Collection[str]) -> list[str]:
    """Return the files that the app starts from; none where the start script does not tell."""
    words = [
        *_words(manifest.start or ""),
        *_strings(manifest.data.get("main")),
        *_strings(manifest.data.get("bin")),
    ]
    found = (resolved("", word, paths) for word in words)
    return list(dict.fromkeys(path for path in found if path))


def reached(starts: Iterable[str], links: Mapping[str, Iterable[str]], paths: Collection[str]) -> set[str]:
    """Return the files that can be got to.

    Args:
        starts: where to begin.
        links: relative specifiers by the file they stand in.
        paths: all files there are.
    """
    seen, waiting = set[str](), list(starts)
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        folder = posixpath.dirname(path)
        waiting += [found for each in links.get(path, ()) if (found := resolved(folder, each, paths))]
    return seen


def resolved(folder: str, specifier: str, paths: Collection[str]) -> str | None:
    """Return the file that Node, or a compiler before it, finds for a path; None: there is none."""
    base = posixpath.normpath(posixpath.join(folder, specifier))
    stem = re.sub(r"\.[cm]?js$", "", base)
    endings = ("", ".js", ".cjs", ".mjs", ".json", ".ts", ".tsx", ".jsx", ".mts", ".cts")
    for candidate in (
        *(base + ending for ending in endings),
        *(f"{stem}{ending}" for ending in (".ts", ".tsx", ".mts", ".cts")),
        *(f"{base}/index{ending}" for ending in endings[1:]),
    ):
        if candidate.removeprefix("./") in paths:
            return candidate.removeprefix("./")
    return None


def aliases(folder: Path) -> list[str]:
    """Return what `paths` in tsconfig.json or jsconfig.json names: specifiers that are no packages."""
    names: list[str] = []
    for name in ("tsconfig.json", "jsconfig.json", "tsconfig.base.json"):
        options = _relaxed(folder / name).get("compilerOptions")
        paths = options.get("paths") if isinstance(options, dict) else None
        names += [each for each in paths if each != "*"] if isinstance(paths, dict) else []
    return names


def base_url(folder: Path) -> str | None:
    """Return the folder that bare specifiers may name files of, from the project's folder."""
    options = _relaxed(folder / "tsconfig.json").get("compilerOptions")
    url = options.get("baseUrl") if isinstance(options, dict) else None
    return posixpath.normpath(url) if isinstance(url, str) else None


def _relaxed(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        data = json.loads(_COMMENT.sub(lambda found: found[1] or "", text))
    except (OSError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _words(script: str) -> list[str]:
    try:
        return [word for word in shlex.split(script) if not word.startswith("-")]
    except ValueError:
        return script.split()


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
