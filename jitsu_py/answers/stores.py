"""The kinds that are about databases."""

from __future__ import annotations

Facts = dict[str, tuple[str, str]]

_DATABASE: Facts = {
    "name": ("string", "its name"),
    "user": ("string", "whose it is"),
    "type": ("string", "redis, mongo or couch, or a name of old: redistogo, mongohq"),
    "state": ("string", "starting, running, slow, full (it takes no writes), stopped or failed"),
    "why": ("string?", "why, where there is more to say"),
    "size": ("integer?", "bytes on disk"),
    "memory": ("integer?", "MiB that it may use"),
    "apps": ("[object]", "each an object of name and variables: the apps that it is attached to"),
    "server": ("string?", "the program behind it"),
    "limits": ("string?", "what that program cannot do"),
    "schedule": ("object", "when backups are made: every, null for never, and keep"),
    "ctime": ("time?", "when it was created"),
}
_BACKUP: Facts = {
    "id": ("string", "by which commands name it"),
    "ctime": ("time?", "when it was made"),
    "size": ("integer?", "bytes"),
    "server": ("string?", "the program that made it"),
    "sha256": ("string?", "of its file, hexadecimal"),
}

STORES: dict[str, Facts] = {
    "database": _DATABASE,
    "database details": {
        **_DATABASE,
        "host": ("string?", "where it listens"),
        "port": ("integer?", "where it listens"),
        "username": ("string?", "of its login"),
        "password": ("string?", "of its login"),
        "dbname": ("string?", "within the server"),
        "url": ("string?", "all of it in one"),
        "snippets": ("object", "how to use it, by the program or npm module that does"),
    },
    "attached": {
        **_DATABASE,
        "app": ("string", "the app"),
        "restarted": ("boolean", "whether the app was restarted with the variables"),
        "pending": ("boolean", "whether what runs still has those of before"),
    },
    "database destroyed": {
        "name": ("string", "its name"),
        "user": ("string", "whose it was"),
        "destroyed": ("boolean", "true"),
    },
    "connection": {
        "name": ("string", "its name"),
        "user": ("string", "whose it is"),
        "type": ("string", "as of the database"),
        "host": ("string", "where to connect to"),
        "port": ("integer", "where to connect to"),
        "url": ("string", "all of it in one"),
    },
    "backup": _BACKUP,
    "new backup": {
        **_BACKUP,
        "database": ("string", "of which it is"),
        "file": ("string?", "path of it here; null: it was not fetched"),
    },
    "restored": {**_DATABASE, "restored": ("string", "the file or the id")},
    "schedule": {
        "name": ("string", "its name"),
        "user": ("string", "whose it is"),
        "schedule": ("object", "every, null for never, and keep"),
    },
}
