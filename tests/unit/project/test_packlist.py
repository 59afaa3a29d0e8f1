"""The list of files: what jitsu adds to npm's rules, and what it tells of files. npm's rules: tests/e2e."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from jitsu_py.errors import ProjectError
from jitsu_py.project import manifest
from jitsu_py.project.packlist import About, Notice, explain, packlist, survey
from tests.unit.project import trees

NOT_AS_ROOT = pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")


def _paths(folder: Path) -> list[str]:
    return [file.path for file in packlist(folder, manifest.read(folder))]


def _notices(folder: Path) -> list[Notice]:
    return survey(folder, manifest.read(folder)).notices


def test_files_are_listed_with_size_mode_and_reason(tmp_path: Path) -> None:
    """Sorted by path; executable bits and commands count, other permissions do not."""
    trees.write(
        tmp_path,
        {**trees.MINIMAL, "files": ["lib"], "main": "main.js", "bin": {"tool": "lib/tool.js"}},
        **{
            "lib/a.js": "12345",
            "lib/tool.js": "",
            "lib/run.sh": "",
            "main.js": "",
            "README.md": "",
            "out.js": "",
        },
    )
    (tmp_path / "lib" / "run.sh").chmod(0o711)
    (tmp_path / "lib" / "a.js").chmod(0o606)

    files = packlist(tmp_path, manifest.read(tmp_path))

    assert [
        (file.path, file.size, oct(file.mode), file.why) for file in files if file.path != "package.json"
    ] == [
        ("README.md", 0, "0o644", "npm always packs it"),
        ("lib/a.js", 5, "0o644", '"files" in package.json: lib/**'),
        ("lib/run.sh", 0, "0o755", '"files" in package.json: lib/**'),
        ("lib/tool.js", 0, "0o755", '"files" in package.json: lib/**'),
        ("main.js", 0, "0o644", "package.json names it: main.js"),
    ]


def test_lockfiles_travel_whatever_npm_says(tmp_path: Path) -> None:
    """All four of the project's own folder, ignored or not; those further down by npm's rules."""
    locks = ["npm-shrinkwrap.json", "package-lock.json", "pnpm-lock.yaml", "yarn.lock"]
    trees.write(
        tmp_path,
        {**trees.MINIMAL, "files": ["a.js"]},
        **dict.fromkeys([*locks, "a.js", "sub/yarn.lock"], ""),
    )

    assert _paths(tmp_path) == ["a.js", *locks[:2], "package.json", *locks[2:]]


def test_node_modules_stay_at_home(tmp_path: Path) -> None:
    """Installed packages are never sent, save those that the manifest bundles."""
    files = {
        "node_modules/a/index.js": "",
        "node_modules/a/package.json": "{}",
        "node_modules/b/index.js": "",
    }
    data = {**trees.MINIMAL, "dependencies": {"a": "1", "b": "1"}}

    trees.write(tmp_path, data, **files)
    assert _paths(tmp_path) == ["package.json"]

    trees.write(tmp_path, {**data, "bundleDependencies": ["a"]})
    assert _paths(tmp_path) == ["node_modules/a/index.js", "node_modules/a/package.json", "package.json"]


def test_jitsuignore_is_stronger_than_all(tmp_path: Path) -> None:
    """It leaves out what `files` names, and puts back what .gitignore leaves out; the nearest file wins."""
    trees.write(
        tmp_path,
        None,
        **{
            ".gitignore": "dist/\n*.log\n",
            ".jitsuignore": "# for jitsu alone\n/docs/\n!dist/\n!keep.log\nyarn.lock\npackage.json\n",
            "dist/app.js": "",
            "dist/sub/app.js": "",
            "dist/node_modules/x.js": "",
            "docs/a.md": "",
            "keep.log": "",
            "other.log": "",
            "sub/.jitsuignore": "*.js\n!b.js\n",
            "sub/a.js": "",
            "sub/b.js": "",
            "yarn.lock": "",
        },
    )

    assert _paths(tmp_path) == ["dist/app.js", "dist/sub/app.js", "keep.log", "package.json", "sub/b.js"]


def test_a_jitsuignore_further_down_puts_back_too(tmp_path: Path) -> None:
    """What npm leaves out in that folder is in again, whole sub-folders as well."""
    trees.write(
        tmp_path,
        None,
        **{
            ".gitignore": "*.js\nout/\n",
            "sub/.jitsuignore": "!*.js\n",
            "sub/out/a.js": "",
            "sub/b.js": "",
            "c.js": "",
        },
    )

    assert _paths(tmp_path) == ["package.json", "sub/b.js", "sub/out/a.js"]


@pytest.mark.parametrize(
    ("path", "packed", "why"),
    [
        ("lib/a.js", True, '"files" in package.json: lib/**'),
        ("lib", True, "a folder, of which 2 files are packed"),
        ("./lib/../lib/a.js", True, '"files" in package.json: lib/**'),
        ("other.js", False, 'not in "files" in package.json'),
        ("lib/.npmrc", False, "npm never packs .npmrc"),
        ("lib/x.log", False, "lib/.gitignore, line 2: *.log"),
        ("node_modules/x/y.js", False, 'node_modules/ is left out: not in "files" in package.json'),
        ("yarn.lock", True, "the build installs what it says"),
        ("lib/secret.js", False, ".jitsuignore: secret.js"),
        ("lib/nothing.js", False, "there is no such file"),
        ("package.json", True, "it says how the app is built and started"),
        ("lib/link.js", False, "lib/link.js is a link to a.js; npm packs no links, so it is not packed."),
    ],
)
def test_every_path_has_a_reason(tmp_path: Path, path: str, packed: bool, why: str) -> None:
    """In or out, there or not: a person can ask why, and gets the rule and its line."""
    read = trees.write(
        tmp_path,
        {**trees.MINIMAL, "files": ["lib"]},
        **{
            ".jitsuignore": "secret.js\n",
            "lib/.gitignore": "# logs\n*.log\n",
            "lib/.npmrc": "",
            "lib/a.js": "",
            "lib/secret.js": "",
            "lib/sub/b.js": "",
            "lib/x.log": "",
            "node_modules/x/y.js": "",
            "other.js": "",
            "yarn.lock": "",
        },
    )
    (tmp_path / "lib" / "link.js").symlink_to("a.js")

    reason = explain(tmp_path, read, path)

    assert (reason.packed, reason.why) == (packed, why)


@pytest.mark.parametrize("path", ["..", "../x", "/etc/passwd", "."])
def test_a_path_out_of_the_project_has_none(tmp_path: Path, path: str) -> None:
    """Only what is in the project can be asked for."""
    with pytest.raises(ProjectError, match="not in the project"):
        explain(tmp_path, trees.write(tmp_path), path)


def test_links_are_told_and_never_followed(tmp_path: Path) -> None:
    """A link out of the project, one to nowhere and one inside each have their words; none is packed."""
    app = tmp_path / "app"
    trees.write(app, None, **{"real.js": "", ".gitignore": "ignored\n"})
    (tmp_path / "outside").mkdir()
    for name, target in {"out": "../outside", "gone": "nowhere", "in.js": "real.js", "ignored": "/"}.items():
        (app / name).symlink_to(target)

    assert _paths(app) == ["package.json", "real.js"]
    assert [(notice.path, notice.about) for notice in _notices(app)] == [
        ("gone", About.LINK),
        ("in.js", About.LINK),
        ("out", About.LINK_OUTSIDE),
    ]
    assert all(notice.path in notice.message for notice in _notices(app))


def test_sockets_and_pipes_are_told(tmp_path: Path) -> None:
    """What is no file is not packed, and said."""
    trees.write(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        here = os.open(".", os.O_RDONLY)
        os.chdir(tmp_path)  # a socket's path has to be short
        try:
            listening.bind("sock")
        finally:
            os.fchdir(here)
            os.close(here)
        assert _paths(tmp_path) == ["package.json"]
        assert [(notice.path, notice.about) for notice in _notices(tmp_path)] == [
            ("pipe", About.SPECIAL),
            ("sock", About.SPECIAL),
        ]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        (".env", "A=1", True),
        (".env.production", "A=1", True),
        (".env.example", "A=1", False),
        ("config/id_rsa", "", True),
        ("server.pem", "-----BEGIN RSA PRIVATE KEY-----", True),
        ("ca.pem", "-----BEGIN CERTIFICATE-----", False),
        ("talk.key", "slides", False),
        ("cert.p12", "", True),
        ("service-account.json", "{}", True),
        (".aws/credentials", "", True),
        ("credentials.js", "", False),
        ("environment.ts", "", False),
    ],
)
def test_secrets_are_packed_as_npm_would_and_told(
    tmp_path: Path, name: str, content: str, told: bool
) -> None:
    """Such a file travels, since npm would pack it, and a notice names it."""
    trees.write(tmp_path, None, **{name: content})

    assert name in _paths(tmp_path)
    assert [notice.path for notice in _notices(tmp_path) if notice.about is About.SECRET] == (
        [name] if told else []
    )


def test_an_ignored_secret_is_not_told(tmp_path: Path) -> None:
    """Nobody is warned of what stays at home."""
    trees.write(tmp_path, None, **{".env": "A=1", ".gitignore": ".env\n"})

    assert _notices(tmp_path) == []


def test_nested_modules_are_packed_and_told(tmp_path: Path) -> None:
    """npm packs node_modules below the project's own; one notice counts the files."""
    trees.write(tmp_path, None, **{f"examples/one/node_modules/a/{name}.js": "" for name in "abc"})

    assert len(_paths(tmp_path)) == 4
    assert [notice.message for notice in _notices(tmp_path)] == [
        "examples/one/node_modules is packed (3 files), as npm does."
    ]


