"""Reading package.json, and what is said of one that cannot be used."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from jitsu_py.errors import ProjectError
from jitsu_py.project import manifest
from jitsu_py.wire import JSON_LIMIT

if TYPE_CHECKING:
    from pathlib import Path


def _put(folder: Path, content: str | bytes | dict[str, Any]) -> Path:
    if isinstance(content, dict):
        content = json.dumps(content)
    (folder / "package.json").write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def test_every_key_is_kept_in_the_files_order(tmp_path: Path) -> None:
    """Unknown keys and their order reach whoever reads the manifest."""
    read = manifest.read(_put(tmp_path, '{"z": 1, "name": "a", "version": "1.2.3", "b": [null]}'))

    assert list(read.data) == ["z", "name", "version", "b"]
    assert (read.name, read.version, read.folder) == ("a", "1.2.3", tmp_path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b" \n\t", "is empty"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        ('{"name": "a"}'.encode("utf-16"), "UTF-16"),
        (b'{"name": "\xff"}', "not UTF-8 text (line 1)"),
        (b'{"name": "a",\n  "version": "1.0.0",\n}', "line 3, column 1"),
        (b'{\n  // the name\n  "name": "a"\n}', "line 2"),
        (b'{\n  // the name\n  "name": "a"\n}', "JSON has no comments"),
        (b'{"name": "a" /* why */}', "JSON has no comments"),
        (b'{"name": "a", "x": NaN}', "NaN"),
        (b'{"name": "a", "x": -1e999}', "-1e999 is too large a number"),
        (b'{"name": "a", "x": "\\ud83d"}', "half a character, '\\ud83d'"),
        (b"[1]", "no JSON object"),
        (b'"text"', "no JSON object"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"name": "a"} trailing', "line 1, column 15"),
        (b'{"a": "' + b"x" * JSON_LIMIT + b'"}', "larger than 1024 KiB"),
    ],
)
def test_what_is_no_manifest_is_refused_with_the_place(tmp_path: Path, content: bytes, says: str) -> None:
    """The error tells what is wrong and, in text, where: line and column."""
    with pytest.raises(ProjectError) as refused:
        manifest.read(_put(tmp_path, content))

    assert says in refused.value.message
    assert refused.value.hint


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    """No folder, no package.json, a file for a folder, a folder for a package.json: each its own sentence."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "odd" / "package.json").mkdir(parents=True)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "package.json").symlink_to("nowhere")

    for name, says in {
        "nowhere": "There is no folder",
        "file": "is not a folder",
        "empty": "There is no package.json",
        "odd": "is not a file",
        "linked": "leads nowhere",
    }.items():
        with pytest.raises(ProjectError, match=says):
            manifest.read(tmp_path / name)


def test_a_pipe_for_a_manifest_does_not_hang(tmp_path: Path) -> None:
    """A named pipe is refused before anything waits for it."""
    os.mkfifo(tmp_path / "package.json")

    with pytest.raises(ProjectError, match="not a file"):
        manifest.read(tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        ".hidden",
        "_private",
        "-dash",
        "my app",
        "node_modules",
        "favicon.ico",
        "a/b",
        "@x/.y",
        "é",
        "x" * 215,
        7,
    ],
)
def test_a_name_that_npm_refuses(tmp_path: Path, name: object) -> None:
    """It is refused at once, with one that would do; unchecked, it is left to the list of problems."""
    _put(tmp_path, {"name": name, "version": "1.0.0"})

    with pytest.raises(ProjectError) as refused:
        manifest.read(tmp_path)
    assert "npm refuses the name" in refused.value.message

    read = manifest.read(tmp_path, check=False)
    assert read.name == ""
    problem = manifest.problems(read, tmp_path)[0]
    assert (problem.field, problem.missing) == ("name", False)
    assert (
        manifest.read(_put(tmp_path, {"name": problem.default, "version": "1.0.0"})).name == problem.default
    )


@pytest.mark.parametrize("name", ["app", "JSONStream", "@scope/my.app", "a_b", "x" * 214, "~a", "http"])
def test_a_name_that_npm_takes(tmp_path: Path, name: str) -> None:
    """Old packages' capitals and scopes pass."""
    assert manifest.read(_put(tmp_path, {"name": name, "version": "1.0.0"})).name == name


