"""Every kind of object that commands answer: its keys with their types and meanings."""

from __future__ import annotations

from jitsu_py.answers.others import ACCOUNTS, ERRORS, MACHINE, Facts
from jitsu_py.answers.stores import STORES

SOURCES = {
    "app": "apps.group:FIELDS",
    "cloud": "apps.size:CLOUD",
    "place": "apps.size:PLACE",
    "snapshot": "snapshots:FIELDS",
    "snapshot details": "snapshots:DETAILS",
    "line": "logs.showing:FIELDS",
    "drain": "logs.drains:FIELDS",
    "variable": "env:VARIABLE",
    "variables": "env:CHANGED",
    "database": "databases.group:FIELDS",
    "backup": "databases.backups:BACKUP",
    "account": "users.session:FIELDS",
    "profile": "users.accounts:FIELDS",
    "token": "tokens:FIELDS",
    "entrusted": "thirdparty:FIELDS",
    "setting": "config:FIELDS",
    "server": "server:FIELDS",
    "engine": "server.engines:FIELDS",
    "service": "server.install:FIELDS",
    "surplus": "server.prune:FIELDS",
    "user": "server.limits:FIELDS",
}
"""The description that commands print a kind by, below `jitsu_py.commands`; others are made where printed."""

_APP = ("string", "name of the app")
_USER = ("string", "whose it is")
_SNAPSHOT: Facts = {
    "id": ("string", "by which commands name it"),
    "state": ("string", "building, ready or failed"),
    "active": ("boolean", "whether the next start takes it"),
    "running": ("boolean", "whether it runs"),
    "size": ("integer", "bytes of the archive"),
    "ctime": ("time?", "when it was uploaded"),
    "filename": ("string", "name of the archive"),
    "md5": ("string", "of the archive, hexadecimal"),
    "sha256": ("string", "of the archive, hexadecimal"),
}
_CHANGE = "each an object of key, old and new; old is null where it was not set"

APPS: dict[str, Facts] = {
    "app": {
        "name": _APP,
        "user": _USER,
        "state": ("string", "started or stopped: what is wanted of it"),
        "condition": ("string", "how it fares: started, stopped, starting, crashing or unhealthy"),
        "url": ("string?", "where it answers"),
        "urls": ("[string]", "all addresses, that of url first"),
        "subdomain": ("string", "first part of its host name"),
        "domains": ("[string]", "host names of its own"),
        "drones": ("integer", "processes that run now"),
        "maxDrones": ("integer", "processes that are wanted"),
        "running": ("string?", "id of the snapshot that runs"),
        "active": ("string?", "id of the snapshot that the next start takes"),
        "version": ("string", "of its package.json"),
        "description": ("string", "of its package.json"),
        "engines": ("object", "of its package.json"),
        "cloud": ("[object]", "each as the kind cloud, without what is not known"),
        "snapshots": ("[string]", "ids, oldest first"),
        "databases": ("[string]", "names of those attached to it"),
        "ctime": ("time?", "when it was created"),
        "mtime": ("time?", "when it was last changed"),
    },
    "cloud": {
        "provider": ("string", "of the machines; local is the platform's own"),
        "datacenter": ("string", "within the provider"),
        "drones": ("integer", "processes that are wanted"),
        "ram": ("integer?", "MiB that each may use; null: no limit was set"),
    },
    "place": {
        "provider": ("string", "of machines on which apps can run"),
        "datacenter": ("string", "within the provider"),
        "endpoint": ("string", "address of the API that serves it"),
    },
    "browse": {
        "app": _APP,
        "user": _USER,
        "url": ("string", "where it answers"),
        "opened": ("boolean", "whether a browser was started"),
    },
    "app destroyed": {"name": _APP, "user": _USER, "destroyed": ("boolean", "true")},
    "availability": {
        "name": ("string", "the name that was asked for"),
        "available": ("boolean", "whether both are free"),
        "appname": ("boolean", "whether the name is free"),
        "subdomain": ("boolean", "whether the subdomain is free"),
    },
    "update": {
        "app": _APP,
        "user": _USER,
        "changes": ("[object]", _CHANGE),
        "sent": ("boolean", "whether they were made"),
    },
    "drain": {
        "id": ("string", "by which `jitsu logs drains remove` names it"),
        "app": ("string?", "whose lines are shipped; null: those of all apps"),
        "url": ("string", "where to, its secrets starred"),
        "state": ("string", "starting, waiting, shipping, failing or off"),
        "waiting": ("integer", "lines that the receiver has not taken yet"),
        "shipped": ("integer", "lines taken since the server started"),
        "skipped": ("integer", "lines that were removed from the log before they were taken"),
        "redact": ("boolean", "whether the values of variables are starred"),
        "error": ("string?", "why lines are not taken at the moment"),
        "ctime": ("time?", "when it was added"),
    },
    "line": {
        "time": ("time", "when it was printed"),
        "app": _APP,
        "drone": ("string", "which of its processes printed it"),
        "snapshot": ("string", "which version that was"),
        "stream": ("string", "stdout or stderr"),
        "text": ("string", "the line, without its end"),
    },
    "snapshot": _SNAPSHOT,
    "snapshot details": {
        **_SNAPSHOT,
        "engine": ("string?", "version of Node that it was built for"),
        "error": ("object?", "why its build failed: error, message, blame and details"),
        "files": ("[object]", "each an object of path, size in bytes, and mode"),
    },
    "build log": {
        "app": _APP,
        "id": ("string", "of the snapshot"),
        "lines": ("[string]", "what the build printed"),
    },
    "fetched": {
        "app": _APP,
        "id": ("string", "of the snapshot"),
        "file": ("string", "path of the archive here"),
        "size": ("integer", "bytes"),
        "sha256": ("string", "of the file, hexadecimal"),
    },
    "activated": {"app": _APP, "id": ("string", "of the snapshot"), "active": ("boolean", "true")},
    "snapshot destroyed": {
        "app": _APP,
        "id": ("string", "of the snapshot"),
        "destroyed": ("boolean", "true"),
    },
    "variable": {
        "key": ("string", "its name"),
        "value": ("string?", "null unless --show is given"),
        "hidden": ("boolean", "whether the value is left out"),
        "database": ("string?", "the database that it comes from; null: it was set"),
    },
    "value": {"app": _APP, "user": _USER, "key": ("string", "its name"), "value": ("string", "as it is")},
    "variables": {
        "app": _APP,
        "user": _USER,
        "set": ("[string]", "names with a new value"),
        "deleted": ("[string]", "names that are gone"),
        "restarted": ("boolean", "whether the app was restarted with them"),
        "pending": ("boolean", "whether what runs still has those of before"),
    },
    "saved": {
        "app": _APP,
        "user": _USER,
        "file": ("string", "path of the file"),
        "keys": ("[string]", "names in it"),
    },
}

