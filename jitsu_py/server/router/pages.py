"""What visitors read where no app answers: small HTML pages and JSON, as HAProxy's log-format text.

A page is said in both forms from the same words. Names come out of the map, where `slots.label` has made
them safe; a host is shown only if it has no character but those of host names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

APP: Final = "%[var(txn.route),field(2,|)]"
"""The app as `user/name`."""

NAME: Final = "%[var(txn.route),field(2,|),field(2,/)]"
"""The app's name alone, as one types it."""

_HOST: Final = "%[var(txn.shown)]"

_HTML: Final = (
    "<!doctype html><html lang=en><meta charset=utf-8>"
    "<meta name=viewport content=width=device-width,initial-scale=1>{refresh}<title>jitsu</title>"
    "<style>body{{font:1.1rem/1.6 system-ui,sans-serif;max-width:38rem;margin:18vh auto;padding:0 1.5rem;"
    "color:#222;background:#fafafa}}h1{{font-size:1.6rem;margin:0}}code{{background:#e8e8e8;"
    "padding:.15em .4em;border-radius:.3em}}</style><h1>{title}</h1><p>{advice}</p></html>"
)


@dataclass(frozen=True)
class Words:
    """One page."""

    status: int
    """HTTP status."""
    title: str
    """What is the case; log-format text."""
    advice: str
    """What to do; what is to be typed stands in backquotes."""
    error: str
    """Value of `error` in the JSON form, one of `wire.Code`."""
    retry: int = 0
    """Seconds after which to try again; 0: not by oneself."""


PAGES: Final = {
    "unknown": Words(
        404, f"No app lives at {_HOST}", "`jitsu list` shows your apps and their addresses.", "not_found"
    ),
    "stopped": Words(503, f"{NAME} is stopped", f"Start it: `jitsu start {NAME}`", "unavailable"),
    "starting": Words(
        503,
        f"{NAME} is starting",
        f"Try again in a moment. Its output: `jitsu logs {NAME}`",
        "unavailable",
        2,
    ),
    "crashing": Words(503, f"{NAME} keeps crashing", f"See why: `jitsu logs {NAME}`", "unavailable", 10),
    "nodrone": Words(404, f"{NAME} has no such drone", f"See them: `jitsu apps metrics {NAME}`", "not_found"),
    "booting": Words(503, "The platform is starting", "Try again in a moment.", "unavailable", 1),
}
"""Pages that the router shows in an app's place. The name is the backend's."""

ERRORS: Final = {
    502: Words(
        502, f"{NAME} broke off", f"It ended before it had answered. See why: `jitsu logs {NAME}`", "crashed"
    ),
    503: Words(503, f"{NAME} does not answer", f"See why: `jitsu logs {NAME}`", "unavailable", 2),
    504: Words(504, f"{NAME} took too long", f"See why: `jitsu logs {NAME}`", "unavailable"),
}
"""Pages for an app whose drones fail. HAProxy picks one by status, so both forms are in one text."""


def html(words: Words) -> str:
    """The page for people."""
    refresh = f"<meta http-equiv=refresh content={words.retry}>" if words.retry else ""
    parts = words.advice.split("`")
    advice = "".join(f"<code>{part}</code>" if at % 2 else part for at, part in enumerate(parts))
    return _HTML.format(refresh=refresh, title=words.title, advice=advice) + "\n"


def json(words: Words) -> str:
    """The page for programs, in the shape of the API's errors."""
    message = f"{words.title}. {words.advice}".replace("`", "")
    return f'{{"error":"{words.error}","message":"{message}","blame":"user"}}\n'


def either(words: Words) -> str:
    """Both in one text: `iif` picks piece by piece; the name, which both have as often, stands between."""
    people, programs = html(words).strip().split(NAME), json(words).strip().split(NAME)
    pieces = [
        f"%[var(txn.json,0),iif('{one}','{other}')]" for one, other in zip(programs, people, strict=True)
    ]
    return NAME.join(pieces) + "\n"
