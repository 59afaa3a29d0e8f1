"""Words and flags: names, aliases, order, help, and what is said of what is not understood."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jitsu_py.cli import ALIASES, COMMANDS, EXIT_CODES, root

if TYPE_CHECKING:
    from tests.cli.people import Person


def test_without_words_it_helps(person: Person) -> None:
    """`jitsu` alone shows the help, on stdout, and is no error."""
    done = person.jitsu()
    assert done.code == 0
    assert all(name in done.out for name in COMMANDS)
    assert done.err == ""


@pytest.mark.parametrize("words", [["--version"], ["-V"], ["-v"], ["config", "--version"]])
def test_version(words: list[str], person: Person) -> None:
    """The version can be asked for by every usual flag, anywhere."""
    from jitsu_py import __version__

    done = person.jitsu(*words)
    assert (done.code, done.out) == (0, f"jitsu {__version__}\n")


@pytest.mark.parametrize(
    "words",
    [
        ["help", "config", "set"],
        ["config", "set", "--help"],
        ["config", "-h", "set"],
        ["help", "conf", "set"],
    ],
)
def test_help_of_a_command(words: list[str], person: Person) -> None:
    """`help COMMAND` and --help show the same kind of page; aliases lead there too."""
    done = person.jitsu(*words)
    assert done.code == 0
    assert "jitsu config" in done.out


@pytest.mark.parametrize("alias", ["signup", "scale", "open", "create"])
def test_help_names_the_command_as_it_was_called(alias: str, person: Person) -> None:
    """Some commands of the root are verbs of a group by another name: help keeps to what was typed."""
    assert person.jitsu(alias, "--help").out.startswith(f"Usage: jitsu {alias} ")
    assert f"hint: jitsu {alias} --help" in person.jitsu(alias, "--bogus").err


@pytest.mark.parametrize("words", [[], ["apps"], ["deploy"], ["env", "set"], ["server", "engines"]])
def test_help_fits_a_narrow_terminal(words: list[str], person: Person) -> None:
    """At 40 columns, but for the examples: those are there to be copied."""
    page, _, _ = person.jitsu(*words, "--help", COLUMNS="40").out.partition("Examples:")
    assert max(map(len, page.splitlines())) <= 40


@pytest.mark.parametrize("group", [["apps"], ["server", "engines"]])
def test_a_group_without_a_verb_shows_its_page(group: list[str], person: Person) -> None:
    """On stderr, with the code of a usage error, and nothing but the page; its sentences are whole."""
    done = person.jitsu(*group)
    assert (done.code, done.out) == (2, "")
    assert done.err == person.jitsu(*group, "--help").out
    assert "..." not in done.err.partition("Commands:")[2]
    error = person.jitsu("--json", *group).error()
    assert (error["error"], error["hint"]) == ("usage", f"jitsu {' '.join(group)} --help")


def test_help_of_exit_codes(person: Person) -> None:
    """The exit codes are published by the command line itself."""
    done = person.jitsu("help", "exit-codes")
    assert [int(line.split()[0]) for line in done.out.splitlines()] == list(EXIT_CODES)


@pytest.mark.parametrize(
    "words",
    [
        ["--json", "config", "list"],
        ["config", "--json", "list"],
        ["config", "list", "--json"],
        ["conf", "list", "--json", "-q"],
        ["config", "--json"],
    ],
)
def test_global_flags_stand_anywhere(words: list[str], person: Person) -> None:
    """A global flag means the same before the command, behind its group and behind its verb."""
    assert {row["key"] for row in person.jitsu(*words).json()} >= {"host", "username"}


def test_a_later_flag_wins(person: Person) -> None:
    """Of a flag given twice the last one counts."""
    done = person.jitsu("--host", "one.example", "host", "--host", "two.example")
    assert done.out == "https://two.example\n"


def test_flags_end_at_two_dashes(person: Person) -> None:
    """What stands behind `--` is no flag."""
    done = person.jitsu("config", "set", "username", "--", "--json")
    assert done.code == 2
    assert "--json" in done.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["lst"], "list"),
        (["config", "sett"], "set"),
        (["config", "list", "--jsn"], "--json"),
        (["help", "deplou"], "deploy"),
        (["Deploy"], "deploy"),
    ],
)
def test_did_you_mean(words: list[str], told: str, person: Person) -> None:
    """A word or flag that is not known is a usage error that names the nearest one."""
    done = person.jitsu(*words)
    assert done.code == 2
    assert "did you mean" in done.err.lower()
    assert told in done.err
    assert done.out == ""


@pytest.mark.parametrize("word", ["\x1b]0;owned\x07", "x" * 100_000, "ä" * 50, "--=", "-", "", "\udcff"])
def test_hostile_words(word: str, person: Person) -> None:
    """Whatever the word is, the answer is a usage error that a terminal survives."""
    done = person.jitsu(word) if word != "\udcff" else person.jitsu("config", "get", word)
    assert done.code == 2
    assert "\x1b" not in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    "words",
    [["config", "get"], ["config", "set", "a"], ["list", "a", "b"], ["start", "--dir"], ["host", "a", "b"]],
)
def test_wrong_number_of_words(words: list[str], person: Person) -> None:
    """Too few or too many words: usage, with the page to look at."""
    done = person.jitsu(*words)
    assert done.code == 2
    assert "--help" in done.err


def test_errors_are_json_when_asked_for(person: Person) -> None:
    """With --json a usage error is JSON on stderr, with its published keys."""
    told = person.jitsu("nonsense", "--json").error()
    assert set(told) == {"error", "message", "hint", "exit_code", "request_id"}
    assert (told["error"], told["exit_code"]) == ("usage", 2)


def test_every_alias_leads_to_its_command() -> None:
    """Each alias of the published table resolves to the command it stands for."""
    import click

    context = click.Context(root, info_name="jitsu")
    for alias, name in ALIASES.items():
        assert root.get_command(context, alias) is root.get_command(context, name)