DEPLOYS: dict[str, Facts] = {
    "deploy": {
        "app": _APP,
        "user": _USER,
        "snapshot": ("string", "id of the one that serves now"),
        "replaced": ("string", "id of the one that served before; empty: none, or the same"),
        "url": ("string", "where the app answers"),
        "urls": ("[string]", "all addresses"),
        "created": ("boolean", "whether the app is new"),
        "unchanged": ("boolean", "whether a snapshot of the very same files was there, and nothing was sent"),
        "files": ("integer", "number of files in the archive"),
        "size": ("integer", "bytes of the archive"),
        "seconds": ("number", "from the first write until the app was live"),
        "steps": ("object", "seconds of each step"),
        "detached": ("boolean", "whether the start goes on on the platform"),
        "postdeploy": ("string", "why the postdeploy script failed; empty: it did not"),
    },
    "plan": {
        "app": _APP,
        "user": _USER,
        "exists": ("boolean", "whether the app is there already"),
        "subdomain": ("string", "under which it will answer"),
        "version": ("string", "of package.json, with the bump that was asked for"),
        "snapshot": ("string", "id that the new one gets"),
        "replaces": ("string", "id of what serves now; empty: nothing"),
        "files": ("[string]", "paths that would be packed"),
        "bytes": ("integer", "of these files"),
        "settings": ("[object]", _CHANGE),
        "manifest": ("object", "what would be written to package.json: changes, and as text diff"),
        "notes": ("[string]", "what a person should know before"),
        "findings": ("[object]", "each an object of kind, name, path, line, message and warning"),
    },
    "rollback": {
        "app": _APP,
        "user": _USER,
        "from": ("string?", "id of the snapshot that ran"),
        "to": ("string", "id of the one that runs now"),
        "url": ("string", "where the app answers"),
    },
    "starter": {
        "starter": ("string", "name of the starter"),
        "folder": ("string", "path of the new project"),
        "name": _APP,
        "files": ("[string]", "paths that were written"),
    },
    "package": {
        "files": ("[object]", "each an object of path, size in bytes, mode in octal, and why it is packed"),
        "count": ("integer", "number of files"),
        "size": ("integer", "bytes before packing"),
        "notices": ("[object]", "each an object of path, about and message"),
    },
    "why": {
        "path": ("string", "that was asked for"),
        "packed": ("boolean", "whether it is packed"),
        "why": ("string", "which rule says so"),
    },
    "archive": {
        "file": ("string", "path of the archive"),
        "files": ("integer", "number of files in it"),
        "size": ("integer", "bytes"),
        "sha256": ("string", "hexadecimal"),
        "md5": ("string", "hexadecimal"),
    },
}

KINDS: dict[str, Facts] = {**APPS, **DEPLOYS, **STORES, **ACCOUNTS, **MACHINE, **ERRORS}
"""By name: the keys with their types and meanings."""
