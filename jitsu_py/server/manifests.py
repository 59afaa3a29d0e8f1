"""The package.json that a client sends: checked, and split into what has a meaning here and the rest."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from collections.abc import Mapping

OURS: Final = frozenset(
    {
        *("_id", "_rev", "id", "user", "resource", "state", "ctime", "mtime", "urls", "config", "cloud"),
        *("drones", "maxDrones", "active", "running", "snapshots", "databases", "databaseVariables"),
    }
)
"""Keys that the platform makes; old clients send them back with an update, where they mean nothing."""

_NAME = re.compile(r"(?:@[a-z0-9~-][a-z0-9._~-]*/)?[a-z0-9~-][a-z0-9._~-]*", re.IGNORECASE)
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?")
_VARIABLE = re.compile(r"[^=\x00]+")


@dataclass(frozen=True)
class Changes:
    """What a package.json asks of an app; None: not mentioned."""

    name: str | None
    subdomain: str | None
    domains: tuple[str, ...] | None
    env: dict[str, str] | None
    rest: dict[str, Any]
    """The other top-level keys, as sent: kept and given back."""


def changes(body: Mapping[str, Any]) -> Changes:
    """Check a package.json, whole or in part.

    Raises:
        PlatformError: BAD_REQUEST naming the key and what it may be.
    """
    taken = {"name", "subdomain", "domains", "env"} | OURS
    return Changes(
        name=app_name(body["name"]) if "name" in body else None,
        subdomain=_subdomain(body["subdomain"]) if body.get("subdomain") is not None else None,
        domains=_domains(body) if "domains" in body else None,
        env=_env(body["env"]) if "env" in body else None,
        rest={key: value for key, value in body.items() if key not in taken},
    )


def env_changes(body: Mapping[str, Any]) -> dict[str, str | None]:
    """Check what is to become of single variables; None: it goes.

    Raises:
        PlatformError: BAD_REQUEST naming the variable.
    """
    return {_variable(name): None if value is None else _string(name, value) for name, value in body.items()}


def app_name(name: object) -> str:
    """The name, by npm's rules; a scope is no part of an app's name.

    Raises:
        PlatformError: BAD_REQUEST.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > 214:
        raise _wrong(
            "name",
            f"{name!r} is no name: letters, digits, '-', '_' and '.', beginning with a letter or digit",
        )
    plain = name.rpartition("/")[2]
    if plain in {"node_modules", "favicon.ico", "snapshots"}:
        raise _wrong("name", f"{plain!r} is reserved")
    return plain


def default_subdomain(user: str, name: str) -> str:
    """A subdomain made of the app's name, or of user and name where that is no DNS label."""
    for wish in (name, f"{user}-{name}"):
        label = re.sub(r"[^a-z0-9-]+", "-", wish.lower())[:63].strip("-")
        if _LABEL.fullmatch(label):
            return label
    return "app-" + hashlib.sha256(f"{user}/{name}".encode()).hexdigest()[:8]


def _subdomain(value: object) -> str:
    label = value.lower().removesuffix(".") if isinstance(value, str) else ""
    if not _LABEL.fullmatch(label):
        raise _wrong("subdomain", f"{value!r} is no DNS label: letters, digits and inner hyphens, at most 63")
    return label


def _domains(body: Mapping[str, Any]) -> tuple[str, ...]:
    value = body["domains"]
    hosts = [value] if isinstance(value, str) else value or []
    if not isinstance(hosts, list) or not all(isinstance(host, str) for host in hosts):
        raise _wrong("domains", "a list of host names is wanted")
    clean = [host.lower().rstrip(".") for host in hosts]
    for host in clean:
        if (
            len(host) > 253
            or not all(_LABEL.fullmatch(label) for label in host.split("."))
            or "." not in host
        ):
            raise _wrong("domains", f"{host!r} is no host name")
    return tuple(dict.fromkeys(clean))


def _env(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise _wrong("env", "an object of names and strings is wanted")
    return {_variable(name): _string(name, item) for name, item in value.items()}


def _variable(name: str) -> str:
    if not _VARIABLE.fullmatch(name):
        raise _wrong("env", f"{name!r} is no name of a variable")
    return name


def _string(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str) or "\0" in value:
        raise _wrong("env", f"the value of {name} must be a string, a number or a boolean")
    return value


def _wrong(key: str, why: str) -> PlatformError:
    return PlatformError(Code.BAD_REQUEST, f"{key} cannot be used: {why}.", details={"field": key})
