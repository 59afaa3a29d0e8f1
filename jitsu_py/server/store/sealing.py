"""Secrets at rest: sealed with a key that lies beside the database, not in it."""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from jitsu_py.server.errors import PlatformError
from jitsu_py.server.settings import write_private
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from pathlib import Path

KEY_FILE = "secret.key"

REMEMBERED: Final = 4096
"""Values that are kept open, since a list of a thousand apps opens a thousand; the oldest go first."""


class Sealer:
    """Seals and opens JSON values with the state folder's key (Fernet: AES-128-CBC, HMAC-SHA-256).

    Args:
        keys: the first one seals, all of them open: there are several while a new one takes over.

    Raises:
        ValueError: one of them is no key, or there is none.
    """

    def __init__(self, keys: list[bytes]) -> None:
        from cryptography.fernet import Fernet, MultiFernet

        self._fernet = MultiFernet([Fernet(key) for key in keys])
        self._opened: OrderedDict[bytes, dict[str, str]] = OrderedDict()

    def seal(self, value: dict[str, str]) -> bytes:
        """The value, unreadable without the key."""
        return self._fernet.encrypt(json.dumps(value, separators=(",", ":")).encode())

    def open(self, sealed: bytes) -> dict[str, str]:
        """The value that was sealed.

        Raises:
            PlatformError: it was sealed with another key.
        """
        from cryptography.fernet import InvalidToken

        known = self._opened.get(sealed)
        if known is not None:
            return dict(known)
        try:
            value: dict[str, str] = json.loads(self._fernet.decrypt(sealed))
        except InvalidToken as error:
            raise PlatformError(
                Code.INTERNAL,
                f"{KEY_FILE} is not the key with which the secrets here were sealed. Put the old one back.",
                blame=Blame.SYSTEM,
            ) from error
        self._opened[sealed] = value
        while len(self._opened) > REMEMBERED:
            self._opened.popitem(last=False)
        return dict(value)


def load_sealer(home: Path) -> Sealer:
    """The state folder's sealer; its key is made at the first start.

    Raises:
        PlatformError: the file holds no key.
    """
    from cryptography.fernet import Fernet

    path = home / KEY_FILE
    if not path.exists():
        write_private(path, Fernet.generate_key())
    try:
        return Sealer(path.read_bytes().split())
    except ValueError as error:
        raise PlatformError(Code.INTERNAL, f"{path} holds no key: {error}.", blame=Blame.SYSTEM) from error


def add_key(home: Path) -> None:
    """Make a new key that seals from now on; the old ones still open. Not while a server runs."""
    from cryptography.fernet import Fernet

    path = home / KEY_FILE
    write_private(path, b"\n".join([Fernet.generate_key(), *path.read_bytes().split()]) + b"\n")


def drop_old_keys(home: Path) -> None:
    """Keep only the key that seals. What was sealed with another cannot be opened afterwards."""
    path = home / KEY_FILE
    write_private(path, path.read_bytes().split()[0] + b"\n")
