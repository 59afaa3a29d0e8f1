"""Follow logs over lost connections, sleep and restarts of the platform: each line once, none left out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from jitsu_py.api.logs import SILENCE, Place
from jitsu_py.errors import ServerRefusedError, TimedOutError, UnreachableError
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from jitsu_py.api.client import Client
    from jitsu_py.api.logs import LogLine
    from jitsu_py.reporter import Reporter

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
"""Seconds before the first and between later tries to connect again; each is twice the one before."""


def follow(
    client: Client,
    app: str | None,
    rows: int,
    reporter: Reporter,
    filters: Mapping[str, str],
    *,
    pause: Callable[[float], None] = time.sleep,
    silence: float = SILENCE,
) -> Iterator[LogLine]:
    """Give lines until the caller has enough; connects again by itself.

    Args:
        client: of the server.
        app: `name` or `user/name`; None: all apps of the user together.
        rows: how many of the past to begin with.
        reporter: told of a lost connection.
        filters: as `Logs.query` takes them.
        pause: waits some seconds; tests wait less.
        silence: seconds without a word after which the connection counts as lost.

    Raises:
        JitsuError: the first connection does not come about, or the app is gone.
    """
    place, wait, is_known = Place(), FIRST_PAUSE, False
    while True:
        stream = (
            client.logs.tail_all(rows, place, silence=silence, **filters)
            if app is None
            else client.logs.tail(app, rows, place, silence=silence, **filters)
        )
        try:
            for line in stream:
                is_known, wait = True, FIRST_PAUSE
                if line is not None:
                    yield line
            is_known = True
        except (UnreachableError, TimedOutError, ServerRefusedError) as error:
            if not is_known or (isinstance(error, ServerRefusedError) and error.code != Code.UNAVAILABLE):
                raise
            reporter.warn(f"the connection was lost ({error.message}); connecting again")
        pause(wait)
        wait = min(wait * 2, LONGEST_PAUSE)
