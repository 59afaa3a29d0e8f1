"""What the server may beyond its user, such as taking low ports, is the server's alone."""

from __future__ import annotations

import ctypes
import sys
from typing import Final

_AMBIENT: Final = 47
_CLEAR_ALL: Final = 4
"""PR_CAP_AMBIENT and PR_CAP_AMBIENT_CLEAR_ALL; prctl(2)."""


def keep() -> None:
    """Hand none of this process' capabilities on to what it starts; before it has threads.

    systemd gives them (`AmbientCapabilities=`) to a service and to all that this starts, and bubblewrap
    refuses to run with any.
    """
    if sys.platform == "linux":
        # Refused by kernels before 4.3 only, which have nothing to hand on.
        ctypes.CDLL(None).prctl(_AMBIENT, _CLEAR_ALL, 0, 0, 0)
