"""The account of this machine's own user, who proves to be that by a file only that user can read."""

from __future__ import annotations

import getpass
import re
import secrets
from typing import TYPE_CHECKING

from jitsu_py import wire
from jitsu_py.server.settings import write_private
from jitsu_py.server.store import remembered, users

if TYPE_CHECKING:
    from jitsu_py.server.settings import Settings
    from jitsu_py.server.store import Store


def local_account(store: Store) -> str:
    """The account that is this machine's own, named after the user of the operating system."""
    with store.write() as connection:
        name = remembered.recall(connection, "local.user") or _user_name()
        if users.find(connection, name) is None:
            users.create(connection, name, email=None, password=None, confirmed=True)
        remembered.remember(connection, "local.user", name)
    return name


def local_token(settings: Settings) -> str:
    """What the account proves itself with, in a 0600 file of the state folder; made if it is not there."""
    path = settings.home / wire.LOCAL_TOKEN_FILE
    if not path.exists() or not path.read_text().strip():
        write_private(path, secrets.token_urlsafe(32).encode())
    return path.read_text().strip()


def _user_name() -> str:
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "local"
    clean = re.sub(r"[^a-z0-9._-]+", "-", name.lower())[:64].strip("._-")
    return clean if re.fullmatch(wire.USER_NAME, clean) else "local"
