"""The ports of the API and of the router: those that are set, else the remembered, the default, the next."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final

from jitsu_py import wire
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.router import Router
from jitsu_py.server.store import remembered
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from jitsu_py.server.settings import Settings
    from jitsu_py.server.store import Store

TRIED: Final = 50
"""Ports tried, from the default on, when that one is taken."""


def listen(settings: Settings, store: Store) -> socket.socket:
    """Take the API's port: the one that is set, else the remembered, the default, the next free one."""
    for port in _candidates(settings.api.port, store, "api.port", wire.API_PORT):
        if (listener := _bound(settings.api.address, port)) is not None:
            _remember_port(store, "api.port", port)
            return listener
    raise _taken("api", settings.api.address, settings.api.port or wire.API_PORT)


def router_port(settings: Settings, store: Store) -> int:
    """The router's port, chosen as the API's; one on which our own HAProxy still listens is free to us."""
    for port in _candidates(settings.router.port, store, "router.port", wire.ROUTER_PORT):
        probe = _bound(settings.router.address, port)
        if probe is not None:
            probe.close()
        if probe is not None or Router.holds(settings.run, port):
            _remember_port(store, "router.port", port)
            return port
    raise _taken("router", settings.router.address, settings.router.port or wire.ROUTER_PORT)


def _candidates(fixed: int | None, store: Store, key: str, default: int) -> list[int]:
    if fixed is not None:
        return [fixed]
    with store.read() as connection:
        last = remembered.recall(connection, key)
    return [*([int(last)] if last else []), *range(default, default + TRIED)]


def _remember_port(store: Store, key: str, port: int) -> None:
    with store.write() as connection:
        remembered.remember(connection, key, str(port))


def _bound(address: str, port: int) -> socket.socket | None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, port))
        listener.listen(2048)
    except OSError:
        listener.close()
        return None
    return listener


def _taken(section: str, address: str, port: int) -> PlatformError:
    return PlatformError(
        Code.UNAVAILABLE,
        f"Port {port} on {address} cannot be taken: another program has it. End that one, "
        f"or set another port in server.toml ([{section}] port).",
    )
