"""`jitsu databases`: parted by what the verbs do; here is what the table of commands names."""

from __future__ import annotations

from jitsu_py.commands.databases.attaching import attach, detach, rotate
from jitsu_py.commands.databases.backups import backup, list_backups, restore, schedule
from jitsu_py.commands.databases.connect import connect
from jitsu_py.commands.databases.group import databases
from jitsu_py.commands.databases.verbs import create, destroy, get, list_databases, resize, start, stop

__all__ = [
    "attach",
    "backup",
    "connect",
    "create",
    "databases",
    "destroy",
    "detach",
    "get",
    "list_backups",
    "list_databases",
    "resize",
    "restore",
    "rotate",
    "schedule",
    "start",
    "stop",
]
