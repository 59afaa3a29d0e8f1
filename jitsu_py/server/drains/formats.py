"""Lines as receivers read them: syslog (RFC 5424, framed as in RFC 6587) and newline-delimited JSON."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from jitsu_py.server.times import iso

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jitsu_py.server.logbook import Line

USER_LEVEL: Final = 1
"""Syslog's facility of programs that are not the system's."""

SEVERITIES: Final = {"stdout": 6, "stderr": 3, "system": 5}
"""Informational, error, notice."""

OURS: Final = "jitsu@32473"
"""Name of our structured data. 32473 is the number that RFC 5612 sets aside for those who have none."""


ESCAPED: Final = re.compile(r'["\\\]]')
"""What has a backslash before it in the value of a parameter (RFC 5424, 6.3.3)."""


@dataclass(frozen=True)
class Shipped:
    """A line on its way."""

    user: str
    app: str
    line: Line
    """Its text as it is to be read: secrets are hidden already where that is wanted."""


def syslog(lines: Sequence[Shipped], host: str) -> bytes:
    """The lines as messages, each with its length in front ("octet counting", RFC 6587, 3.4.1)."""
    messages = (_message(one, host) for one in lines)
    return b"".join(b"%d %s" % (len(message), message) for message in messages)


def ndjson(lines: Sequence[Shipped]) -> bytes:
    """The lines as JSON objects, one a line; `id` grows with each line of an app."""
    return b"".join(json.dumps(_object(one)).encode() + b"\n" for one in lines)


def _object(one: Shipped) -> dict[str, object]:
    line = one.line
    return {
        "id": line.id,
        "time": iso(line.time),
        "user": one.user,
        "app": one.app,
        "drone": line.drone,
        "snapshot": line.snapshot,
        "stream": line.stream,
        "message": line.text,
    }


def _message(one: Shipped, host: str) -> bytes:
    line = one.line
    priority = USER_LEVEL * 8 + SEVERITIES[line.stream]
    head = " ".join(
        (
            f"<{priority}>1",
            iso(line.time),
            _name(host, 255),
            _name(one.app, 48),
            _name(line.drone or "", 128),
            _name(line.stream, 32),
        )
    )
    # The head's names have bounds; these have none, and tell a line that comes twice by its id.
    facts = {"id": str(line.id), "user": one.user, "app": one.app, "snapshot": line.snapshot or ""}
    return f"{head} {_data(facts)} ".encode() + line.text.encode("utf-8", "replace")


def _data(facts: Mapping[str, str]) -> str:
    pairs = (f'{name}="{_escaped(value)}"' for name, value in facts.items() if value)
    return f"[{OURS} {' '.join(pairs)}]"


def _escaped(value: str) -> str:
    return ESCAPED.sub(lambda found: "\\" + found.group(), value)


def _name(text: str, most: int) -> str:
    """A name of the head: printable ASCII without spaces, `-` where there is none."""
    return re.sub(r"[^\x21-\x7e]", "_", text)[:most] or "-"
