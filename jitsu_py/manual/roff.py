"""Manual pages as man(7) has them, from text with `code` and paragraphs."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

DATE = "2026-11-23"
"""The date that pages bear: of the last change to how they are made. The bytes depend on no clock."""

LINE = 78
"""Characters of an input line."""


class Page:
    """A page that is being written, top to bottom.

    Args:
        name: "jitsu-deploy".
        section: 1, 5 or 7.
        summary: behind the name, on the first line.
        version: of the package.
    """

    def __init__(self, name: str, section: int, summary: str, version: str) -> None:
        self.name = name
        self.section = section
        self._lines = [
            '.\\" Generated from the command tree by `python -m jitsu_py.manual`: change that, not this.',
            f'.TH {name.upper()} {section} {DATE} "jitsu {version}" "jitsu"',
        ]
        self.head("NAME")
        # Nothing but the name may be marked up here: whatis and apropos read this line.
        self._fill(f"{name} \\- {escaped(summary.rstrip('.').replace('`', ''))}")

    def head(self, title: str) -> None:
        """Begin a section."""
        self._lines.append(f'.SH "{escaped(title.upper())}"')

    def sub(self, title: str) -> None:
        """Begin a part of a section."""
        self._lines.append(f'.SS "{escaped(title)}"')

    def text(self, text: str) -> None:
        """Write paragraphs, an empty line between; one that begins with a \\b line keeps its lines."""
        for part in re.split(r"\n\s*\n", text.strip()):
            if part.lstrip(" ").startswith("\x08"):
                self.literal(part.lstrip(" \x08").strip("\n"))
            elif part.strip():
                self._begin_paragraph()
                self._fill(marked(" ".join(part.split())))

    def literal(self, text: str) -> None:
        """Write lines that stay as they are."""
        self._begin_paragraph()
        self._lines += [".nf", *(marked(line) or "\\&" for line in text.splitlines()), ".fi"]

    def synopsis(self, command: str, rest: str) -> None:
        """Write how a command is called."""
        self._begin_paragraph()
        self._fill(f"\\fB{escaped(command)}\\fR {placeholders(rest)}".rstrip())

    def item(self, term: str, meaning: str) -> None:
        """Write a term, marked up already, and what it means."""
        self._lines += [".TP", term]
        self._fill(marked(" ".join(meaning.split())))

    def example(self, does: str, line: str) -> None:
        """Write what a command line does, and the line."""
        self._begin_paragraph()
        self._lines += [marked(does), ".RS 4", ".nf", f"\\fB{escaped(line)}\\fR", ".fi", ".RE"]

    def see_also(self, pages: Iterable[tuple[str, int]]) -> None:
        """Write the last section: other pages, by section and name."""
        self.head("SEE ALSO")
        ordered = sorted(set(pages), key=lambda page: (page[1], page[0]))
        self._lines += [f".BR {escaped(name)} ({section})," for name, section in ordered]
        self._lines[-1] = self._lines[-1].rstrip(",")

    def finished(self) -> str:
        """The page."""
        return "\n".join(self._lines) + "\n"

    def _fill(self, text: str) -> None:
        """Write text that roff fills, in lines short enough for its checkers."""
        lines = textwrap.wrap(text, LINE, break_long_words=False, break_on_hyphens=False)
        self._lines += [f"\\&{line}" if line.startswith((".", "'")) else line for line in lines]

    def _begin_paragraph(self) -> None:
        if not self._lines[-1].startswith((".SH", ".SS")):
            self._lines.append(".PP")


def escaped(text: str) -> str:
    """Text that roff prints as it is."""
    shown = text.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti").replace("^", "\\(ha")
    shown = shown.replace("`", "\\(ga").replace("'", "\\(aq").replace('"', "\\(dq")
    return f"\\&{shown}" if shown.startswith((".", "\\(aq")) else shown


def marked(text: str) -> str:
    """Text whose `code` is bold."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escaped(text)
    shown = "".join(f"\\fB{escaped(part)}\\fR" if odd % 2 else _prose(part) for odd, part in enumerate(parts))
    return f"\\&{shown}" if shown.startswith((".", "'")) else shown


def placeholders(text: str) -> str:
    """A usage line, the words that stand for something else in italics."""
    return re.sub(r"[A-Za-z_]*[A-Z][A-Za-z_]*", lambda found: f"\\fI{found.group()}\\fR", escaped(text))


def _prose(text: str) -> str:
    """Prose: its hyphens may stay hyphens, unless they begin a flag."""
    shown = text.replace("\\", "\\e").replace('"', "\\(dq").replace("~", "\\(ti").replace("^", "\\(ha")
    return re.sub(r"(?<![A-Za-z0-9])--?(?=[A-Za-z])", lambda found: "\\-" * len(found.group()), shown)
