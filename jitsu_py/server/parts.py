"""The platform's parts as `server.toml` wants them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psutil

from jitsu_py.server.address import reached_at
from jitsu_py.server.builder import Builder, build_limits
from jitsu_py.server.certificates.making import default_pem
from jitsu_py.server.confinement import USUAL, Confiner, find_users
from jitsu_py.server.drones import LocalEngine, Quarters
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.router import ApiHost, Front, Https, Router, find_haproxy
from jitsu_py.server.router.front import HSTS
from jitsu_py.server.settings import MEMORY_MOST, engines_of
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from pathlib import Path

    from jitsu_py.server.confinement import Users
    from jitsu_py.server.settings import Drones, Settings


def router(settings: Settings, *, port: int, api_port: int) -> Router:
    """What leads visitors to the apps, and those of the API's own name to the API.

    Raises:
        PlatformError: UNAVAILABLE: there is no HAProxy.
    """
    return Router(
        _haproxy(),
        settings.run,
        port=port,
        address=settings.router.address,
        front=front(settings, api_port),
        default=default_pem() if settings.router.https else "",
        compresses=settings.router.compression == "on",
    )


def front(settings: Settings, api_port: int) -> Front:
    """What the router has beside the apps: HTTPS, the API under its own name."""
    router, api = settings.router, settings.api
    usual = HSTS if router.https == 443 else 0
    hsts = usual if router.hsts is None else router.hsts
    return Front(
        https=Https(router.https, hsts) if router.https else None,
        api=ApiHost(api.host, reached_at(api.address), api_port) if api.host else None,
    )


def builder(settings: Settings) -> Builder:
    """What makes snapshots of archives, within the bounds of `[builds]`."""
    builds, home = settings.builds, settings.home
    half = psutil.virtual_memory().total // 2
    bounds = build_limits(
        memory=builds.memory or min(half, MEMORY_MOST), processes=builds.processes, disk=builds.disk
    )
    return Builder(
        cache=home / "cache",
        work=home / "work",
        engines=engines_of(home),
        timeout=builds.timeout,
        concurrent=builds.concurrent,
        cache_size=builds.cache,
        confiner=Confiner.of_this_machine(home, sandboxed=builds.sandbox != "never"),
        bounds=bounds,
        strict=builds.sandbox == "always",
    )


def engine(settings: Settings) -> LocalEngine:
    """What runs drones on this machine, within the bounds of `[drones]`."""
    drones, home = settings.drones, settings.home
    quarters = Quarters(
        Confiner.of_this_machine(home, sandboxed=drones.sandbox != "never", users=_users(drones)),
        home.resolve(),
        processes=drones.processes,
        open_files=drones.open_files,
        cpu=drones.cpu,
        strict=drones.sandbox == "always",
        shared=drones.places,
    )
    return LocalEngine(home, quarters)


def _users(drones: Drones) -> Users | None:
    """The users of apps.

    Raises:
        PlatformError: the numbers that are set are somebody else's.
    """
    if drones.users == "never":
        return None
    found = find_users(drones.numbers or USUAL)
    if found.why and drones.numbers and os.geteuid() == 0:
        raise PlatformError(Code.BAD_REQUEST, f"[drones] users in server.toml cannot be used: {found.why}.")
    return found


def _haproxy() -> Path:
    found = find_haproxy()
    if found is None:
        raise PlatformError(
            Code.UNAVAILABLE,
            "HAProxy 2.8 or newer is needed to route to the apps and was not found. "
            "Install it (apt-get install haproxy, brew install haproxy).",
            blame=Blame.SYSTEM,
        )
    return found
