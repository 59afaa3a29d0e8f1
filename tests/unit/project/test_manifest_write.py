"""Writing package.json: nothing but the change changes."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitsu_py.errors import ProjectError
from jitsu_py.project import manifest
from jitsu_py.project.edits import edited

if TYPE_CHECKING:
    from pathlib import Path

_TEXT = st.text(max_size=8)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=12,
)
_OBJECTS = st.dictionaries(_TEXT, _JSON, max_size=5)
_SPACE = st.sampled_from(["", " ", "\n", "\r\n", "\t", "\n  ", "  \n"])


@st.composite
def _documents(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A JSON object and a text for it, laid out by a person with odd habits."""
    data = draw(_OBJECTS)

    def lay(value: Any) -> str:
        gap = draw(_SPACE)
        if isinstance(value, dict):
            inner = f",{gap}".join(f"{json.dumps(key)}{gap}:{gap}{lay(each)}" for key, each in value.items())
            return f"{{{gap}{inner}{gap}}}"
        if isinstance(value, list):
            return f"[{gap}{f',{gap}'.join(map(lay, value))}{gap}]"
        return json.dumps(value, ensure_ascii=draw(st.booleans()))

    return draw(_SPACE) + lay(data) + draw(_SPACE), data


def _shared(one: str, other: str) -> int:
    """How many characters two texts have in common from their start."""
    return next((at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), len(one))


def _merged(data: Any, changes: Any) -> Any:
    """RFC 7396, as its text has it."""
    if not isinstance(changes, dict):
        return changes
    result = dict(data) if isinstance(data, dict) else {}
    for key, value in changes.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key), value)
    return result


@given(_documents(), _OBJECTS)
def test_a_change_is_a_merge_patch(document: tuple[str, dict[str, Any]], changes: dict[str, Any]) -> None:
    """Whatever the layout, the changed text is JSON, and says what RFC 7396 says."""
    text, data = document

    assert json.loads(edited(text, changes)) == _merged(data, changes)


@given(_documents(), st.data())
def test_a_replaced_value_leaves_all_around_it(
    document: tuple[str, dict[str, Any]], choice: st.DataObject
) -> None:
    """Every character before and after the value is the one it was."""
    text, data = document
    numbers = [key for key, value in data.items() if type(value) is int]
    if not numbers:
        return
    key = choice.draw(st.sampled_from(numbers))
    marked = edited(text, {key: "the one mark"})
    before, after = marked.split('"the one mark"')

    assert edited(text, {key: 12345}) == f"{before}12345{after}"
    assert f"{before}{data[key]}{after}" == text


@given(_documents(), _TEXT, st.integers())
def test_an_added_key_only_adds(document: tuple[str, dict[str, Any]], key: str, value: int) -> None:
    """The new key stands last, and all characters that were there are still there, in their order."""
    text, data = document
    if key in data or not data:
        return
    after = edited(text, {key: value})
    kept = _shared(text, after) + _shared(text[::-1], after[::-1])

    assert list(json.loads(after)) == [*data, key]
    assert kept >= len(text)
    assert edited(after, {key: None}) == text


@given(_documents())
def test_no_change_changes_nothing(document: tuple[str, dict[str, Any]]) -> None:
    """Saying what stands there already leaves every byte."""
    text, data = document

    assert edited(text, {}) == text
    assert edited(text, {"no such key": None} if "no such key" not in data else {}) == text


