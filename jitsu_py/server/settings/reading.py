"""`server.toml`, read once and checked whole before anything is done with it."""

from __future__ import annotations

import math
import re
import tomllib
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

from jitsu_py.server.errors import PlatformError
from jitsu_py.server.settings.folder import FILE
from jitsu_py.server.settings.sections import (
    Accounts,
    AcmeSettings,
    Api,
    Builds,
    DatabaseSettings,
    Drones,
    Logs,
    MailSettings,
    RouterSettings,
    Settings,
)
from jitsu_py.wire import Code

SECTIONS = {
    "api": Api,
    "router": RouterSettings,
    "acme": AcmeSettings,
    "builds": Builds,
    "drones": Drones,
    "logs": Logs,
    "databases": DatabaseSettings,
    "accounts": Accounts,
    "mail": MailSettings,
}

_USERS = re.compile(r"(\d{1,10})-(\d{1,10})")

_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+")


def load(home: Path, *, api_port: int | None = None, router_port: int | None = None) -> Settings:
    """Read the state folder's settings; the ports given here win over the file's.

    Raises:
        PlatformError: the file cannot be read, is no TOML, or has a key or value that means nothing here.
    """
    data = _read(home / FILE)
    for section, port in (("api", api_port), ("router", router_port)):
        if port is not None:
            data.setdefault(section, {})["port"] = port
    unknown = [name for name in data if name not in SECTIONS]
    if unknown:
        raise _wrong(home / FILE, f"there is no section [{unknown[0]}]")
    parsed = {name: _section(home / FILE, name, data.get(name, {})) for name in SECTIONS}
    return Settings(home=home, **parsed)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise _wrong(path, str(error)) from error


def _section(path: Path, name: str, values: Any) -> Any:
    if not isinstance(values, dict):
        raise _wrong(path, f"{name} is a section: write [{name}]")
    kind = SECTIONS[name]
    defaults = {item.name: item for item in fields(kind)}
    for key, value in values.items():
        if key not in defaults:
            raise _wrong(path, f"[{name}] has no setting {key}; it has {', '.join(defaults)}")
        _check(path, f"[{name}] {key}", value, defaults[key])
    return kind(**values)


def _check(path: Path, where: str, value: object, item: Field[Any]) -> None:
    if item.type == "str":
        _check_text(path, where, value, item)
    elif item.type == "bool":
        if not isinstance(value, bool):
            raise _wrong(path, f"{where} is true or false, not {value!r}")
    elif isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise _wrong(path, f"{where} is a number above zero, not {value!r}")
    elif where.endswith((" port", " https", " hsts")) and not isinstance(value, int):
        raise _wrong(path, f"{where} is a whole number, not {value!r}")
    elif where.endswith((" port", " https")) and value > 65535:
        raise _wrong(path, f"{where} is a port, 1 to 65535, not {value!r}")
    elif "int" in str(item.type) and not isinstance(value, int):
        raise _wrong(path, f"{where} is a whole number, not {value!r}")
    elif value > item.metadata.get("most", math.inf):
        raise _wrong(path, f"{where} is at most {item.metadata['most']}, not {value!r}")


def _check_text(path: Path, where: str, value: object, item: Field[Any]) -> None:
    if choices := item.metadata.get("choices"):
        if value not in choices:
            raise _wrong(path, f"{where} is one of {', '.join(choices)}, not {value!r}")
    elif not isinstance(value, str):
        raise _wrong(path, f"{where} is a string, not a {type(value).__name__}")
    elif item.metadata.get("may_be_empty"):
        if item.metadata.get("is_host") and value and not _HOST.fullmatch(value):
            raise _wrong(path, f"{where} is a host name such as api.example.com, not {value!r}")
        for place in filter(None, value.split(":") if item.metadata.get("is_folders") else ()):
            _check_folder(path, where, place)
    elif item.metadata.get("is_users"):
        if not _is_users(value):
            raise _wrong(path, f"{where} is auto, never or two numbers, 200000-265535, not {value!r}")
    elif not value or any(c.isspace() for c in value):
        raise _wrong(path, f"{where} is a name or address, not {value!r}")


def _check_folder(path: Path, where: str, place: str) -> None:
    """Refuse what shows the state folder, or a part of it."""
    if not place.startswith("/"):
        raise _wrong(path, f"{where} is absolute paths of folders, /srv/a:/srv/b, not {place!r}")
    real, home = Path(place).resolve(), path.parent.resolve()
    if home.is_relative_to(real) or real.is_relative_to(home):
        raise _wrong(path, f"{where}: {place} would show the platform's own folder to apps")


def _is_users(text: str) -> bool:
    found = _USERS.fullmatch(text)
    return text in ("auto", "never") or (found is not None and 0 < int(found[1]) <= int(found[2]) < 2**32 - 1)


def _wrong(path: Path, why: str) -> PlatformError:
    return PlatformError(Code.BAD_REQUEST, f"{path} cannot be used: {why}.")
