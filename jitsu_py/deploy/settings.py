"""An app's settings: what package.json says against what the server has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from jitsu_py.api.apps import Cloud
from jitsu_py.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jitsu_py.api.apps import App
    from jitsu_py.deploy.options import DeployOptions
    from jitsu_py.project.manifest import Manifest

SERVERS_KEYS: Final = frozenset(
    {"_id", "_rev", "id", "user", "state", "drones", "maxDrones", "active", "running", "snapshots"}
    | {"databases", "urls", "ctime", "mtime", "resource", "config"}
)
"""Keys of an app that the server makes; the same words in a package.json mean something else."""

HIDDEN: Final = "(hidden)"
"""Stands for the value of a variable: it may be a secret."""


@dataclass(frozen=True, slots=True)
class Change:
    """A setting of an app that a deploy changes."""

    key: str
    """Of package.json; `env.NAME` for a variable; `drones`, `ram`, `provider`, `datacenter`."""
    old: Any
    """None: it was not set."""
    new: Any


def app_name(manifest: Manifest) -> str:
    """Give the name of the app; an npm scope is no part of it."""
    return manifest.name.rpartition("/")[2]


def wanted(manifest: Manifest, options: DeployOptions, app: App | None) -> dict[str, Any]:
    """Give the package.json as the server is to have it.

    Variables are laid over those the app has: package.json's, then `--env`'s; none is taken away.
    """
    body = {
        key: value for key, value in manifest.data.items() if key not in SERVERS_KEYS and value is not None
    }
    body["name"] = app_name(manifest)
    body["version"] = manifest.version
    if "subdomain" in body:
        body["subdomain"] = manifest.subdomain
    if "domains" in body:
        body["domains"] = _domains(body["domains"])
    env = _variables(body.pop("env", None)) | dict(options.env)
    if env:
        body["env"] = dict(app.env if app else {}) | env
    return body


def _domains(given: Any) -> Any:
    """Write host names as the server does."""
    hosts = [given] if isinstance(given, str) else given
    if not isinstance(hosts, list) or not all(isinstance(host, str) for host in hosts):
        return given
    return list(dict.fromkeys(host.lower().rstrip(".") for host in hosts))


def _variables(env: Any) -> dict[str, str]:
    """Read `env` of package.json as the server does: numbers and booleans become strings."""
    if not isinstance(env, dict):
        return {}
    return {name: _text(value) for name, value in env.items()}


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    # Anything odder is sent as it is, for the server to refuse by name.
    return str(value) if isinstance(value, int | float) else value


def update_of(body: Mapping[str, Any], app: App) -> dict[str, Any]:
    """Give the keys of `body` in which the app differs: what an update has to send."""
    now = {**app.raw, "env": dict(app.env)}
    return {key: value for key, value in body.items() if not _same(now.get(key), value)}


def _same(old: Any, new: Any) -> bool:
    return bool(old == new)


def changes_of(update: Mapping[str, Any], app: App | None) -> tuple[Change, ...]:
    """Describe an update for people; variables by name, never by value."""
    found: list[Change] = []
    for key, value in update.items():
        if key == "env":
            found += _variable_changes(app.env if app else {}, value)
        else:
            found.append(Change(key, app.raw.get(key) if app else None, value))
    return tuple(found)


def _variable_changes(old: Mapping[str, str], new: Mapping[str, str]) -> list[Change]:
    return [
        Change(f"env.{name}", HIDDEN if name in old else None, HIDDEN)
        for name, value in new.items()
        if old.get(name) != value
    ]


def cloud_of(options: DeployOptions, app: App | None) -> tuple[Cloud | None, tuple[Change, ...]]:
    """Give the cloud to set, and in what it differs; None: it stays as it is."""
    if len(app.cloud if app else ()) > 1:
        if any((options.drones, options.ram, options.provider, options.datacenter)):
            raise UsageError(
                "the app runs in more than one datacenter", hint="scale it there with `jitsu apps cloud`"
            )
        return None, ()
    now = app.cloud[0] if app and app.cloud else None
    new = Cloud(
        provider=options.provider or (now.provider if now else ""),
        datacenter=options.datacenter or (now.datacenter if now else ""),
        drones=options.drones or (now.drones if now else 1) or 1,
        ram=options.ram or (now.ram if now else None),
    )
    names = ("provider", "datacenter", "drones", "ram")
    given = [name for name in names if getattr(options, name)]
    pairs = [(name, getattr(now, name) if now else None, getattr(new, name)) for name in given]
    changes = tuple(Change(name, old, value) for name, old, value in pairs if old != value)
    return (new if changes else None), changes
