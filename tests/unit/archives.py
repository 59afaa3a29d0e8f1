"""Archives for tests of the builder: good ones, and ones that nobody's tar would write."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

Form = Literal[0, 1, 2]
"""tarfile's ustar, GNU and pax."""

MANIFEST: dict[str, Any] = {"name": "app", "version": "1.0.0", "scripts": {"start": "node server.js"}}


def member(name: str, data: bytes = b"", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    """An entry; `fields` are those of `tarfile.TarInfo`."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    info.mode = 0o644
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def manifest(name: str = "package/package.json", **more: Any) -> tuple[tarfile.TarInfo, bytes]:
    """A package.json."""
    return member(name, json.dumps({**MANIFEST, **more}).encode())


def link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    """A symbolic link."""
    return member(name, type=tarfile.SYMTYPE, linkname=target)


def hard_link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    """A hard link."""
    return member(name, type=tarfile.LNKTYPE, linkname=target)


def folder(name: str, mode: int = 0o755) -> tuple[tarfile.TarInfo, bytes]:
    """A folder."""
    return member(name, type=tarfile.DIRTYPE, mode=mode)


def tar_bytes(
    members: Iterable[tuple[tarfile.TarInfo, bytes]],
    form: Form = tarfile.PAX_FORMAT,
    end: bytes = b"\0" * 1024,
) -> bytes:
    """A tar file, as tarfile writes headers, without asking whether they make sense."""
    out = io.BytesIO()
    for info, data in members:
        out.write(info.tobuf(form, "utf-8", "surrogateescape"))
        out.write(data)
        out.write(b"\0" * (-len(data) % tarfile.BLOCKSIZE))
    return out.getvalue() + end


def zipped(data: bytes) -> bytes:
    """gzip, the same bytes at every time of day."""
    return gzip.compress(data, 1, mtime=0)


def write_archive(
    path: Path, *members: tuple[tarfile.TarInfo, bytes], form: Form = tarfile.PAX_FORMAT
) -> Path:
    """Write a gzip'd tar file."""
    path.write_bytes(zipped(tar_bytes(members, form)))
    return path


def write_app(path: Path, package: Mapping[str, Any], files: Mapping[str, str | bytes] | None = None) -> Path:
    """Write the archive of an app: its package.json and other files, below "package/"."""
    members = [member("package/package.json", json.dumps(package).encode())]
    for name, text in (files or {}).items():
        members.append(member(f"package/{name}", text.encode() if isinstance(text, str) else text))
    return write_archive(path, *members)
