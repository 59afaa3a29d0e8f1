"""The only part that writes, and the only one that knows rich: answers go to stdout, words to stderr.

Rich is loaded on a terminal, and only for what it draws; a pipe gets plain text without it.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from jitsu_py.console import tables
from jitsu_py.console.fields import data, one_line, safe
from jitsu_py.console.surroundings import Surroundings
from jitsu_py.console.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from jitsu_py.console.fields import Field
    from jitsu_py.console.lines import Painter
    from jitsu_py.console.questions import Questions
    from jitsu_py.errors import JitsuError

T = TypeVar("T")

BOLD, DIM, RED, YELLOW = "1", "2", "31", "33"


class Console:
    """Where a run's answers, words and questions go; it is a `reporter.Reporter`.

    Args:
        flags: the global flags that were given: json, quiet, debug, yes, no_input.
        color: auto, always or never.
        environ: the environment's variables; see `Surroundings`.
        stdin: the process's, unless given; so are the next two.
    """

    def __init__(
        self,
        flags: Mapping[str, Any] | None = None,
        *,
        color: str = "auto",
        environ: Mapping[str, str] | None = None,
        stdin: TextIO | None = None,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
    ) -> None:
        flags = flags or {}
        self.json = bool(flags.get("json"))
        self.quiet = bool(flags.get("quiet"))
        self.debugging = bool(flags.get("debug"))
        self.yes = bool(flags.get("yes"))
        self._in, self._out, self._err = stdin or sys.stdin, stdout or sys.stdout, stderr or sys.stderr
        self._around = Surroundings(
            color,
            bool(flags.get("no_input")),
            os.environ if environ is None else environ,
            self._in,
            self._err,
        )
        self._writer = Writer(self._out, self._err, self._around)
        self._said: set[str] = set()

    def begin(self) -> None:
        """Show within 0.1 s that something happens, until there is something to say."""
        if self.animated:
            self._writer.spin("", first=True)

    def answer(self, text: str, value: Any = None) -> None:
        """Print the answer: `text`, or with --json `value` (the text itself when there is none)."""
        if self.json:
            self.data(text if value is None else value)
        else:
            self._writer.print(safe(text))

    def data(self, value: Any) -> None:
        """Print a value as JSON, whatever the flags."""
        self._writer.print(_dumps(value))

    def raw(self, text: str) -> None:
        """Print a line that is an answer by itself; safe where a terminal would obey it."""
        self._writer.print(safe(text) if self._around.is_terminal(self._out) else text)

    def printed(self, text: str, *, time: str = "", origin: str = "", exact: bool = False) -> None:
        """Print a line that a program printed, its own colours kept where colour is shown.

        Args:
            text: the line; nothing in it moves a cursor, sets a title or hides what stands before it.
            time: stands before it.
            origin: who printed it; told apart by colour.
            exact: to a pipe or a file, byte for byte what the program printed, at the reader's risk.
        """
        if exact and not self._around.is_terminal(self._out):
            self._writer.print(text)
        else:
            self._writer.print(self._painter.line(text, time=time, origin=origin))

    def while_read(self) -> AbstractContextManager[None]:
        """Around a wait for more to print: `ReaderLeftError` when whoever reads stdout has left."""
        from jitsu_py.console.readers import while_somebody_reads

        return while_somebody_reads(self._out)

    def table(self, things: Sequence[T], fields: Sequence[Field[T]], *, empty: str) -> None:
        """Print a list of things; where there are none, say `empty` (with --json, print an empty list)."""
        if self.json:
            self.data([data(thing, fields) for thing in things])
            return
        if not things:
            self.say(empty)
            return
        shown = [field for field in fields if field.listed]
        terminal = self._around.is_terminal(self._out)
        heads = [field.label for field in shown]
        rows = [[field.show(thing, terminal) for field in shown] for thing in things]
        if self._is_drawn():
            self._writer.print(tables.table(heads, rows, self._around.width(self._out), colour=self._colour))
        else:
            self._writer.print(tables.plain([heads, *rows]))

    def record(self, thing: T, fields: Sequence[Field[T]]) -> None:
        """Print everything about one thing."""
        if self.json:
            self.data(data(thing, fields))
            return
        terminal = self._around.is_terminal(self._out)
        rows = [(field.label.lower(), field.show(thing, terminal)) for field in fields]
        if self._is_drawn():
            self._writer.print(tables.pairs(rows, self._around.width(self._out), colour=self._colour))
        else:
            self._writer.print(tables.plain(rows))

    def say(self, text: str) -> None:
        """A word beside the answer."""
        if not self.quiet:
            self._writer.tell(text)

    def step(self, text: str) -> None:
        """A new stage of the work began; on a terminal a spinner turns below it until something follows."""
        if not self.quiet:
            self._writer.rest()
            self._writer.tell(text, BOLD)
            if self.animated and not self._writer.above:
                self._writer.spin("")

    def line(self, text: str) -> None:
        """A program printed this line."""
        if not self.quiet:
            # What a carriage return would overwrite on a terminal was meant to be overwritten.
            self._writer.tell(one_line(text.rstrip("\r\n").rpartition("\r")[2]), DIM)

    def warn(self, text: str) -> None:
        """The work goes on, but a person should know this; said once."""
        if text not in self._said:
            self._said.add(text)
            self._writer.tell(text, YELLOW, mark="warning:")

    def debug(self, text: str) -> None:
        """What only --debug shows."""
        if self.debugging:
            self._writer.tell(text, DIM)

    def trace(self, error: BaseException) -> None:
        """How an error came about; only --debug shows it."""
        if self.debugging:
            from traceback import format_exception

            self._writer.tell("".join(format_exception(error)).rstrip(), DIM)

    def hide(self, secret: str) -> None:
        """Star this secret wherever it would appear on stderr."""
        self._writer.hide(secret)

    @contextmanager
    def progress(self, label: str, total: int | None) -> Iterator[Callable[[int], None]]:
        """Show work of `total` bytes: a bar, or a spinner where the total is unknown, or the label alone."""
        if not self.animated:
            self.say(label)
            yield lambda _done: None
        elif total is None:
            with self.waiting(label):
                yield lambda _done: None
        else:
            from jitsu_py.console.live import bar

            self._writer.rest()
            with bar(
                self._err,
                safe(label),
                total,
                self._around.width(self._err),
                colour=self._around.colour(self._err),
            ) as (advance, above):
                self._writer.above = above
                try:
                    yield advance
                finally:
                    self._writer.above = None
            self.say(label)

    @contextmanager
    def waiting(self, label: str) -> Iterator[None]:
        """Turn a spinner while the block runs, if it takes longer than a moment and somebody watches."""
        if not self.animated or self._writer.above or self._writer.spinning:
            yield
            return
        self._writer.spin(one_line(label))
        try:
            yield
        finally:
            self._writer.rest()

    def error(self, error: JitsuError) -> None:
        """Show what went wrong, what the app said, what to do next and the request to ask about."""
        self._writer.rest()
        if self.json:
            self._writer.tell_json(_dumps(_error_data(error)))
            return
        self._writer.tell(error.message, RED, mark="error:")
        # What was streamed line by line need not be read twice.
        for line in () if error.told and not self.quiet else error.output:
            self._writer.tell(f"  {one_line(line)}", DIM)
        if error.hint:
            self._writer.tell(error.hint, BOLD, mark="hint:")
        if error.request_id:
            self._writer.tell(f"request: {error.request_id}", DIM)

    @property
    def questions(self) -> Questions:
        """Whoever answers questions in this run."""
        from jitsu_py.console.questions import Nobody, Terminal

        self._writer.rest()
        why = self._around.why_not_asking()
        return Nobody(why) if why else Terminal(self._in, self._err)

    @property
    def interactive(self) -> bool:
        """Whether a person can be asked."""
        return not self._around.why_not_asking()

    def confirm(self, question: str, *, flag: str = "--yes", default: bool = False) -> bool:
        """Ask for yes or no; --yes answers."""
        return self.yes or self.questions.confirm(question, flag=flag, default=default)

    def confirm_by_name(self, question: str, name: str) -> bool:
        """Let the name of what will be destroyed be typed; --confirm answers."""
        if self.yes:
            return True
        return self.questions.ask(f"{question} Type {name} to confirm", flag="--confirm") == name

    def read_secret(self) -> str:
        """What stdin holds, at most 64 KiB, never shown; empty when there is none."""
        text = self._in.read(65536).strip() if self._in else ""
        self.hide(text)
        return text

    def read_text(self, limit: int) -> str:
        """All that stdin holds; raises UsageError where that is no text, or more than `limit` characters."""
        from jitsu_py.errors import UsageError

        try:
            text = self._in.read(limit + 1) if self._in else ""
        except UnicodeDecodeError as error:
            raise UsageError("stdin holds no UTF-8 text") from error
        if len(text) > limit:
            raise UsageError(f"stdin holds more than {limit // 1024} KiB")
        return text

    @property
    def animated(self) -> bool:
        """Whether things may move on stderr."""
        return self._around.moves(self._err) and not (self.quiet or self.json)

    def close(self) -> None:
        """End what moves."""
        self._writer.rest()

    @cached_property
    def _painter(self) -> Painter:
        from jitsu_py.console.lines import Painter

        return Painter(self._colour)

    @property
    def _colour(self) -> bool:
        return self._around.colour(self._out)

    def _is_drawn(self) -> bool:
        """Whether tables are for a person's eyes."""
        return self._around.is_terminal(self._out) or self._colour


def _dumps(value: Any) -> str:
    import json

    # ASCII only: whatever an app put into its names, no terminal obeys it.
    return json.dumps(value, indent=2, default=str)


def _error_data(error: JitsuError) -> dict[str, Any]:
    always = {
        "error": error.code,
        "message": error.message,
        "hint": error.hint,
        "exit_code": error.exit_code,
        "request_id": error.request_id,
    }
    more = {"output": list(error.output), "details": error.details}
    return always | {key: value for key, value in more.items() if value}
