"""Asking a person, or refusing to where there is none: two classes, so that nothing below has to look."""

from __future__ import annotations

from typing import Protocol, TextIO

from jitsu_py.console.fields import safe
from jitsu_py.errors import InterruptedByUserError, UsageError


class Questions(Protocol):
    """Whoever answers."""

    def ask(self, question: str, *, flag: str, default: str | None = None) -> str:
        """An answer in the clear; `flag` is what would have given it on the command line."""

    def ask_secret(self, question: str, *, flag: str) -> str:
        """An answer that is not shown while it is typed."""

    def confirm(self, question: str, *, flag: str, default: bool = False) -> bool:
        """Yes or no."""


class Terminal:
    """Asks on the terminal: the question on stderr, since stdout is for answers."""

    def __init__(self, stdin: TextIO, stderr: TextIO) -> None:
        self._stdin = stdin
        self._stderr = stderr

    def ask(self, question: str, *, flag: str, default: str | None = None) -> str:
        shown = f" [{safe(default)}]" if default else ""
        while True:
            if answer := self._read(f"{safe(question)}{shown}: ") or default or "":
                return answer

    def ask_secret(self, question: str, *, flag: str) -> str:
        from getpass import getpass

        while True:
            try:
                answer = getpass(f"{safe(question)}: ", self._stderr)
            except EOFError as error:
                raise InterruptedByUserError("no answer") from error
            if answer:
                return answer

    def confirm(self, question: str, *, flag: str, default: bool = False) -> bool:
        answers = {"y": True, "yes": True, "n": False, "no": False, "": default}
        while True:
            answer = self._read(f"{safe(question)} [{'Y/n' if default else 'y/N'}] ").lower()
            if answer in answers:
                return answers[answer]

    def _read(self, prompt: str) -> str:
        self._stderr.write(prompt)
        self._stderr.flush()
        line = self._stdin.readline()
        if not line:
            self._stderr.write("\n")
            raise InterruptedByUserError("no answer")
        return line.strip()


class Nobody:
    """Refuses every question, naming the flag that answers it.

    Args:
        why: what makes this run one without questions.
    """

    def __init__(self, why: str) -> None:
        self._why = why

    def ask(self, question: str, *, flag: str, default: str | None = None) -> str:
        raise self._refusal(question, flag)

    def ask_secret(self, question: str, *, flag: str) -> str:
        raise self._refusal(question, flag)

    def confirm(self, question: str, *, flag: str, default: bool = False) -> bool:
        raise self._refusal(question, flag)

    def _refusal(self, question: str, flag: str) -> UsageError:
        return UsageError(f"{safe(question)} cannot be asked: {self._why}", hint=f"give {flag}")
