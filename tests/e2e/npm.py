"""What the installed npm itself would pack, to hold our list against."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

_LISTING = """
const home = process.argv[1] + '/node_modules/'
const Arborist = require(home + '@npmcli/arborist')
const packlist = require(home + 'npm-packlist')
const lines = require('readline').createInterface({ input: process.stdin })
let last = Promise.resolve()
lines.on('line', line => { last = last.then(async () => {
  const options = JSON.parse(line)
  try {
    const tree = await new Arborist({ path: options.path }).loadActual()
    const files = await packlist(tree, options)
    console.log(JSON.stringify({ files: files.map(file => file.replace(/^[.][/]@/, '@')) }))
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }))
  }
}) })
"""


class NpmError(Exception):
    """npm itself cannot pack the folder."""


class NpmList:
    """npm's own listing, kept running, since starting it takes longer than the work.

    It is what `npm pack` calls: the same modules out of the same installation.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["node", "-e", _LISTING, str(home())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.communicate(timeout=30)

    def files(self, folder: Path, root: Path | None = None) -> set[str]:
        """The paths that npm would pack of a folder, which may be a workspace of `root`.

        Raises:
            NpmError: npm fails.
        """
        options = {"path": str(folder), "prefix": str(root or folder)}
        asked: dict[str, Any] = {**options, "workspaces": [str(folder)]} if root else options
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise NpmError(answer["error"])
        return set(answer["files"])


def packed(folders: Sequence[Path]) -> list[set[str]]:
    """The paths that `npm pack --dry-run --json` lists for each folder."""
    done = subprocess.run(
        ["npm", "pack", "--dry-run", "--json", "--ignore-scripts", *(str(folder) for folder in folders)],
        check=False,
        capture_output=True,
        text=True,
        timeout=200,
        env={**os.environ, "npm_config_update_notifier": "false"},
    )
    if done.returncode:
        raise NpmError(done.stderr[-2000:])
    answer = json.loads(done.stdout)
    lists = answer if isinstance(answer, list) else list(answer.values())
    return [{file["path"] for file in each["files"]} for each in lists]


def home() -> Path:
    """The folder that npm itself is installed in."""
    npm = shutil.which("npm")
    assert npm is not None, "these tests need npm"
    return Path(npm).resolve().parent.parent