def test_a_link_among_the_bundled_is_packed_and_told(tmp_path: Path) -> None:
    """A bundled dependency that is linked from elsewhere travels, as with npm, and is named."""
    app = tmp_path / "app"
    trees.write(app, {**trees.MINIMAL, "dependencies": {"a": "1"}, "bundleDependencies": ["a"]})
    trees.write(tmp_path / "a", {"name": "a", "version": "1.0.0"}, **{"index.js": ""})
    (app / "node_modules").mkdir()
    (app / "node_modules" / "a").symlink_to("../../a")

    assert _paths(app) == ["node_modules/a/index.js", "node_modules/a/package.json", "package.json"]
    assert [(notice.path, notice.about) for notice in _notices(app)] == [
        ("node_modules/a", About.LINK_OUTSIDE)
    ]


def test_names_that_npm_passes_over(tmp_path: Path) -> None:
    """A star in a name is told and left out; bytes that are no text stop the packing."""
    trees.write(tmp_path, None, **{"a*b.js": ""})
    assert _paths(tmp_path) == ["package.json"]
    assert [notice.about for notice in _notices(tmp_path)] == [About.NAME]

    os.close(os.open(os.fsencode(tmp_path) + b"/bad\xff.js", os.O_CREAT | os.O_WRONLY))
    with pytest.raises(ProjectError, match="no UTF-8"):
        _paths(tmp_path)

    (tmp_path / ".jitsuignore").write_text("bad*\n")
    assert _paths(tmp_path) == ["package.json"]


