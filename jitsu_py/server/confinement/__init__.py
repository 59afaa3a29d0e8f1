"""What holds a program of somebody else's: what it sees, what it may use, and an end for all it started.

`Confiner` is the door: one a server, it knows what this machine can do. It gives a `Confinement` for each
build or drone, whose `command` turns a command line into one that runs confined.
"""

from __future__ import annotations

from jitsu_py.server.confinement.bubblewrap import Sandbox, find_sandbox
from jitsu_py.server.confinement.cgroups import Hierarchy, find_hierarchy
from jitsu_py.server.confinement.confinement import Confinement
from jitsu_py.server.confinement.confiner import Confiner, mark_of
from jitsu_py.server.confinement.launch import SHELL
from jitsu_py.server.confinement.limits import Excess, Limits, Usage
from jitsu_py.server.confinement.means import Means, find_means
from jitsu_py.server.confinement.programs import installation
from jitsu_py.server.confinement.start import Start
from jitsu_py.server.confinement.users import USUAL, User, Users, find_users
from jitsu_py.server.confinement.view import View

__all__ = [
    "SHELL",
    "USUAL",
    "Confinement",
    "Confiner",
    "Excess",
    "Hierarchy",
    "Limits",
    "Means",
    "Sandbox",
    "Start",
    "Usage",
    "User",
    "Users",
    "View",
    "find_hierarchy",
    "find_means",
    "find_sandbox",
    "find_users",
    "installation",
    "mark_of",
]
