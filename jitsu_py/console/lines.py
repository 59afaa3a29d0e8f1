"""Lines that other people's programs printed: coloured where colour is shown, harmless everywhere."""

from __future__ import annotations

import re

from jitsu_py.console.fields import safe

_COLOUR = re.compile(r"(\x1b\[[0-9;:]{0,64}m)")
"""SGR sequences: they change how text looks and nothing else (ECMA-48, 8.3.117)."""

RESET, DIM = "\x1b[0m", "2"

PALETTE = ("36", "33", "35", "32", "34", "96", "93", "95", "92", "94")
"""Colours that tell origins apart; red is left to errors."""


def coloured(text: str) -> str:
    """`text` with its own colours, which end where it ends, and nothing else that a terminal would obey."""
    parts = _COLOUR.split(text)
    if len(parts) == 1:
        return _plain(text)
    shown = (part if at % 2 else _plain(part) for at, part in enumerate(parts))
    return "".join(shown) + RESET


def colourless(text: str) -> str:
    """`text` without its colours, and everything else that a terminal would obey made visible."""
    return _plain(text)


def _plain(text: str) -> str:
    return safe(text).replace("\n", "\\n")


class Painter:
    """Puts lines together for a terminal, each origin in a colour that it keeps for the whole run.

    Args:
        colour: whether colours are shown at all.
    """

    def __init__(self, colour: bool) -> None:
        self._colour = colour
        self._origins: dict[str, str] = {}

    def line(self, text: str, *, time: str = "", origin: str = "") -> str:
        """One line.

        Args:
            text: as the program printed it.
            time: stands before it, dim; empty: left out.
            origin: who printed it; stands before it too, in the origin's colour.
        """
        if not self._colour:
            return "".join((_led(time, " "), _led(_plain(origin), "  "), colourless(text)))
        head = _led(_painted(time, DIM), " ") + _led(_painted(_plain(origin), self._code(origin)), "  ")
        return head + coloured(text)

    def _code(self, origin: str) -> str:
        """An origin's colour: in the order of their first lines, so that the first ten differ."""
        return self._origins.setdefault(origin, PALETTE[len(self._origins) % len(PALETTE)])


def _led(text: str, gap: str) -> str:
    return text + gap if text else ""


def _painted(text: str, code: str) -> str:
    return f"\x1b[{code}m{text}{RESET}" if text else ""