@pytest.mark.parametrize(
    ("before", "changes", "after"),
    [
        ('{\n  "a": 1\n}\n', {"b": 2}, '{\n  "a": 1,\n  "b": 2\n}\n'),
        ('{\n\t"a": 1\n}', {"b": {"c": 2}}, '{\n\t"a": 1,\n\t"b": {\n\t\t"c": 2\n\t}\n}'),
        (
            '{\r\n    "a": 1\r\n}\r\n',
            {"b": [1]},
            '{\r\n    "a": 1,\r\n    "b": [\r\n        1\r\n    ]\r\n}\r\n',
        ),
        ('{"a":1}', {"b": {"c": 1}}, '{"a":1,"b":{"c":1}}'),
        ('{ "a": 1 }', {"b": 2}, '{ "a": 1, "b": 2 }'),
        ('{\n  "s": {}\n}\n', {"s": {"start": "x"}}, '{\n  "s": {\n    "start": "x"\n  }\n}\n'),
        ('{\n  "d": {"a": "1"}\n}', {"d": {"b": "2"}}, '{\n  "d": {"a": "1", "b": "2"}\n}'),
        ('{\n  "a": 1,\n  "b": 2\n}', {"b": None}, '{\n  "a": 1\n}'),
        ('{\n  "a": 1,\n  "b": 2\n}', {"a": None}, '{\n  "b": 2\n}'),
        ('{\n  "a": 1\n}', {"a": None}, "{}"),
        ("{}", {"a": 1}, '{\n  "a": 1\n}'),
        ('{"a": "é \\u00e9"}', {"b": "ü"}, '{"a": "é \\u00e9", "b": "ü"}'),
        ('{"a": 1, "a": 2}', {"a": 3}, '{"a": 1, "a": 3}'),
    ],
)
def test_a_change_is_written_in_the_files_own_style(before: str, changes: dict[str, Any], after: str) -> None:
    """Indent, line ends, spaces and the final newline are the file's."""
    assert edited(before, changes) == after


def _read(folder: Path, text: str) -> manifest.Manifest:
    (folder / "package.json").write_bytes(text.encode())
    return manifest.read(folder)


def test_the_diff_shows_what_write_writes(tmp_path: Path) -> None:
    """Only the changed lines carry a sign, and an empty change has no diff."""
    read = _read(tmp_path, '{\n  "name": "a",\n  "version": "1.0.0"\n}\n')

    lines = manifest.diff(read, {"version": "1.0.1"}).splitlines()

    assert [line for line in lines if line[0] in "+-" and line[:3] not in ("+++", "---")] == [
        '-  "version": "1.0.0"',
        '+  "version": "1.0.1"',
    ]
    assert manifest.diff(read, {"version": "1.0.0"}) == ""


def test_writing_keeps_mode_and_leaves_nothing_beside(tmp_path: Path) -> None:
    """The file is replaced in one step, with its permissions."""
    read = _read(tmp_path, '{"name": "a", "version": "1.0.0"}')
    (tmp_path / "package.json").chmod(0o640)

    manifest.write(read, {"version": "2.0.0"})

    assert manifest.read(tmp_path).version == "2.0.0"
    assert stat.S_IMODE((tmp_path / "package.json").stat().st_mode) == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["package.json"]


def test_nothing_to_write_writes_nothing(tmp_path: Path) -> None:
    """A change that changes nothing leaves the file's date alone."""
    read = _read(tmp_path, '{"name": "a", "version": "1.0.0"}')
    before = (tmp_path / "package.json").stat()

    manifest.write(read, {"version": "1.0.0"})

    assert (tmp_path / "package.json").stat().st_mtime_ns == before.st_mtime_ns


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """What the link names is written, the link is kept."""
    (tmp_path / "real.json").write_text('{"name": "a", "version": "1.0.0"}')
    (tmp_path / "package.json").symlink_to("real.json")

    manifest.write(manifest.read(tmp_path), {"version": "1.1.0"})

    assert (tmp_path / "package.json").is_symlink()
    assert json.loads((tmp_path / "real.json").read_text())["version"] == "1.1.0"


def test_what_somebody_else_wrote_meanwhile_is_not_lost(tmp_path: Path) -> None:
    """A file that changed since it was read is not overwritten."""
    read = _read(tmp_path, '{"name": "a", "version": "1.0.0"}')
    _read(tmp_path, '{"name": "a", "version": "1.0.5"}')

    with pytest.raises(ProjectError, match="changed meanwhile"):
        manifest.write(read, {"version": "2.0.0"})

    assert manifest.read(tmp_path).version == "1.0.5"


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    """The error names the file, and the file is as it was."""
    read = _read(tmp_path, '{"name": "a", "version": "1.0.0"}')
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(ProjectError, match="Cannot write"):
            manifest.write(read, {"version": "2.0.0"})
    finally:
        tmp_path.chmod(0o700)
    assert manifest.read(tmp_path).version == "1.0.0"
