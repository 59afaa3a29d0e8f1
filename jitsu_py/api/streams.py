"""Newline-delimited JSON as it arrives, never more than one bounded line of it in memory."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jitsu_py.api.fields import bad_reply

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

LONGEST_LINE = 8 * 1024 * 1024
"""Bytes: a log line of 1 MiB may take six times that as JSON."""


def objects(chunks: Iterable[bytes], *, request_id: str = "") -> Iterator[Mapping[str, Any]]:
    """Give the JSON objects, one a line, that the chunks make; blank lines are skipped.

    Raises:
        ServerRefusedError: a line is too long, no JSON or no object.
    """
    for line in lines(chunks, request_id=request_id):
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise bad_reply("a line of the stream is not JSON", request_id=request_id) from error
        if not isinstance(found, dict):
            raise bad_reply("a line of the stream is no object", request_id=request_id)
        yield found


def lines(chunks: Iterable[bytes], *, request_id: str = "") -> Iterator[bytes]:
    """Give the lines that the chunks make, without their ends; the last may lack one."""
    rest = bytearray()
    for chunk in chunks:
        rest += chunk
        found = rest.split(b"\n") if b"\n" in chunk else [rest]
        if max(map(len, found)) > LONGEST_LINE:
            raise bad_reply(f"a line is longer than {LONGEST_LINE} bytes", request_id=request_id)
        rest = found.pop()
        yield from (bytes(line) for line in found if line.strip())
    if rest.strip():
        yield bytes(rest)
