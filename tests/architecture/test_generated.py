"""What is generated is fresh, well-formed, reproducible, and comes with the wheel."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import jitsu_py
from jitsu_py import cli, manual
from jitsu_py.completion import scripts
from jitsu_py.manual import topics
from jitsu_py.tree import grow
from tests.tools import need

PROJECT = Path(jitsu_py.__file__).parents[1]

PAGES = sorted(path for path in manual.generated(PROJECT) if path.parts[0] == "man")

TREE = list(grow(cli.root).walk())


def run(*command: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a program in the project's folder."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8", **more}
    return subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_nothing_is_stale() -> None:
    """completions/, man/ and README's tables are what the command tree says."""
    stale = [str(path) for path in manual.stale(PROJECT)]
    assert not stale, f"stale: {', '.join(stale)}; make them anew: {manual.COMMAND}"


def test_stale_files_are_found(tmp_path: Path) -> None:
    """A changed, a missing and a superfluous file are each named, and made right."""
    (tmp_path / "README.md").write_text((PROJECT / "README.md").read_text())
    manual.write(tmp_path)
    assert manual.stale(tmp_path) == []
    readme = (tmp_path / "README.md").read_text()
    (tmp_path / "README.md").write_text(readme.replace("| 130 | interrupted |", ""))
    (tmp_path / "man" / "man1" / "jitsu-gone.1").write_text("")
    (tmp_path / "completions" / "_jitsu").unlink()
    wrong = [Path("README.md"), Path("completions/_jitsu"), Path("man/man1/jitsu-gone.1")]
    assert manual.stale(tmp_path) == wrong
    assert manual.write(tmp_path) == wrong
    assert manual.stale(tmp_path) == []
    assert (tmp_path / "README.md").read_text() == readme


@pytest.mark.slow
def test_bytes_depend_on_nothing_else(tmp_path: Path) -> None:
    """Another time zone, hash seed, width and home give the same bytes."""
    code = (
        "import sys; from pathlib import Path; from jitsu_py import manual\n"
        "for path, text in sorted(manual.generated(Path(sys.argv[1])).items()): print(path, text)"
    )
    told = [
        run(sys.executable, "-c", code, str(PROJECT), PYTHONHASHSEED=seed, TZ=zone, COLUMNS=seed, HOME=home)
        for seed, zone, home in (("40", "UTC", "/"), ("200", "Asia/Tokyo", str(tmp_path)))
    ]
    assert told[0].stdout == told[1].stdout
    assert told[0].stdout, told[0].stderr


def test_every_command_has_its_page() -> None:
    """One page for each command and group, one for the settings, the exit codes, the JSON."""
    wanted = {"jitsu.1", "jitsu-config.5", "jitsu-exit-codes.7", "jitsu-json.7"} | {
        f"jitsu-{name}.1" for name in [*cli.COMMANDS, "help"]
    }
    assert {path.name for path in PAGES} == wanted


def test_pages_are_clean() -> None:
    """mandoc finds nothing to say, not even about style."""
    need("mandoc", "mandoc")
    done = run("mandoc", "-Tlint", "-W", "style", *map(str, PAGES))
    assert (done.returncode, done.stdout) == (0, "")


def test_groff_finds_nothing() -> None:
    """groff sets every page without a warning."""
    need("groff", "groff")
    done = run("groff", "-ww", "-man", "-Tutf8", "-z", *map(str, PAGES))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_man_shows_every_page() -> None:
    """`man -l` shows each page whole: its name, and see also at its end."""
    need("man", "man-db")
    for path in PAGES:
        done = run("man", "-l", "-P", "cat", str(path), MANWIDTH="80", MAN_KEEP_FORMATTING="")
        shown = re.sub(r".\x08", "", done.stdout)
        assert path.stem in shown
        assert "SEE ALSO" in shown, done.stderr


def test_pages_name_only_pages_there_are() -> None:
    """No page leads nowhere."""
    there = {path.name for path in PAGES}
    for path in PAGES:
        named = re.findall(r"^\.BR (\S+) \((\d)\)", (PROJECT / path).read_text(), re.MULTILINE)
        assert {f"{name}.{section}".replace("\\-", "-") for name, section in named} <= there, path


def test_every_variable_is_in_the_manual() -> None:
    """Each environment variable of ours that the code reads is documented, and no other."""
    code = "".join(
        path.read_text()
        for path in (PROJECT / "jitsu_py").rglob("*.py")
        if not {"manual", "server"} & set(path.parts)
    )
    read = set(re.findall(r"[\"'](JITSU_[A-Z_]+)[\"']", code))
    told = {name for name in topics.ENVIRONMENT if name.startswith("JITSU_")}
    assert told == read, "see ENVIRONMENT in jitsu_py/manual/topics.py"


@pytest.mark.parametrize("shell", scripts.FILES)
def test_scripts_are_valid(shell: str) -> None:
    """Each shell can read its script."""
    need(shell, shell)
    done = run(shell, "-n", str(PROJECT / "completions" / scripts.FILES[shell]))
    assert (done.returncode, done.stderr) == (0, "")


def test_words_in_scripts_need_no_quotes() -> None:
    """Names of commands and flags, and the words that a value may be, are plain: the scripts rely on it."""
    words = [word for node in TREE for word in (node.name, *node.aliases)]
    words += [name for node in TREE for flag in node.flags for name in flag.names]
    kinds = [flag.kind for node in TREE for flag in node.flags] + [
        one.kind for node in TREE for one in node.arguments
    ]
    words += [word for kind in kinds if kind.startswith("one-of:") for word in kind[7:].split("|")]
    assert [word for word in words if not re.fullmatch(r"[A-Za-z0-9._-]+", word)] == []


@pytest.mark.slow
def test_the_wheel_brings_them(tmp_path: Path) -> None:
    """The wheel puts pages and scripts below the prefix where `man` and the shells look."""
    done = run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path))
    assert done.returncode == 0, done.stderr
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "out")
    [share] = (tmp_path / "out").glob("*.data/data/share")
    there = {str(path.relative_to(share)) for path in share.rglob("*") if path.is_file()}
    assert there == {
        *(str(path) for path in PAGES),
        "bash-completion/completions/jitsu",
        "zsh/site-functions/_jitsu",
        "fish/vendor_completions.d/jitsu.fish",
    }
    assert (tmp_path / "out" / "jitsu_py" / "completion" / "engines" / "jitsu.bash").exists()
    if not need("man", "man-db"):
        return
    found = run("man", "-w", "5", "jitsu-config", MANPATH=str(share / "man"))
    assert found.stdout.strip() == str(share / "man" / "man5" / "jitsu-config.5")
