"""The door of the platform's room: its code is loaded inside, and its errors come out as ours."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jitsu_py import embedded
from jitsu_py.errors import (
    ConflictError,
    JitsuError,
    NotFoundError,
    NotLoggedInError,
    ServerRefusedError,
    UnreachableError,
    UsageError,
)
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType


@contextmanager
def platform() -> Iterator[ModuleType]:
    """The door of the platform's room; its errors come out as ours.

    Raises:
        UnreachableError: the `server` extra is not installed, or this system cannot run the platform.
    """
    embedded.require_extra()
    try:
        from jitsu_py.server import run
    except ImportError as error:
        raise UnreachableError(
            f"the platform does not run on this system: {error}",
            hint="it needs Linux or macOS; `jitsu host URL`",
        ) from error
    import logging

    # What the platform logs is for its own log; without any handler Python would write it to stderr.
    logging.getLogger("jitsu_py").addHandler(logging.NullHandler())
    try:
        yield run
    except run.PlatformError as error:
        raise _as_ours(error.code, error.message, error.details) from error


def _as_ours(code: Code, message: str, details: dict[str, Any]) -> JitsuError:
    kinds: dict[Code, type[JitsuError]] = {
        Code.BAD_REQUEST: UsageError,
        Code.ENGINE_NOT_FOUND: NotFoundError,
        Code.NOT_FOUND: NotFoundError,
        Code.NAME_TAKEN: ConflictError,
        Code.FORBIDDEN: NotLoggedInError,
        Code.UNAVAILABLE: UnreachableError,
    }
    hints = {
        Code.ENGINE_NOT_FOUND: "a version is what package.json would say: 20, ^18.17, 0.10.x",
        Code.NOT_FOUND: "`jitsu server users list` shows the accounts",
        Code.NAME_TAKEN: "`jitsu server users list` shows the accounts",
        Code.FORBIDDEN: "",
    }
    output = details.get("output", [])
    kind = kinds.get(code, ServerRefusedError)
    hint = hints.get(code, "`jitsu server logs` may tell more")
    return kind(message, hint="" if output else hint, code=str(code), output=output)
