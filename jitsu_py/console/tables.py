"""Tables and single views as text: plain for pipes, drawn by rich for terminals."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

NARROW = 10
"""Characters that a column needs to be worth reading; where it gets fewer, rows become single views."""

STYLES = (
    dict.fromkeys(("started", "ready", "running"), "green")
    | dict.fromkeys(("starting", "slow"), "yellow")
    | dict.fromkeys(("failed", "crashed", "full"), "red")
)
"""Colours of cells that tell a state."""


def plain(rows: Sequence[Sequence[str]]) -> str:
    """Aligned columns, nothing cut, no colour."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], width: int, *, colour: bool) -> str:
    """A table for a terminal: long cells fold; where columns would get too narrow, a single view per row."""
    from rich.table import Table
    from rich.text import Text

    if not _fits(heads, rows, width):
        return "\n\n".join(pairs(list(zip(heads, row, strict=True)), width, colour=colour) for row in rows)
    drawn = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for head in heads:
        drawn.add_column(head, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
    return _text(drawn, width, colour)


def pairs(rows: Sequence[tuple[str, str]], width: int, *, colour: bool) -> str:
    """A single view for a terminal: a label and its value on each line."""
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, padding=(0, 2, 0, 0), show_header=False, pad_edge=False)
    drawn.add_column(style="bold", no_wrap=True)
    drawn.add_column(overflow="fold")
    for label, value in rows:
        drawn.add_row(label, Text(value, style=STYLES.get(value, "")))
    return _text(drawn, width, colour)


def _fits(heads: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> bool:
    natural = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    gaps = 2 * (len(heads) - 1)
    return sum(natural) + gaps <= width or (width - gaps) // len(heads) >= NARROW


def _text(drawn: Table, width: int, colour: bool) -> str:
    from rich.console import Console

    file = StringIO()
    system: Literal["standard"] | None = "standard" if colour else None
    Console(
        file=file,
        width=width,
        force_terminal=colour,
        color_system=system,
        highlight=False,
        markup=False,
        legacy_windows=False,
    ).print(drawn)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())
