"""Runs SecantusDB, and refuses what would grow its data while the disk is nearly full.

A script: `python -I mongo_guard.py FOLDER MIB [arguments of SecantusDB]`. Without it the server goes on until
a write fails, and is of no use then, not even to readers, until it is launched with room to spare.
"""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Any

from secantus import cli, server

if TYPE_CHECKING:
    from collections.abc import Callable

    Dispatch = Callable[[dict[str, Any], Any], dict[str, Any]]

WRITES = frozenset(
    {
        *("bulkWrite", "insert", "update", "findAndModify", "findandmodify", "mapReduce", "mapreduce"),
        *("create", "createIndexes", "collMod", "createUser", "createRole", "updateRole"),
        *("grantPrivilegesToRole", "grantRolesToRole", "grantRolesToUser"),
    }
)
"""What makes data grow. Removing is allowed: it makes room. A new password, too: it is the platform's."""

WRITING_STAGES = frozenset({"$out", "$merge"})
"""Of an aggregation."""

CLOSED = "secantusAdmin."
"""How the server's commands begin that write anywhere on its machine, for who is an administrator to it."""

OUT_OF_DISK_SPACE = 14031
"""MongoDB's own code for it."""


def guarded(dispatch: Dispatch, folder: str, reserve: int) -> Dispatch:
    """What answers commands, with the guard before it.

    Args:
        folder: of the data.
        reserve: bytes of its disk that stay free.
    """

    def answer(command: dict[str, Any], context: Any) -> dict[str, Any]:
        name = next(iter(command), "")
        if name.startswith(CLOSED):
            return _error(59, "CommandNotFound", f"no such command: '{name}'")
        if _writes(name, command) and shutil.disk_usage(folder).free < reserve:
            return _error(OUT_OF_DISK_SPACE, "OutOfDiskSpace", "the disk is nearly full: no writes are taken")
        return dispatch(command, context)

    return answer


def _writes(name: str, command: dict[str, Any]) -> bool:
    if name == "aggregate":
        stages = command.get("pipeline")
        last = stages[-1] if isinstance(stages, list) and stages else None
        return isinstance(last, dict) and bool(WRITING_STAGES & last.keys())
    return name in WRITES


def _error(code: int, name: str, message: str) -> dict[str, Any]:
    return {"ok": 0.0, "errmsg": message, "code": code, "codeName": name}


if __name__ == "__main__":
    place, mebibytes, *arguments = sys.argv[1:]
    server.dispatch = guarded(server.dispatch, place, int(mebibytes) * 2**20)
    sys.exit(cli.main(arguments))
