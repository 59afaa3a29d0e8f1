"""Small TOML files that belong to the user: read by anyone, written by one process at a time, never half.

The settings and the credentials are kept this way.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from glob import escape as glob_escape
from typing import IO, TYPE_CHECKING, Any

from jitsu_py.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tomlkit import TOMLDocument

LOCK_SECONDS = 20.0
"""How long a writer waits for others, seconds; each of them waits for a disk that may be busy."""


def read(path: Path) -> dict[str, Any]:
    """What the file says; a file that is not there says nothing.

    Raises:
        UsageError: it cannot be read or is not TOML; names the file and the line.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {_reason(error)}") from error
    return _parse(path, text)


@contextmanager
def edit(path: Path) -> Iterator[TOMLDocument]:
    """Hand out the document to be changed, then write it back: under a lock, beside and renamed, 0600.

    Comments and order stay. Nothing is written when the block raises.

    Raises:
        UsageError: the file cannot be read, locked or written.
    """
    import tomlkit

    # A dotfile manager's link is followed, not replaced.
    path = path.resolve()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(path.with_name(path.name + ".lock")):
            _sweep(path)
            read(path)
            before = path.read_text(encoding="utf-8") if path.exists() else ""
            document = tomlkit.parse(before)
            yield document
            after = tomlkit.dumps(document)
            if after != before:
                write_private(path, after)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {_reason(error)}") from error


def write_private(path: Path, text: str) -> None:
    """Put `text` at `path` whole or not at all; only its owner may read it, from the first byte."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with os.fdopen(
            os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
        ) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _sweep(path: Path) -> None:
    """Remove what writers left that were killed: whoever holds the lock is the only one that writes."""
    for left in path.parent.glob(f".{glob_escape(path.name)}.*.new"):
        left.unlink(missing_ok=True)


def _parse(path: Path, text: str) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(
            f"{path} is not valid TOML: {error}", hint="mend that line, or move the file away"
        ) from error


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock that `path` stands for; it ends with the process, whatever happens to it."""
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="utf-8") as file:
        deadline = time.monotonic() + LOCK_SECONDS
        while not _try_lock(file):
            if time.monotonic() > deadline:
                raise UsageError(f"another process holds {path}", hint="wait for it, then try again")
            time.sleep(0.02)
        yield


def _try_lock(file: IO[str]) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows
        return _try_lock_windows(file)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _try_lock_windows(file: IO[str]) -> bool:
    import msvcrt

    try:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    except OSError:
        return False
    return True


def _reason(error: OSError | UnicodeDecodeError) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return "it is not UTF-8 text"
