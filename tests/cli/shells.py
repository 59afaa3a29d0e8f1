"""Real shells at a real terminal, in which Tab is pressed."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect

from tests.tools import need

if TYPE_CHECKING:
    from tests.cli.people import Person

COMPLETIONS = Path(__file__).parents[2] / "completions"

BASH_COMPLETION = Path("/usr/share/bash-completion/bash_completion")

SETUP = {
    "bash": """\
bind 'set bell-style none'; bind 'set enable-bracketed-paste off'
PS1=; bind -x '"\\C-g": printf "@%s[%s]@" "" "$READLINE_LINE"'
""",
    "zsh": """\
PS1= PROMPT_EOL_MARK=; unset zle_bracketed_paste; unsetopt beep
show() { print -nr -- "@""[$BUFFER]@" }; zle -N show; bindkey '^G' show
""",
    "fish": """\
function fish_prompt; end; set -g fish_autosuggestion_enabled 0; set -g fish_greeting
bind \\cg 'printf "@%s[%s]@" "" (commandline | string collect)'
""",
}
"""What makes ^G print the line that is being edited, in brackets that no echo of a command holds."""

SOURCE = {
    "bash": "source {file}",
    "zsh": "autoload -Uz compinit; compinit -u -D; source {file}",
    "fish": "source {file}",
}

START = {
    "bash": ["--norc", "--noprofile", "-i"],
    "zsh": ["-f", "-i"],
    "fish": ["--no-config", "-i"],
}

FILES = {"bash": "jitsu.bash", "zsh": "_jitsu", "fish": "jitsu.fish"}

PACKAGES = {"bash": "bash", "zsh": "zsh", "fish": "fish"}


class Shell:
    """A shell in which `jitsu` is the command line under test.

    Args:
        name: bash, zsh or fish.
        person: whose environment and folder it has.
        load: a command of the shell's that loads the completion; default: reads the file of the project.
    """

    def __init__(self, name: str, person: Person, load: str | None = None) -> None:
        program = need(name, PACKAGES[name])
        self.name = name
        setup = person.folder / f"setup.{name}"
        file = shlex.quote(str(COMPLETIONS / FILES[name]))
        setup.write_text(SETUP[name] + (load or SOURCE[name].format(file=file)) + "\n")
        self._terminal = pexpect.spawn(
            program,
            START[name],
            cwd=str(person.folder),
            env={"TERM": "dumb" if name != "fish" else "xterm", **environment(person)},
            encoding="utf-8",
            timeout=20,
            dimensions=(40, 200),
        )
        self._terminal.sendline(f"source {shlex.quote(str(setup))}; echo re''ady")
        self._terminal.expect("ready\r?\n")

    def __enter__(self) -> Shell:
        return self

    def __exit__(self, *_: object) -> None:
        self._terminal.close(force=True)

    def tab(self, line: str) -> str:
        """The line that results from typing `line` and pressing Tab; it is not run."""
        self._terminal.send("\x15" + line + "\t\x07")
        self._terminal.expect(r"@\[(.*?)\]@")
        assert self._terminal.match is not None
        found: str = self._terminal.match[1].replace("\r\n", "")
        self._terminal.send("\x15")
        return found

    def run(self, line: str) -> str:
        """What a command line of the shell prints, up to its end."""
        self._terminal.sendline(f"{line}; echo do''ne")
        self._terminal.expect("done\r?\n")
        shown: str = self._terminal.before
        return shown


def environment(person: Person) -> dict[str, str]:
    """The person's, with `jitsu` on the path as an installed one is."""
    program = person.folder / "bin" / "jitsu"
    if not program.exists():
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m jitsu_py "$@"\n')
        program.chmod(0o755)
    found = person.environment()
    return {**found, "PATH": f"{program.parent}:{found['PATH']}"}
