"""Our list of files against npm's, over trees that nobody would write by hand."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, assume, example, given, settings
from hypothesis import strategies as st

from jitsu_py.project import manifest
from jitsu_py.project.packlist import LOCKFILES, packlist
from tests.e2e.npm import NpmError, NpmList, packed

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
_FOLDERS = [
    "lib",
    "lib/sub",
    "src",
    "build",
    "test",
    "dist",
    ".hidden",
    "CVS",
    "bin",
    "A b",
    "@s",
    ".git",
    "lib/.git",
]
_MODULES = ["node_modules", "node_modules/a", "node_modules/@s/b", "lib/node_modules/x"]
_NAMES = [
    *("index.js", "a.js", "b.ts", "main.js", "README.md", "readme", "LICENSE", "License.txt~", "copying.x"),
    *(".npmrc", ".DS_Store", "._x", ".a.swp", "x.orig", "npm-debug.log", "x.log", "config.gypi", "CHANGELOG"),
    *(
        "package-lock.json",
        "yarn.lock",
        "bun.lockb",
        "npm-shrinkwrap.json",
        "pnpm-lock.yaml",
        ".env",
        "package.json",
    ),
    *(
        "é.js",
        "日本.js",
        "😀",
        "-dash",
        "sp ace.js",
        "[a].js",
        "{x}.js",
        "!bang",
        "#hash",
        "@at",
        "b*.js",
        "x" * 120,
    ),
]
_PATTERNS = [
    *(
        "*.js",
        "lib",
        "lib/",
        "/lib",
        "!lib",
        "!lib/",
        "*",
        "!*.js",
        "**/a.js",
        "/a.js",
        "src/**",
        "!src/sub/**",
    ),
    *(
        "test",
        "dist/",
        "*.log",
        "!x.log",
        "# a comment",
        "",
        "lib/*",
        "!lib/sub",
        "*.{js,ts}",
        "build",
        "./a.js",
    ),
    *(
        "sub",
        "/**/sub",
        "!README.md",
        "README.md",
        "package.json",
        "!node_modules",
        "[ab].js",
        "lib/sub/a.js",
    ),
    *(
        "!a.js",
        "node_modules",
        "A b",
        "sp ace.js",
        "\\#hash",
        "\\!bang",
        "!.npmrc",
        "LIB",
        "**",
        "!**/*.ts",
        "src",
    ),
    *(
        "*/",
        "!*/",
        " a.js ",
        "lib/**/a.js",
        "!/lib/a.js",
        "bin",
        "yarn.lock",
        "!package-lock.json",
        "!(a).js",
    ),
    *("@(lib|src)/*.js", "*.+(js|ts)", "?.js", "x*x", "[!a]*.js", "!!a.js", "😀", "?", "??", "@at", "**/"),
]
_ENTRIES = [
    *(
        "lib/index.js",
        "index.js",
        "./lib",
        "src/*.ts",
        "!lib/a.js",
        "/",
        ".",
        "main.js",
        "[a].js",
        "bin/",
        "@s",
    ),
    *("../x", "**/*.js", "dist/**", "lib/sub/index.js", "/main.js", "./", "*", "-dash", "é.js", "lib/sub/"),
]


@dataclass(frozen=True)
class Tree:
    """A project to be written."""

    data: dict[str, Any]
    files: dict[str, str]
    links: dict[str, str] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write it; what does not fit beside the rest is left out."""
        for path, content in {**self.files, "package.json": json.dumps(self.data)}.items():
            full = folder / path
            try:
                full.parent.mkdir(parents=True, exist_ok=True)
                full.write_text(content, encoding="utf-8", newline="")
            except (FileExistsError, IsADirectoryError, NotADirectoryError):
                continue
        for path, target in self.links.items():
            full = folder / path
            if not full.exists() and not full.is_symlink() and full.parent.is_dir():
                full.symlink_to(target)


_lines = st.lists(st.sampled_from(_PATTERNS), max_size=4)
_ignore = st.builds(lambda lines, end: end.join(lines) + end, _lines, st.sampled_from(["\n", "\r\n"]))


