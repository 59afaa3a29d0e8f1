"""Our list of files against npm's, over packages that people really published."""

from __future__ import annotations

import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jitsu_py.project import manifest
from jitsu_py.project.packlist import LOCKFILES, packlist
from tests.e2e.npm import NpmList, packed

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

# Chosen for odd rules: dependencies bundled by the hundred, ignore files left in by accident further down,
# `files` with globs and negations or none at all, commands as text and as a map, capitals, scopes, `browser`
# maps, licences under every name, thousands of files.
PACKAGES = [
    *("npm@2.15.12", "npm@6.14.18", "sqlite3@3.1.13", "bcrypt@1.0.3", "fsevents@1.2.13", "bower@1.8.14"),
    *(
        "jitsu@0.15.0",
        "nodejitsu-api@0.6.6",
        "forever@4.0.3",
        "pm2@5.4.0",
        "JSONStream@1.3.5",
        "left-pad@1.3.0",
    ),
    *(
        "express@4.19.2",
        "socket.io@4.7.5",
        "ws@8.17.0",
        "request@2.88.2",
        "readable-stream@2.3.8",
        "tap@12.7.0",
    ),
    *("react@18.3.1", "vue@2.7.16", "jquery@3.7.1", "core-js@2.6.12", "lodash@4.17.21", "async@0.2.10"),
    *(
        "coffee-script@1.12.7",
        "less@3.13.1",
        "uglify-js@3.18.0",
        "browserify@17.0.0",
        "grunt@1.6.1",
        "gulp@4.0.2",
    ),
    *("mocha@10.4.0", "eslint@8.57.0", "highlight.js@10.7.3", "node-gyp@10.1.0", "cross-spawn@7.0.3"),
    *(
        "@babel/core@7.24.7",
        "@types/node@20.14.2",
        "@npmcli/arborist@7.5.3",
        "prettier@3.3.2",
        "jsdom@9.12.0",
    ),
]

LITTER = {
    ".git/HEAD": "ref: refs/heads/main\n",
    ".gitignore": "*.md\n!README.md\nlib/*.js\n/dist\n",
    ".npmrc": "color=false\n",
    "a.orig": "",
    "lib/.DS_Store": "",
    "node_modules/zz/index.js": "",
    "package-lock.json": "{}",
    "src/.gitignore": "*.ts\n",
    "sub/._z": "",
    "test/.npmignore": "*.txt\n",
    "x/node_modules/y/index.js": "",
    "yarn.lock": "",
}
"""What a working copy has and a published package has not."""


@pytest.fixture(scope="module")
def folders() -> Iterator[list[Path]]:
    """The packages, fetched and unpacked."""
    with tempfile.TemporaryDirectory(prefix="jitsu-packages-") as place:
        done = subprocess.run(
            ["npm", "pack", "--silent", *PACKAGES],
            cwd=place,
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
        )
        if done.returncode:
            pytest.skip(f"npm's registry is out of reach: {done.stderr[-300:]}")
        yield [_unpacked(archive) for archive in sorted(Path(place).resolve().glob("*.tgz"))]


def _unpacked(archive: Path) -> Path:
    target = archive.with_suffix("")
    with tarfile.open(archive) as tar:
        tar.extractall(target, filter="data")
    (folder,) = target.iterdir()
    return folder


def _ours(folder: Path) -> set[str]:
    return {file.path for file in packlist(folder, manifest.read(folder, check=False))}


def _with_locks(folder: Path, files: set[str]) -> set[str]:
    return files | {name for name in LOCKFILES if (folder / name).is_file()}


def test_published_packages_are_packed_as_npm_does(folders: list[Path]) -> None:
    """Of forty real packages, every list is that of `npm pack --dry-run --json`."""
    assert len(folders) == len(PACKAGES) >= 30
    different = {
        folder.parent.name: (ours ^ theirs)
        for folder, listed in zip(folders, packed(folders), strict=True)
        if (ours := _ours(folder)) != (theirs := _with_locks(folder, listed))
    }

    assert different == {}


def test_working_copies_of_them_are_too(folders: list[Path]) -> None:
    """With the litter of a working copy around them (ignore files, a repository, modules), they still are."""
    different = {}
    with NpmList() as npm:
        for folder in folders:
            for path, content in LITTER.items():
                full = folder / path
                if not full.exists() and (full.parent.is_dir() or not full.parent.exists()):
                    full.parent.mkdir(parents=True, exist_ok=True)
                    full.write_text(content)
            ours, theirs = _ours(folder), _with_locks(folder, npm.files(folder))
            if ours != theirs:
                different[folder.parent.name] = ours ^ theirs

    assert different == {}
