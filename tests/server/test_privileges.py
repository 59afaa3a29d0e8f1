"""A service that may take low ports keeps that to itself; of a process that is not root, really."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

TOLD = """
import subprocess
from jitsu_py.server import privileges
def capabilities():
    read = "grep -E 'CapPrm|CapAmb' /proc/self/status"
    return subprocess.run(["sh", "-c", read], capture_output=True, text=True).stdout.split()[1::2]
print(*capabilities())
privileges.keep()
print(*capabilities())
print(*(line.split()[1] for line in open("/proc/self/status") if line.startswith("CapEff")))
"""

NONE = f"{0:016x}"
LOW_PORTS = f"{1 << 10:016x}"


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root has some to give")
def test_children_get_no_capabilities() -> None:
    """As systemd gives them, with the user of a service; the process itself still has them."""
    granted = ("--inh-caps=+net_bind_service", "--ambient-caps=+net_bind_service")
    person = ("--reuid=65534", "--regid=65534", "--clear-groups", *granted)
    done = subprocess.run(
        ["setpriv", *person, sys.executable, "-c", TOLD], capture_output=True, text=True, cwd="/", check=False
    )
    assert done.stdout.splitlines() == [f"{LOW_PORTS} {LOW_PORTS}", f"{NONE} {NONE}", LOW_PORTS], done.stderr