@st.composite
def _files(draw: st.DrawFn, modules: list[str]) -> dict[str, str]:
    files: dict[str, str] = {}
    for folder in ["", *draw(st.lists(st.sampled_from(_FOLDERS + modules), max_size=6, unique=True))]:
        for name in draw(st.lists(st.sampled_from(_NAMES), max_size=6, unique=True)):
            files[f"{folder}/{name}".lstrip("/")] = '{"name": "inner", "version": "1.0.0", "files": ["lib"]}'
        for name in draw(st.lists(st.sampled_from([".npmignore", ".gitignore"]), max_size=2, unique=True)):
            files[f"{folder}/{name}".lstrip("/")] = draw(_ignore)
    return files


_manifests = st.fixed_dictionaries(
    {"name": st.just("app"), "version": st.just("1.0.0")},
    optional={
        "files": st.lists(st.sampled_from(_PATTERNS + _ENTRIES), max_size=4),
        "main": st.sampled_from(
            ["main.js", "lib/index.js", "./lib/a.js", "lib", "lib/", "index", "src/../a.js", ""]
        ),
        "browser": st.sampled_from(["b.ts", "lib/a.js", {"a": "b"}, False]),
        "bin": st.sampled_from(
            ["a.js", "./bin/a.js", {"a": "a.js", "b": "../../lib/a.js"}, ["lib/a.js"], {"a": 1}]
        ),
        "workspaces": st.sampled_from([["lib"], ["lib/*"], {"packages": ["src"]}, []]),
    },
)
_trees = st.builds(
    Tree,
    _manifests,
    _files(_MODULES),
    st.dictionaries(
        st.sampled_from(["link", "lib/link", "a.js", "README.md"]),
        st.sampled_from(["lib", "../x", "index.js"]),
        max_size=2,
    ),
)


@pytest.fixture(scope="module")
def npm() -> Iterator[NpmList]:
    """npm's listing."""
    with NpmList() as running:
        yield running


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder for the trees."""
    with tempfile.TemporaryDirectory(prefix="jitsu-trees-") as folder:
        yield Path(folder).resolve()


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _ours(folder: Path) -> set[str]:
    return {file.path for file in packlist(folder, manifest.read(folder))}


def _with_locks(folder: Path, files: set[str]) -> set[str]:
    """The one difference meant: lockfiles always travel."""
    locks = {name for name in LOCKFILES if (folder / name).is_file() and not (folder / name).is_symlink()}
    return files | locks


_NAMED = {"name": "app", "version": "1.0.0"}


@given(_trees)
@example(Tree(_NAMED, {".npmignore": "😀\n", "lib/😀": "", "lib/a.js": ""}))
@example(Tree({**_NAMED, "files": ["lib/😀", "!lib/?😀"]}, {"lib/😀": "", "lib/a😀": "", "lib/a.js": ""}))
@example(
    Tree(
        {**_NAMED, "workspaces": ["p/😀*"]},
        {"p/😀a/package.json": '{"name": "inner", "version": "1.0.0"}', "p/😀a/a.js": "", "a.js": ""},
    )
)
@settings(max_examples=200, deadline=None, suppress_health_check=_SLOW)
def test_any_tree_is_packed_as_npm_does(npm: NpmList, place: Path, tree: Tree) -> None:
    """Ignore files, `files`, entry points, odd names, links and workspaces: the list is npm's."""
    folder = _emptied(place / "tree")
    tree.write(folder)
    try:
        expected = npm.files(folder)
    except NpmError:
        assume(False)

    assert _ours(folder) == _with_locks(folder, expected)


_PACKAGES = ["a", "b", "@s/c", "d"]
_dependencies = st.dictionaries(st.sampled_from([*_PACKAGES, "gone"]), st.just("*"), max_size=3)


def _package(name: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"name": st.just(name), "version": st.just("1.0.0")},
        optional={
            "dependencies": _dependencies,
            "optionalDependencies": _dependencies,
            "peerDependencies": _dependencies,
            "devDependencies": _dependencies,
            "files": st.lists(st.sampled_from(["lib", "index.js", "*.md"]), max_size=2),
        },
    )


