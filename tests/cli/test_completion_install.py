"""`jitsu completion SHELL [--install]`: what is printed, where it goes, that shells find it there."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jitsu_py.cli import root
from jitsu_py.completion.scripts import script
from jitsu_py.tree import grow
from tests.cli.shells import BASH_COMPLETION, FILES, Shell

if TYPE_CHECKING:
    from tests.cli.people import Person

PLACES = {
    "bash": ".local/share/bash-completion/completions/jitsu",
    "zsh": ".local/share/zsh/site-functions/_jitsu",
    "fish": ".config/fish/completions/jitsu.fish",
}


def expected(shell: str) -> str:
    """What is generated; that completions/ has the same is another test's business."""
    return script(shell, grow(root))


@pytest.mark.parametrize("shell", FILES)
def test_print(shell: str, person: Person) -> None:
    """The script on stdout is the one that is generated, to the letter; --json has it as a text."""
    text = expected(shell)
    done = person.jitsu("completion", shell)
    assert (done.code, done.out, done.err) == (0, text, "")
    assert person.jitsu("completion", shell, "--json").json() == {"shell": shell, "script": text}


@pytest.mark.parametrize("shell", FILES)
def test_install(shell: str, person: Person) -> None:
    """It is put where the shell looks, says where, and doing it again changes nothing; rc files stay."""
    for name in (".bashrc", ".zshrc"):
        (person.folder / name).write_text("# mine\n")
    first = person.jitsu("completion", shell, "--install")
    file = person.folder / PLACES[shell]
    assert (first.code, first.out) == (0, f"{file}\n")
    assert file.read_text() == expected(shell)
    assert person.jitsu("completion", shell, "--install", "--json").json() == {
        "shell": shell,
        "file": str(file),
        "changed": False,
    }
    assert [(person.folder / name).read_text() for name in (".bashrc", ".zshrc")] == ["# mine\n"] * 2


@pytest.mark.parametrize("shell", FILES)
def test_shells_find_it(shell: str, person: Person) -> None:
    """A new shell completes, with what the installation said and nothing else."""
    if shell == "bash" and not BASH_COMPLETION.exists():
        pytest.skip("the package bash-completion is not installed")
    said = person.jitsu("completion", shell, "--install").err
    load = {"bash": f"source {BASH_COMPLETION}", "zsh": said.splitlines()[-1].strip() + " -u -D", "fish": ""}
    with Shell(shell, person, load[shell]) as terminal:
        if shell == "fish":
            # --no-config, which keeps the machine's own settings out, keeps the user's folder out as well.
            folder = shlex.quote(str(Path(person.folder, PLACES[shell]).parent))
            terminal.run(f"set -g fish_complete_path {folder}")
        assert terminal.tab("jitsu depl") == "jitsu deploy "


def test_xdg(person: Person) -> None:
    """The folders that the environment names are used."""
    place = person.folder / "data"
    done = person.jitsu("completion", "zsh", "--install", XDG_DATA_HOME=str(place))
    assert done.out == f"{place}/zsh/site-functions/_jitsu\n"


def test_nowhere_to_write(person: Person) -> None:
    """Where the script cannot be put, the error names the file."""
    (person.folder / ".config").write_text("")
    done = person.jitsu("completion", "fish", "--install")
    assert done.code == 2
    assert "jitsu.fish" in done.err


def test_no_such_shell(person: Person) -> None:
    """A shell that is not known is a usage error that names those that are."""
    done = person.jitsu("completion", "powershell")
    assert done.code == 2
    assert "'bash', 'zsh', 'fish'" in done.err
