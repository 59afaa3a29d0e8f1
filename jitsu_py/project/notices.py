"""What a person should know of the files before they are sent: secrets, links, mounts, what npm skips."""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class About(StrEnum):
    """Kinds of notices; names for `--json` that do not change."""

    SECRET = "secret"  # noqa: S105 - a kind of file
    LINK = "link"
    LINK_OUTSIDE = "link_outside"
    SPECIAL = "special"
    NAME = "name"
    MOUNT = "mount"
    NODE_MODULES = "node_modules"


@dataclass(frozen=True)
class Notice:
    """Something that is packed and perhaps should not be, or is not packed and perhaps should."""

    path: str
    """From the project's folder, `/` between folders."""
    about: About
    message: str
    """A sentence that names the path."""


_SECRET_NAMES: Final = re.compile(
    r"""\.env(\..+)?|\.envrc|\.dev\.vars|id_(rsa|dsa|ecdsa|ed25519)|.+\.(p12|pfx|jks|keystore|kdbx|ppk)
    |\.(npmrc|netrc|pgpass|my\.cnf|htpasswd|git-credentials|dockercfg|yarnrc\.yml)|_netrc
    |(client_secret|service-?account|credentials|secrets)[^/]*\.(json|ya?ml|toml)|.*-firebase-adminsdk-.*\.json""",
    re.VERBOSE | re.IGNORECASE,
)
_EXAMPLES: Final = re.compile(r"[._-](example|sample|template|dist|defaults?|schema)\b", re.IGNORECASE)
_SECRET_PATHS: Final = re.compile(r"(^|/)\.(aws/credentials|docker/config\.json|kube/config|ssh/.+)$")
_KEY_NAMES: Final = re.compile(r".+\.(pem|key|crt|cer|asc|gpg)", re.IGNORECASE)
_KEY_MARK: Final = b"PRIVATE KEY"
_KEY_BYTES: Final = 64 * 1024  # a file of certificates may have the key at its end, but is never long

_SPECIAL: Final = {
    stat.S_IFSOCK: "socket",
    stat.S_IFIFO: "named pipe",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}


def about_link(root: str, path: str) -> Notice:
    """Describe a link, which no archive of npm's holds."""
    link = Path(root, path)
    target = Path(os.path.realpath(link))
    shown = f"{path} is a link to {link.readlink()}"
    if not target.exists():
        return Notice(path, About.LINK, f"{shown}, which is not there; it is not packed.")
    if not target.is_relative_to(os.path.realpath(root)):
        return Notice(path, About.LINK_OUTSIDE, f"{shown}, which is not in the project; it is not packed.")
    return Notice(path, About.LINK, f"{shown}; npm packs no links, so it is not packed.")


def about_special(path: str, mode: int) -> Notice:
    """Describe a socket, pipe or device."""
    kind = _SPECIAL.get(stat.S_IFMT(mode), "special file")
    return Notice(path, About.SPECIAL, f"{path} is a {kind}; it is not packed.")


def about_name(path: str) -> Notice:
    """Describe a name with a star in it, which npm passes over."""
    return Notice(path, About.NAME, f"{path} has a * in its name, which npm refuses; it is not packed.")


def about_mount(path: str) -> Notice:
    """Describe a folder that is a mount."""
    return Notice(path, About.MOUNT, f"{path} is a mount of another place; what is in it is packed.")


def about_outside(path: str, target: str) -> Notice:
    """Describe a bundled dependency that is only linked to."""
    message = f"{path} is a link to {target}; it is packed, since it is a bundled dependency."
    return Notice(path, About.LINK_OUTSIDE, message)


def about_files(root: str, paths: Sequence[str], bundled: Sequence[str] = ()) -> list[Notice]:
    """Describe what is packed and mostly should not be.

    Args:
        paths: of the files that are packed.
        bundled: folders of the bundled dependencies, whose node_modules are meant to be in.
    """
    own = tuple(f"{folder}/" for folder in bundled)
    nested = Counter(found for path in paths if not path.startswith(own) and (found := _node_modules(path)))
    return [*_secrets(root, paths), *(_about_modules(folder, count) for folder, count in nested.items())]


def _secrets(root: str, paths: Sequence[str]) -> Iterator[Notice]:
    for path in paths:
        name = path[path.rfind("/") + 1 :]
        if _SECRET_NAMES.fullmatch(name) or _SECRET_PATHS.search(path):
            if not _EXAMPLES.search(name):
                yield Notice(path, About.SECRET, f"{path} may hold secrets, and it is packed.")
        elif _KEY_NAMES.fullmatch(name) and _holds_key(root, path):
            yield Notice(path, About.SECRET, f"{path} holds a private key, and it is packed.")


def _holds_key(root: str, path: str) -> bool:
    try:
        with Path(root, path).open("rb") as file:
            return _KEY_MARK in file.read(_KEY_BYTES)
    except OSError:
        return False  # packing it says so, and better


def _node_modules(path: str) -> str:
    at = f"/{path}".find("/node_modules/")
    return f"{path[: at + len('node_modules')]}" if at >= 0 else ""


def _about_modules(folder: str, count: int) -> Notice:
    files = "1 file" if count == 1 else f"{count:,} files"
    return Notice(folder, About.NODE_MODULES, f"{folder} is packed ({files}), as npm does.")
