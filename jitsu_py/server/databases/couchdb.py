"""CouchDB itself, from version 3 on, where the system has it: how it is found, told what to do, and launched.

Its `bin/couchdb` is known from its releases, and is not among what our tests run.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jitsu_py.server.databases.addresses import HOST
from jitsu_py.server.databases.kinds import Program
from jitsu_py.server.settings import write_private

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jitsu_py.server.databases.kinds import Site

NAME: Final = "couchdb"

USUAL: Final = "/opt/couchdb/bin/couchdb"
"""Where Apache's own packages put it, which is on nobody's PATH."""

OLDEST: Final = 3

LEAST: Final = 384
"""MiB of memory that it and its view servers need."""

SETTINGS: Final = """\
; Written at every launch; the server adds to it.
[couchdb]
single_node = true
uuid = {uuid}
database_dir = {data}
view_index_dir = {data}
[cluster]
n = 1
[chttpd]
bind_address = {host}
port = {port}
require_valid_user = true
config_whitelist = []
[chttpd_auth]
secret = {secret}
[admins]
{account} = {password}
[log]
writer = stderr
level = warning
"""
"""Nobody gets in without a login, and who is in changes no settings: they lead out of the database."""

MACHINE: Final = """\
-name couchdb@{host}
-setcookie {secret}
-start_epmd false
-erl_epmd_port {port}
-dist_listen false
-kernel inet_dist_use_interface {{127,0,0,1}}
-sasl errlog_type error
+Bd -noinput
"""
"""For Erlang: one node, to which no other comes. By itself it would listen to the whole network."""


def find() -> Program | None:
    """CouchDB on this machine."""
    script = Path(shutil.which(NAME) or USUAL).resolve()
    try:
        version = _release(script).joinpath("releases", "start_erl.data").read_text().split()[1]
    except (OSError, ValueError, IndexError):
        return None
    major = re.match(r"(\d+)\.\d+", version)
    return Program(NAME, version, (str(script),)) if major and int(major[1]) >= OLDEST else None


def prepare(site: Site, program: Program) -> tuple[str, ...]:
    """Write its settings, and return its command line."""
    secret = hashlib.sha256(site.password.encode()).hexdigest()
    site.configure(
        SETTINGS.format(
            uuid=site.ref[:24].ljust(32, "0"),
            data=site.data,
            host=HOST,
            port=site.port,
            secret=secret,
            account=site.account,
            password=site.password,
        )
    )
    write_private(_machine(site), MACHINE.format(host=HOST, port=site.port, secret=secret).encode())
    defaults = _release(Path(program.command[0])) / "etc" / "default.ini"
    return (*program.command, "-couch_ini", str(defaults), str(site.conf))


def environment(site: Site) -> Mapping[str, str]:
    """Variables that it needs."""
    return {"COUCHDB_ARGS_FILE": str(_machine(site)), "ERL_CRASH_DUMP_BYTES": "0"}


def _release(script: Path) -> Path:
    return script.parent.parent


def _machine(site: Site) -> Path:
    return site.folder / "vm.args"