@st.composite
def _bundled(draw: st.DrawFn) -> Tree:
    """A project whose node_modules has packages in packages, links to workspaces, and things missing."""
    files: dict[str, str] = {}
    links: dict[str, str] = {}

    def install(at: str, name: str, depth: int) -> None:
        files[f"{at}/package.json"] = json.dumps(draw(_package(name)))
        for path in draw(
            st.lists(st.sampled_from(["index.js", "lib/x.js", "README.md", "test/t.js"]), max_size=3)
        ):
            files[f"{at}/{path}"] = ""
        for path in draw(st.lists(st.sampled_from([".npmignore", "lib/.gitignore", ".npmrc"]), max_size=2)):
            files[f"{at}/{path}"] = "*.js\n"
        if depth < 2:
            for inner in draw(st.lists(st.sampled_from(_PACKAGES), max_size=2, unique=True)):
                install(f"{at}/node_modules/{inner}", inner, depth + 1)

    for name in draw(st.lists(st.sampled_from(_PACKAGES), max_size=4, unique=True)):
        if draw(st.integers(0, 3)):
            install(f"node_modules/{name}", name, 0)
        else:
            install(f"packages/{name}", name, 1)
            links[f"node_modules/{name}"] = f"{'../' * (name.count('/') + 1)}packages/{name}"
            if "/" in name:
                files[f"node_modules/{name.split('/')[0]}/.keep"] = ""
    files["node_modules/.package"] = ""
    data = draw(_package("app"))
    data[draw(st.sampled_from(["bundleDependencies", "bundledDependencies"]))] = draw(
        st.sampled_from([True, False, ["a", "b"], ["@s/c", "d", "gone"], {"a": 1}])
    )
    if draw(st.booleans()):
        data["workspaces"] = draw(st.sampled_from([["packages/*"], ["packages/a", "packages/b"]]))
    return Tree(data, files, links)


@given(_bundled())
@settings(max_examples=120, deadline=None, suppress_health_check=_SLOW)
def test_bundled_dependencies_travel_as_with_npm(npm: NpmList, place: Path, tree: Tree) -> None:
    """What is bundled, what that needs, links, peers and what is missing: the list is npm's."""
    folder = _emptied(place / "bundled")
    tree.write(folder)
    try:
        expected = npm.files(folder)
    except NpmError:
        assume(False)

    assert _ours(folder) == _with_locks(folder, expected)


@given(_trees, _ignore, _ignore)
@settings(max_examples=60, deadline=None, suppress_health_check=_SLOW)
def test_a_workspace_obeys_its_root(npm: NpmList, place: Path, tree: Tree, outer: str, between: str) -> None:
    """Packed from its own folder, a workspace is bound by the ignore files above it."""
    root = _emptied(place / "root")
    folder = root / "packages" / "one"
    Tree({"name": "root", "version": "1.0.0", "workspaces": ["packages/*"]}, {".gitignore": outer}).write(
        root
    )
    tree.write(folder)
    (root / "packages" / ".npmignore").write_text(between, encoding="utf-8")
    try:
        expected = npm.files(folder, root)
    except NpmError:
        assume(False)

    assert _ours(folder) == _with_locks(folder, expected)


@given(st.lists(_trees, min_size=12, max_size=12))
@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
def test_the_command_says_the_same(place: Path, trees: list[Tree]) -> None:
    """`npm pack --dry-run --json` itself, of a dozen trees at once."""
    _emptied(place / "many")
    folders = [place / "many" / str(number) for number in range(len(trees))]
    for folder, tree in zip(folders, trees, strict=True):
        tree.data.pop("workspaces", None)
        tree.write(folder)
    for folder, expected in zip(folders, packed(folders), strict=True):
        assert _ours(folder) == _with_locks(folder, expected)


def test_the_command_finds_the_workspaces_root_too(tmp_path: Path) -> None:
    """`npm pack` in a workspace's folder leaves out what the root's .gitignore names, and so do we."""
    folder = tmp_path / "packages" / "one"
    Tree({"name": "root", "version": "1.0.0", "workspaces": ["packages/*"]}, {".gitignore": "*.log\n"}).write(
        tmp_path
    )
    Tree({"name": "one", "version": "1.0.0"}, {"a.log": "", "a.js": "", "lib/b.log": ""}).write(folder)
    done = subprocess.run(
        ["npm", "pack", "--dry-run", "--json"], cwd=folder, check=True, capture_output=True, text=True
    )
    answer = json.loads(done.stdout)
    (listed,) = answer if isinstance(answer, list) else answer.values()

    assert _ours(folder) == {file["path"] for file in listed["files"]} == {"a.js", "package.json"}
