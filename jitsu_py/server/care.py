"""What an app asks of its keeper: `jitsu` in its package.json.

    "jitsu": {"boot": 60, "drain": 20, "grace": 5, "health": "/healthz"}

`health` may also be `{"path", "status", "interval", "timeout"}`. `"https": true` is the router's: it sends
visitors to HTTPS. Other keys are no business of the drones'.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jitsu_py.server.settings import Drones

KEY: Final = "jitsu"

_PATH = re.compile(r"/[!-~]{0,1023}")

_BOUNDS: Final = {"interval": (1.0, 3600.0), "timeout": (0.1, 60.0)}
"""Of a health check, seconds: least and most."""

T = TypeVar("T")


@dataclass(frozen=True)
class Health:
    """How a drone is asked whether it is well."""

    path: str
    """Asked for by GET; with its query."""
    status: int | None = None
    """The answer's status; None: any below 400."""
    interval: float = 10.0
    """Seconds between two checks while it runs."""
    timeout: float = 5.0
    """Seconds that an answer may take."""

    def expects(self, status: int) -> bool:
        """Whether an answer of this status means that the drone is well."""
        return status == self.status if self.status is not None else 200 <= status < 400

    @property
    def expected(self) -> str:
        """What it is to answer, in words."""
        return "a status below 400" if self.status is None else str(self.status)


@dataclass(frozen=True)
class Care:
    """What an app asks for; None: the server's own value. Times are seconds."""

    boot: float | None = None
    """Until it must listen and be well."""
    drain: float | None = None
    """For requests in flight after a switch."""
    grace: float | None = None
    """Between TERM and KILL."""
    health: Health | None = None
    """None: a drone that listens counts as well."""

    def stored(self) -> dict[str, Any] | None:
        """As JSON; None where nothing is asked for."""
        found = {key: value for key, value in asdict(self).items() if value is not None}
        return found or None

    @classmethod
    def restored(cls, data: Mapping[str, Any] | None) -> Care:
        """Read what `stored` made."""
        if not data:
            return cls()
        health = data.get("health")
        times = {key: data.get(key) for key in ("boot", "drain", "grace")}
        return cls(**times, health=Health(**health) if health else None)

    def within(self, settings: Drones) -> Times:
        """The times that hold on a server; its limits of now count, not those of the upload."""
        return Times(
            boot=_least(self.boot, settings.boot, settings.boot_limit),
            drain=_least(self.drain, settings.drain, settings.drain_limit),
            grace=_least(self.grace, settings.grace, settings.grace_limit),
        )


@dataclass(frozen=True)
class Times:
    """Patience with one app, seconds."""

    boot: float
    drain: float
    grace: float


def asked(manifest: Mapping[str, Any], settings: Drones) -> Care:
    """Read what a package.json asks for.

    Args:
        manifest: all of it.
        settings: the server's, with the most that an app may ask for.

    Raises:
        PlatformError: BAD_MANIFEST naming the key, what it may be and what it is.
    """
    section = manifest.get(KEY)
    if section is None:
        return Care()
    if not isinstance(section, dict):
        raise _wrong(KEY, "an object", section)
    if not isinstance(section.get("https", False), bool):
        raise _wrong(f"{KEY}.https", "true or false", section["https"])
    return Care(
        boot=_time(section, "boot", settings.boot_limit, settings.boot),
        drain=_time(section, "drain", settings.drain_limit, settings.drain),
        grace=_time(section, "grace", settings.grace_limit, settings.grace),
        health=_health(section.get("health")),
    )


def is_secure(manifest: Mapping[str, Any]) -> bool:
    """Whether a package.json asks that visitors come by HTTPS."""
    section = manifest.get(KEY)
    return isinstance(section, dict) and section.get("https") is True


def _least(own: float | None, default: float, limit: float) -> float:
    return default if own is None else min(own, max(limit, default))


def _time(section: Mapping[str, Any], key: str, limit: float, default: float) -> float | None:
    most = max(limit, default)
    return _number(
        section.get(key), f"{KEY}.{key}", 0.0 if key == "drain" else 0.1, most, "this server allows"
    )


def _number(value: Any, key: str, least: float, most: float, why: str = "from") -> float | None:
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not least <= value <= most:
        raise _wrong(key, f"a number of seconds ({why} {least:g} to {most:g})", value)
    return float(value)


def _health(value: object) -> Health | None:
    key = f"{KEY}.health"
    if value is None or value is False:
        return None
    if isinstance(value, str):
        value = {"path": value}
    if not isinstance(value, dict):
        raise _wrong(
            key, 'a path such as "/healthz", or an object with path, status, interval, timeout', value
        )
    if unknown := sorted(set(value) - {"path", "status", "interval", "timeout"}):
        raise _wrong(f"{key}.{unknown[0]}", "not known: there are path, status, interval, timeout", None)
    path, status = value.get("path"), value.get("status")
    if not isinstance(path, str) or not _PATH.fullmatch(path):
        raise _wrong(f"{key}.path", "a path that begins with / and has no spaces", path)
    if status is not None and (
        isinstance(status, bool) or not isinstance(status, int) or not 100 < status < 600
    ):
        raise _wrong(f"{key}.status", "a status from 101 to 599", status)
    given = {name: _number(value.get(name), f"{key}.{name}", *bounds) for name, bounds in _BOUNDS.items()}
    return Health(path, status, **{name: time for name, time in given.items() if time is not None})


def _wrong(key: str, wanted: str, value: object) -> PlatformError:
    is_not = "" if value is None else f", not {_shown(value)}"
    return PlatformError(
        Code.BAD_MANIFEST,
        f"{key} in package.json is {wanted}{is_not}.",
        blame=Blame.APPLICATION,
        details={"field": key, "hint": f"change {key} in package.json"},
    )


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
