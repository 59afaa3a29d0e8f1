"""Secrets of an app, hidden in what it printed: the values of its environment, now and at its earlier starts,
and the passwords of databases.

It finds a value as it is, as JSON and a URL spell it, each longer line of one that has several, and the
password of one that is an address. What an app encodes in another way (base64, a hash) is beyond it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, quote_plus, unquote, urlsplit

from jitsu_py.server.store import databases, snapshots

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jitsu_py.server.store import Store
    from jitsu_py.server.store.apps import App

Hide = Callable[[str], str]
"""Gives a text back with secrets starred."""

STARS: Final = "***"

LEAST: Final = 4
"""Characters of a value that is worth hiding; a shorter one would star half of every line."""

LEAST_LINE: Final = 8
"""Characters of one line of a value that has several, such as a key."""

COMMON: Final = frozenset(
    {
        *("true", "false", "null", "none", "undefined", "localhost", "127.0.0.1", "utf8", "utf-8"),
        *("production", "development", "staging", "testing", "test", "debug", "info", "warn", "error"),
    }
)
"""Values that are nobody's secret, in lower case; nor is a number of at most five digits, such as a port."""


def hiding(store: Store, app: App) -> Hide:
    """What hides an app's secrets in a text: by what its environments and databases are now."""
    with store.read() as connection:
        sealed = [app.env, *snapshots.environments(connection, app.id)]
        sealed += [database.secret for database in databases.listed(connection, app.user)]
    values = {value for each in set(sealed) for value in store.sealer.open(each).values()}
    return _hide(frozenset(values))


def unchanged(text: str) -> str:
    """What hides nothing."""
    return text


@lru_cache(maxsize=64)
def _hide(values: frozenset[str]) -> Hide:
    spelled = {spelling for value in values for spelling in _spellings(value)}
    if not spelled:
        return unchanged
    # The longest first: where one value is part of another, nothing of the longer one may be left.
    found = re.compile("|".join(re.escape(one) for one in sorted(spelled, key=lambda one: (-len(one), one))))
    return lambda text: found.sub(STARS, text)


def _spellings(value: str) -> Iterator[str]:
    """How a value may stand in a line."""
    parts = [value]
    lines = [line.strip() for line in value.splitlines()]
    if len(lines) > 1:
        parts += [line for line in lines if len(line) >= LEAST_LINE]
    parts += _passwords(value)
    for part in filter(_is_secret, parts):
        yield from (part, json.dumps(part)[1:-1], json.dumps(part, ensure_ascii=False)[1:-1])
        yield from (quote(part, safe=""), quote_plus(part))


def _passwords(value: str) -> Iterable[str]:
    try:
        password = urlsplit(value).password if "://" in value else None
    except ValueError:  # no address after all
        password = None
    return [password, unquote(password)] if password else []


def _is_secret(value: str) -> bool:
    if len(value) < LEAST or value.lower() in COMMON:
        return False
    return not (value.isascii() and value.isdecimal() and len(value) <= 5)
