"""How a line of a log is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jitsu_py.console.fields import Field, data, iso

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jitsu_py.api.logs import LogLine
    from jitsu_py.context import Context

FIELDS: list[Field[LogLine]] = [
    Field("time", "TIME", lambda line: iso(line.time)),
    Field("app", "APP", lambda line: line.app),
    Field("drone", "DRONE", lambda line: line.drone),
    Field("snapshot", "SNAPSHOT", lambda line: line.snapshot),
    Field("stream", "STREAM", lambda line: line.stream),
    Field("text", "TEXT", lambda line: line.text),
]


def show(
    context: Context, lines: Iterable[LogLine], raw: bool, empty: str, *, with_app: bool = False
) -> None:
    """Show the lines that there are; where there are none, say `empty`."""
    found = list(lines)
    if context.console.json:
        context.console.data([data(line, FIELDS) for line in found])
        return
    for line in found:
        show_line(context, line, raw, with_app=with_app)
    if not found:
        context.console.say(empty)


def show_line(context: Context, line: LogLine, raw: bool, *, with_app: bool = False) -> None:
    """Show a line: when it came and whence, unless it is wanted raw."""
    if raw:
        context.console.printed(line.text, exact=True)
        return
    app = [line.app] if with_app and line.app else []
    origin = " ".join([*app, *_origin(line)])
    context.console.printed(line.text, time=iso(line.time) or "-", origin=origin or "-")


def _origin(line: LogLine) -> list[str]:
    return [word for word in (line.drone, line.stream if line.stream != "stdout" else "") if word]
