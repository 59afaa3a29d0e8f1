"""The kinds that are about accounts, settings and this machine; and what an error says."""

from __future__ import annotations

Facts = dict[str, tuple[str, str]]

_NAME = ("string", "name of the account")
_LIMITED = "object of used, and limit: null where there is none"

ACCOUNTS: dict[str, Facts] = {
    "account": {
        "username": ("string?", "name of the account; null: no login was needed"),
        "host": ("string?", "address of the platform; null: none is set"),
        "embedded": ("boolean", "whether that is the one on this machine"),
        "source": ("string", "where token or password come from"),
    },
    "profile": {
        "username": _NAME,
        "email": ("string?", "that counts; a new one does once it is confirmed"),
        "confirmed": ("boolean", "whether the account is"),
        "hasPassword": ("boolean", "whether one is set"),
        "ctime": ("time?", "when it was created"),
    },
    "sign-up": {
        "username": _NAME,
        "email": ("string", "where the code goes"),
        "confirmed": ("boolean", "false"),
    },
    "confirmed": {
        "username": _NAME,
        "confirmed": ("boolean", "true"),
        "hasPassword": ("boolean", "whether one is set"),
        "code": ("string?", "with which a password is set; null: there is one"),
    },
    "user available": {"username": _NAME, "available": ("boolean", "whether somebody could sign up so")},
    "user destroyed": {"username": _NAME, "destroyed": ("boolean", "true")},
    "forgotten": {
        "host": ("string?", "address of the platform; null: none is set"),
        "username": ("string?", "whose token it was"),
        "forgotten": ("boolean", "whether there was one"),
    },
    "code asked": {"username": _NAME, "asked": ("boolean", "true, whether there is such an account or not")},
    "password changed": {"username": _NAME, "changed": ("boolean", "true")},
    "token": {
        "name": ("string", "its name"),
        "prefix": ("string", "how it begins"),
        "scope": ("string?", "full, deploy or read"),
        "app": ("string?", "the one app it is good for; null: all"),
        "ctime": ("time?", "when it was made"),
        "lastUsed": ("time?", "null: never"),
        "expires": ("time?", "null: never"),
    },
    "new token": {
        "name": ("string", "its name"),
        "token": ("string", "the secret, this once"),
        "replaced": ("boolean", "whether one of that name is void now"),
        "expires": ("time?", "null: never"),
    },
    "destroyed": {"name": ("string", "of what is gone"), "destroyed": ("boolean", "true")},
    "entrusted": {
        "id": ("string", "by which it is named"),
        "provider": ("string", "whose token it is: github, npm or git"),
        "url": ("string", "where it is for; empty when it cannot be opened any more"),
        "ctime": ("time?", "when it was added"),
    },
    "removed": {"id": ("string", "of what is gone"), "removed": ("boolean", "true")},
}

_SERVICE: Facts = {
    "unit": ("string", "path of the unit's file"),
    "user": ("string", "who runs it"),
    "home": ("string", "its state folder"),
    "system": ("boolean", "whether it is the whole machine's"),
}

MACHINE: dict[str, Facts] = {
    "service": _SERVICE,
    "service text": {**_SERVICE, "text": ("string", "of the unit's file")},
    "authority": {
        "file": ("string", "path of the certificate that is to be trusted"),
        "used": ("boolean", "whether the settings have it used"),
    },
    "service removed": {"removed": ("boolean", "false: there was none")},
    "setting": {
        "key": ("string", "its name"),
        "value": ("any", "in use; null: none"),
        "source": ("string", "where it comes from"),
        "summary": ("string", "what it means"),
    },
    "setting value": {
        "key": ("string", "its name"),
        "value": ("any", "in use; null: none"),
        "source": ("string", "where it comes from"),
    },
    "host": {
        "host": ("string?", "address of the platform; null: none runs"),
        "source": ("string", "where it comes from"),
        "embedded": ("boolean", "whether it is the one on this machine"),
    },
    "script": {"shell": ("string", "bash, zsh or fish"), "script": ("string", "its text")},
    "installed": {
        "shell": ("string", "bash, zsh or fish"),
        "file": ("string", "path of the script"),
        "changed": ("boolean", "whether it was written; false: it was there already"),
    },
    "server": {
        "api": ("string", "address of the API"),
        "router": ("string", "address at which apps answer, by their host names"),
        "user": ("string", "this machine's own account"),
        "pid": ("integer", "of its process"),
        "version": ("string", "of jitsu"),
        "started": ("time", "when"),
        "home": ("string", "its state folder"),
    },
    "stopped": {"stopped": ("boolean", "false: it did not run")},
    "doctor": {
        "ok": ("boolean", "whether the platform can run here"),
        "checks": ("[object]", "each an object of check, state (ok, warning or failed), found and hint"),
    },
    "engine": {
        "version": ("string", "of Node"),
        "from": ("string", "npm, or this machine"),
        "size": ("integer?", "bytes; null: not ours"),
        "usedBy": ("[string]", "snapshots built for it"),
        "node": ("string", "path of the program"),
    },
    "surplus": {
        "kind": ("string", "snapshot, dependencies, downloads, manager or engine"),
        "name": ("string", "user/app and id of a snapshot, version of an engine, else the folder"),
        "size": ("integer", "bytes that it takes, or took"),
        "why": ("string", "why nobody needs it"),
    },
    "user": {
        "username": _NAME,
        "email": ("string?", "of its owner"),
        "state": ("string", "active, not confirmed, locked or leaving"),
        "confirmed": ("boolean", "whether it is"),
        "locked": ("boolean", "whether its owner may not log in"),
        "apps": ("object", f"number: {_LIMITED}"),
        "drones": ("object", f"number wanted of all apps: {_LIMITED}"),
        "memory": ("object", f"MiB wanted of all apps and databases: {_LIMITED}"),
        "disk": ("object", f"MiB of all archives: {_LIMITED}"),
        "databases": ("object", f"number: {_LIMITED}"),
        "ctime": ("time", "when it was created"),
    },
    "invited": {"email": ("string", "that may sign up"), "invited": ("boolean", "true")},
    "invitation": {
        "username": _NAME,
        "email": ("string", "where the code goes"),
        "code": ("string", "that confirms the account"),
    },
    "user confirmed": {
        "username": _NAME,
        "confirmed": ("boolean", "true"),
        "code": ("string?", "with which a password is set; null: there is one"),
    },
    "locked": {"username": _NAME, "locked": ("boolean", "whether its owner may not log in")},
    "leaving": {"username": _NAME, "leaving": ("boolean", "true")},
    "resealed": {"resealed": ("integer", "number of secrets sealed anew")},
}

ERRORS: dict[str, Facts] = {
    "error": {
        "error": ("string", "stable name of what went wrong"),
        "message": ("string", "what happened and why"),
        "hint": ("string", "what to type or change next; may be empty"),
        "exit_code": ("integer", "with which the command ends, see `jitsu-exit-codes(7)`"),
        "request_id": ("string", "of the request, as in the platform's log; may be empty"),
        "output": ("optional [string]", "what the app or its build printed last"),
        "details": ("optional object", "more facts, by what went wrong"),
    },
}
"""What stands on stderr when a command fails."""