@pytest.mark.parametrize("version", ["1", "1.2", "01.2.3", "1.2.3-01", "latest", "1.2.3 4", "1.2.3-é", 1.5])
def test_a_version_that_is_none(tmp_path: Path, version: object) -> None:
    """What is no semver is refused."""
    with pytest.raises(ProjectError, match="no version that npm understands"):
        manifest.read(_put(tmp_path, {"name": "a", "version": version}))


@pytest.mark.parametrize(
    ("given", "read"), [("v1.2.3", "1.2.3"), (" =1.2.3", "1.2.3"), ("1.0.0-a.1+b", "1.0.0-a.1+b")]
)
def test_a_version_is_cleaned_as_npm_does(tmp_path: Path, given: str, read: str) -> None:
    """A leading v, = or space does not count."""
    assert manifest.read(_put(tmp_path, {"name": "a", "version": given})).version == read


@pytest.mark.parametrize(
    ("scripts", "server", "start"),
    [
        ({"start": "node app.js"}, False, "node app.js"),
        ({"start": "server.js"}, True, "server.js"),
        ({}, True, "node server.js"),
        ({"start": ""}, True, "node server.js"),
        ({"start": 5}, False, None),
        ("node x", False, None),
        (None, False, None),
    ],
)
def test_the_start_script(tmp_path: Path, scripts: object, server: bool, start: str | None) -> None:
    """It is the manifest's, else npm's default where there is a server.js."""
    if server:
        (tmp_path / "server.js").touch()

    assert manifest.read(_put(tmp_path, {"name": "a", "version": "1.0.0", "scripts": scripts})).start == start


@pytest.mark.parametrize(
    ("engines", "node"),
    [
        ({"node": ">=18"}, ">=18"),
        ({"node": " 0.10.x "}, "0.10.x"),
        (["node >= 0.6"], ">= 0.6"),
        ("node 0.8", "0.8"),
        ({"npm": "1"}, None),
        ({"node": ""}, None),
        ({"node": 18}, None),
        (None, None),
    ],
)
def test_the_engine(tmp_path: Path, engines: object, node: str | None) -> None:
    """Today's object and the first npm's list are both understood."""
    assert (
        manifest.read(_put(tmp_path, {"name": "a", "version": "1.0.0", "engines": engines})).engines_node
        == node
    )


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    """An empty manifest lists everything in the order of the questions, each with what would do."""
    folder = tmp_path / "My App!"
    folder.mkdir()
    (folder / "index.js").touch()
    read = manifest.read(_put(folder, "{}"))

    found = {problem.field: problem for problem in manifest.problems(read, folder)}

    assert list(found) == ["name", "subdomain", "scripts.start", "version"]
    assert {name: problem.default for name, problem in found.items()} == {
        "name": "my-app",
        "subdomain": "my-app",
        "scripts.start": "node index.js",
        "version": "0.1.0",
    }
    assert all(problem.missing for problem in found.values())
    assert [problem.needed for problem in found.values()] == [True, False, True, True]
    assert found["scripts.start"].change("node x") == {"scripts": {"start": "node x"}}


def test_wrong_values_are_problems_too(tmp_path: Path) -> None:
    """A subdomain that is no label, scripts that are no object and a range that is none are named."""
    data = {
        "name": "a",
        "version": "1.0.0",
        "subdomain": "No good",
        "scripts": [],
        "engines": {"node": "banana"},
    }
    read = manifest.read(_put(tmp_path, data))

    found = {problem.field: problem for problem in manifest.problems(read, tmp_path)}

    assert list(found) == ["subdomain", "scripts.start", "engines.node"]
    assert found["subdomain"].default == "no-good"
    assert found["engines.node"].default is None
    assert not any(problem.missing for problem in found.values())


def test_nothing_is_wrong_with_a_good_one(tmp_path: Path) -> None:
    """A whole manifest has no problems."""
    data = {"name": "a", "version": "1.0.0", "subdomain": "a-b", "scripts": {"start": "node a"}}

    assert manifest.problems(manifest.read(_put(tmp_path, data)), tmp_path) == []


def test_the_entry_is_main_before_the_usual_names(tmp_path: Path) -> None:
    """`main` wins, with or without its ending, and never leads out of the project."""
    for name in ("app.js", "start.js"):
        (tmp_path / name).touch()
    (tmp_path.parent / "outside.js").touch()

    def default(main: str) -> str | None:
        read = manifest.read(_put(tmp_path, {"name": "a", "version": "1.0.0", "main": main}))
        return manifest.problems(read, tmp_path)[-1].default

    assert default("start") == "node start.js"
    assert default("./start.js") == "node start.js"
    assert default("../outside.js") == "node app.js"
