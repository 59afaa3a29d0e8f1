"""Reads `.jitsuconf`, the JSON file of jitsu 0.x: host, user, token and password in it. Never writes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jitsu_py.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

NAME = ".jitsuconf"

CLOSED = "nodejitsu.com"
"""The service that jitsu 0.x talked to by default; it closed in 2015, so its address is no setting."""


@dataclass(frozen=True)
class OldConf:
    """What this program still understands of an old file."""

    path: Path
    host: str
    """As written there, a URL; empty: none, or the closed service."""
    username: str
    token: str = field(repr=False)
    """The API token; good for `host` alone."""
    password: str = field(repr=False)
    """In the clear, as the first versions kept it; good for `host` alone, and for nothing but a token."""
    timeout: float | None
    """Seconds (the file has milliseconds)."""
    asked_for: bool = False
    """Whether a flag named it; else it is the one in the user's home."""


def find(flag: str | None, local: bool, home: Path, cwd: Path) -> tuple[Path | None, bool]:
    """Which old file counts, and whether it was asked for.

    Args:
        flag: `--jitsuconf FILE`.
        local: `--localconf`: look in `cwd` and upwards.
        home: the user's folder, whose file counts when nothing is asked for.
        cwd: where to start.

    Raises:
        UsageError: a file was asked for and is not there.
    """
    from pathlib import Path

    if flag:
        path = Path(flag).expanduser()
        if not path.is_file():
            raise UsageError(f"{path} from flag --jitsuconf is not there")
        return path, True
    if local:
        for folder in (cwd, *cwd.parents):
            if (folder / NAME).is_file():
                return folder / NAME, True
        raise UsageError(f"flag --localconf: there is no {NAME} in {cwd} or above it")
    path = home / NAME
    return (path if path.is_file() else None), False


def read(path: Path) -> OldConf:
    """What the file says.

    Raises:
        UsageError: it cannot be read or is no JSON object; names the line.
    """
    import json

    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise UsageError(
            f"{path} is not valid JSON: line {error.lineno}, column {error.colno}: {error.msg}"
        ) from error
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    if not isinstance(data, dict):
        raise UsageError(f"{path} should hold a JSON object")
    return OldConf(
        path=path,
        host=_host(data),
        username=_text(data, "username"),
        token=_text(data, "apiToken"),
        # Blanks at its ends may belong to a password.
        password=found if isinstance(found := data.get("password"), str) else "",
        timeout=_seconds(data.get("timeout")),
    )


def _host(data: dict[str, Any]) -> str:
    host = _text(data, "remoteUri")
    if not host and (name := _text(data, "remoteHost")):
        port = data.get("port")
        host = f"{_text(data, 'protocol') or 'https'}://{name}" + (f":{port}" if port else "")
    return "" if CLOSED in host else host


def _text(data: dict[str, Any], key: str) -> str:
    value = data.get(key)
    return value.strip() if isinstance(value, str) else ""


def _seconds(value: Any) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 1:
        return value / 1000
    return None
