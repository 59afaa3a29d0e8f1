"""Hands out loopback ports for drones."""

from __future__ import annotations

import random
import socket

from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code

LOOPBACK = "127.0.0.1"


class PortPool:
    """Free ports of a range; none is handed out twice before it was given back.

    The range lies outside the one from which kernels take ports of outgoing connections (32768 and up on
    Linux, 49152 and up elsewhere): none is lost to a connection between the check and the drone's `listen()`.

    Args:
        first: lowest port.
        last: highest port, included.
    """

    def __init__(self, first: int = 20000, last: int = 29999) -> None:
        self._first = first
        self._size = last - first + 1
        self._held: set[int] = set()
        # A random start keeps two platforms on one machine apart.
        self._next = random.randrange(self._size)  # noqa: S311 - no secret

    def take(self) -> int:
        """Hand out a port on which nothing listens now.

        A port that was just given back comes last, so that a late request never meets another app's drone.

        Raises:
            PlatformError: every port of the range is handed out or in use.
        """
        for step in range(self._size):
            port = self._first + (self._next + step) % self._size
            if port not in self._held and _is_free(port):
                self._next = port - self._first + 1
                self._held.add(port)
                return port
        raise PlatformError(
            Code.UNAVAILABLE,
            f"No port is free between {self._first} and {self._first + self._size - 1}: stop apps or drones.",
            blame=Blame.SYSTEM,
        )

    def hold(self, port: int) -> None:
        """Count a port as handed out: a drone that was adopted has it."""
        self._held.add(port)

    def give_back(self, port: int) -> None:
        """The port may be handed out again; one that was never taken is ignored."""
        self._held.discard(port)


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As Node does: a port with old connections in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError:
            return False
    return True
