"""The package.json of an archive, as far as the platform needs it to be sound."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from jitsu_py.server import sentjson
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from collections.abc import Mapping

MANIFEST: Final = "package.json"

MANIFEST_LIMIT: Final = 1024 * 1024
"""Largest package.json that is read, bytes."""

NAME_LIMIT: Final = 214
"""Longest package name npm takes."""


def bad_manifest(message: str) -> PlatformError:
    """The error for a package.json that cannot be used.

    Args:
        message: the whole sentence, without its full stop.
    """
    return PlatformError(Code.BAD_MANIFEST, f"{message}.", blame=Blame.APPLICATION)


def parse_manifest(data: bytes) -> dict[str, Any]:
    """Read a package.json.

    Returns:
        It, with a name that npm takes; nothing else is checked.

    Raises:
        PlatformError: BAD_MANIFEST, with the reason and, where there is one, the line.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise bad_manifest(
            f"package.json is not UTF-8: byte {error.start} is {data[error.start]:#04x}"
        ) from error
    if not text.strip():
        raise bad_manifest("package.json is empty")
    parsed = _parse_json(text)
    if not isinstance(parsed, dict):
        raise bad_manifest("package.json is JSON, but not an object")
    _check_name(parsed.get("name"))
    return parsed


def _parse_json(text: str) -> object:
    try:
        return sentjson.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise bad_manifest(f"package.json is not JSON: {error.msg} ({where})") from error
    except ValueError as error:
        raise bad_manifest(f"package.json is not JSON that can be used: {error}") from error


def _check_name(name: object) -> None:
    if name is None or name == "":
        raise bad_manifest("package.json has no name")
    if not isinstance(name, str) or not is_package_name(name):
        shown = name if not isinstance(name, str) or len(name) < 100 else f"{name[:97]}..."
        raise bad_manifest(f"package.json has a name that npm refuses: {shown!r}")


def is_package_name(name: str) -> bool:
    """Tell whether npm takes a name, by its rules for packages that exist already: capitals are fine.

    The rules: npm's "validate-npm-package-name", `validForOldPackages`.
    """
    scope, slash, rest = name.partition("/")
    parts = [scope[1:], rest] if slash and scope.startswith("@") else [name]
    return (
        0 < len(name) <= NAME_LIMIT
        and name.lower() not in ("node_modules", "favicon.ico")
        and all(part and part[0] not in "._" and quote(part, safe="~!'()*") == part for part in parts)
        and not re.search(r"\s", name)
    )


def section(manifest: Mapping[str, Any], key: str) -> dict[str, Any]:
    """An object inside a package.json, e.g. `scripts`; empty when it is missing or something else."""
    found = manifest.get(key)
    return found if isinstance(found, dict) else {}


def script(manifest: Mapping[str, Any], name: str) -> str:
    """A script of a package.json, stripped; "" when there is none."""
    found = section(manifest, "scripts").get(name)
    return found.strip() if isinstance(found, str) else ""
