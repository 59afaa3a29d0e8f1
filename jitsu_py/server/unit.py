"""The systemd unit that keeps the platform of a state folder running."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

NAME: Final = "jitsu.service"

MARK: Final = "JITSU_UNIT"
"""Environment variable that tells a server which unit starts it again when it ends."""

AGAIN: Final = 75
"""Exit status of a server that left its drones to the next one: the unit starts that one."""

_TEXT: Final = """\
# Written by `jitsu server install`; `jitsu server uninstall` takes it away.
[Unit]
Description=jitsu: Node.js apps on this machine
Documentation=man:jitsu-server(1)
After=network-online.target
Wants=network-online.target

[Service]
Type=notify
ExecStart={start}
# A new server takes over drones and router, which go on serving meanwhile.
ExecReload=/bin/kill -HUP $MAINPID
WorkingDirectory={home}
Environment={mark}={name} "PATH={path}"
Restart=on-failure
RestartSec=100ms
RestartForceExitStatus={again}
SuccessExitStatus={again}
TimeoutStartSec=120
TimeoutStopSec=120
# The server ends its drones itself, in order. What goes on when it was killed, the next one adopts.
KillMode=process
OOMPolicy=continue
# Memory limits of drones and builds are control groups below the unit's own.
Delegate=yes
{subgroup}TasksMax=infinity
LimitNOFILE=65536:524288
UMask=0077
{person}{hardening}
[Install]
WantedBy={target}
"""

_HARDENING: Final = """\
NoNewPrivileges=yes
RestrictSUIDSGID=yes
RestrictRealtime=yes
LockPersonality=yes
ProtectSystem=full
ProtectClock=yes
ProtectKernelModules=yes
# Not set, since drones and builds need them: PrivateTmp (drones outlive the unit's processes),
# ProtectKernelTunables, ProtectHostname and RestrictNamespaces (sandboxes of their own: the kernel mounts
# no /proc in one where a part of the outer /proc is covered), MemoryDenyWriteExecute (V8).
"""


_SUBGROUP: Final = """\
# The server is beside them: a group that gives others their bounds has no processes of its own.
DelegateSubgroup=server
"""

SUBGROUPS: Final = 254
"""The version of systemd that knows these first."""


@dataclass(frozen=True)
class Unit:
    """A service as it is to be."""

    home: Path
    """The state folder."""
    python: Path
    """The interpreter that has jitsu."""
    path: str
    """PATH of the server: where it finds Node, npm and HAProxy."""
    user: str = ""
    """Whose service it is; empty: of the person whose systemd runs it."""
    systemd: int = 0
    """Its version; 0: not known."""


def render(unit: Unit) -> str:
    """Write the unit's file.

    Raises:
        ValueError: a path or the PATH holds a line break, which no unit can.
    """
    words = [str(unit.python), "-P", "-m", "jitsu_py.server", "--home", str(unit.home)]
    if re.search(r"[\n\r\0]", " ".join([*words, unit.path])):
        raise ValueError("a path with a line break in it")
    low_ports = "AmbientCapabilities=CAP_NET_BIND_SERVICE\n" if unit.user else ""
    return _TEXT.format(
        start=" ".join(map(_quoted, words)),
        home=_plain(str(unit.home)),
        mark=MARK,
        name=NAME,
        path=_escaped(unit.path),
        again=AGAIN,
        subgroup=_SUBGROUP if unit.user and unit.systemd >= SUBGROUPS else "",
        person=f"User={unit.user}\n{low_ports}" if unit.user else "",
        hardening=_HARDENING if unit.user else "",
        target="multi-user.target" if unit.user else "default.target",
    )


def _quoted(word: str) -> str:
    """Quote a word of a command line; systemd.service(5)."""
    return f'"{_escaped(word).replace("$", "$$")}"'


def _escaped(text: str) -> str:
    return _plain(text).replace("\\", "\\\\").replace('"', '\\"')


def _plain(text: str) -> str:
    """Escape what systemd replaces everywhere: `%h` and the like."""
    return text.replace("%", "%%")