def test_a_package_json_that_is_a_link_is_refused(tmp_path: Path) -> None:
    """npm packs no links, and without a manifest there is nothing to build."""
    (tmp_path / "real.json").write_text('{"name": "a", "version": "1.0.0"}')
    (tmp_path / "package.json").symlink_to("real.json")

    with pytest.raises(ProjectError, match="is a link"):
        _paths(tmp_path)


@pytest.mark.parametrize("files", ["lib", {"a": 1}, [1], 7])
def test_files_that_are_no_list(tmp_path: Path, files: object) -> None:
    """npm fails on it; the error says what it should look like."""
    with pytest.raises(ProjectError, match="no list of texts"):
        packlist(tmp_path, trees.write(tmp_path, {**trees.MINIMAL, "files": files}))


@NOT_AS_ROOT
def test_a_folder_that_cannot_be_read(tmp_path: Path) -> None:
    """It is named, unless the rules leave it out."""
    trees.write(tmp_path, None, **{"closed/a.js": "", "b.js": ""})
    (tmp_path / "closed").chmod(0)
    try:
        with pytest.raises(ProjectError, match=r"Cannot read closed/: permission denied"):
            _paths(tmp_path)
        (tmp_path / ".gitignore").write_text("closed\n")
        assert _paths(tmp_path) == ["b.js", "package.json"]
    finally:
        (tmp_path / "closed").chmod(0o700)


def test_an_ignore_file_that_is_a_folder(tmp_path: Path) -> None:
    """npm fails on a folder called .gitignore; the error names it."""
    (tmp_path / ".gitignore").mkdir()

    with pytest.raises(ProjectError, match=r"Cannot read \.gitignore"):
        packlist(tmp_path, trees.write(tmp_path))


def test_a_very_long_path_is_packed(tmp_path: Path) -> None:
    """Folders in folders up to the system's limit are walked."""
    deep = "/".join(["d" * 60] * 40)
    trees.write(tmp_path, None, **{f"{deep}/a.js": ""})

    assert f"{deep}/a.js" in _paths(tmp_path)


def test_the_folder_may_be_given_in_any_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Absolute, relative or through a link, the list is the same."""
    trees.write(tmp_path / "app", None, **{"a.js": ""})
    (tmp_path / "link").symlink_to("app")
    monkeypatch.chdir(tmp_path)

    lists = [_paths(folder) for folder in (tmp_path / "app", Path("app"), Path("link"))]

    assert lists == [["a.js", "package.json"]] * 3
