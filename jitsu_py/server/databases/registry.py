"""Which kind of server stands behind each of the seed's types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jitsu_py.server.databases.couch import CouchKind
from jitsu_py.server.databases.mongo import MongoKind
from jitsu_py.server.databases.redis import RedisKind

if TYPE_CHECKING:
    from pathlib import Path

    from jitsu_py.server.databases.kinds import Kind


def kind_of(type_: str, home: Path) -> Kind:
    """The kind for a type.

    Args:
        type_: one of `addresses.TYPES`.
        home: the state folder.
    """
    if type_ == "couch":
        return CouchKind(home)
    return MongoKind() if type_ in ("mongo", "mongohq") else RedisKind()
