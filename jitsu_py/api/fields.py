"""Read what a server sent: unknown keys are ignored, missing ones named, wrong types refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from jitsu_py.errors import ServerRefusedError

BAD_REPLY = "bad_reply"
"""Code of an error that means: the server's reply is not what the API promises."""


def bad_reply(what: str, *, request_id: str = "") -> ServerRefusedError:
    """Make the error for a reply that cannot be used."""
    return ServerRefusedError(
        f"the server's reply cannot be used: {what}",
        hint="is the server of another version? `jitsu --version` and `jitsu server status` tell",
        code=BAD_REPLY,
        request_id=request_id,
    )


def mapping(data: Any, what: str) -> Mapping[str, Any]:
    """Give `data` as a JSON object; `what` names it in the error."""
    if not isinstance(data, Mapping):
        raise bad_reply(f"{what} is no object")
    return data


def inner(data: Any, key: str) -> Mapping[str, Any]:
    """Give the object under `key`, which must be there."""
    return mapping(mapping(data, "the reply").get(key), f"`{key}`")


def rows(data: Any, key: str) -> list[Mapping[str, Any]]:
    """Give the list of objects under `key`, which must be there."""
    return objects(mapping(data, "the reply").get(key), f"`{key}`")


def objects(data: Any, what: str) -> list[Mapping[str, Any]]:
    """Give `data` as a list of objects; `what` names it in the error."""
    if not isinstance(data, list):
        raise bad_reply(f"{what} is no list")
    return [mapping(item, f"an item of {what}") for item in data]


def text(data: Mapping[str, Any], key: str) -> str:
    """Give the text under `key`, which must be there."""
    value = data.get(key)
    if not isinstance(value, str):
        raise bad_reply(f"`{key}` is {'missing' if value is None else 'no text'}")
    return value


def maybe_text(data: Mapping[str, Any], key: str) -> str:
    """Give the text under `key`, or an empty one."""
    value = data.get(key)
    return value if isinstance(value, str) else ""


def maybe_int(data: Mapping[str, Any], key: str, default: int = 0) -> int:
    """Give the whole number under `key`, or the default."""
    value = data.get(key)
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else default


def texts(data: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Give the texts listed under `key`; none when there is no list."""
    value = data.get(key)
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def table(data: Mapping[str, Any], key: str) -> dict[str, str]:
    """Give the text-to-text object under `key`; an empty one when there is none."""
    value = data.get(key)
    return {str(name): str(entry) for name, entry in value.items()} if isinstance(value, Mapping) else {}


def maybe_time(data: Mapping[str, Any], key: str) -> datetime | None:
    """Give the moment under `key`: ISO 8601, or epoch seconds or milliseconds as of old."""
    value = data.get(key)
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        if isinstance(value, int | float):
            # Seconds reach 1e11 in the year 5138; what is above are milliseconds.
            return datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None
