"""Telling systemd that the server serves; sd_notify(3)."""

from __future__ import annotations

import logging
import os
import socket

log = logging.getLogger(__name__)


def ready() -> None:
    """Say that requests are answered, where somebody waits to hear it."""
    address = os.environ.pop("NOTIFY_SOCKET", "")
    if not address:
        return
    # An @ stands for the zero byte of an address that is no file.
    where = f"\0{address[1:]}" if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
            told.sendto(b"READY=1\nSTATUS=serving", where)
    except OSError as error:
        log.warning("systemd does not hear that the server serves: %s", error)
