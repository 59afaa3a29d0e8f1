"""How to connect to a database: a line for the command line client, a few for each npm module."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jitsu_py.api.databases import Database

PROGRAMS = {"redis": "redis-cli -u {url}", "mongo": "mongosh '{url}'", "couch": "curl '{url}'"}
"""By kind; the first word is the program's name."""

MODULES = {
    "redis": {
        "redis": (
            "const client = require('redis').createClient({{ url: process.env.{variable} }})\n"
            "await client.connect()"
        ),
        "ioredis": "const client = new (require('ioredis'))(process.env.{variable})",
    },
    "mongo": {
        "mongodb": (
            "const client = new (require('mongodb').MongoClient)(process.env.{variable})\n"
            "const things = client.db().collection('things')"
        ),
        "mongoose": "await require('mongoose').connect(process.env.{variable})",
    },
    "couch": {"nano": "const nano = require('nano')(process.env.{variable})"},
}
"""By kind and by the module's name. An app finds the address in its environment; its code holds no secret."""


def of(database: Database) -> dict[str, str]:
    """Each snippet by the name of its program or module; lines are parted by line feeds."""
    kind, url = database.kind, database.url
    found = {}
    if kind in PROGRAMS and url:
        found[PROGRAMS[kind].partition(" ")[0]] = PROGRAMS[kind].format(url=url)
    for module, code in MODULES.get(kind, {}).items():
        found[module] = code.format(variable=database.variable)
    return found


def text(database: Database, *, is_here: bool) -> str:
    """All snippets as people read them.

    Args:
        is_here: whether the database's own port is one of this machine's.
    """
    elsewhere = f"elsewhere: `jitsu databases connect {database.name}`"
    here = "" if is_here else f", on the platform's machine ({elsewhere})"
    blocks = []
    for name, code in of(database).items():
        is_module = name in MODULES.get(database.kind, {})
        where = f" (npm install {name}), in an app it is attached to" if is_module else here
        blocks.append("\n".join([f"{name}{where}:", *(f"  {line}" for line in code.splitlines())]))
    return "\n\n".join(blocks)
