"""What the package imports is what it declares."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import jitsu_py

PACKAGE = Path(jitsu_py.__file__).parent
PROJECT = PACKAGE.parent


def imported(folder: Path) -> dict[str, Path]:
    """Top-level names of other people's modules imported anywhere below a folder, with one place each."""
    found: dict[str, Path] = {}
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            found.update({name.partition(".")[0]: path for name in names})
    return {name: path for name, path in found.items() if name not in sys.stdlib_module_names}


def declared() -> tuple[set[str], set[str], set[str]]:
    """Distributions that the client, the platform, and the platform with databases ask for."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    client = {_name(line) for line in project["dependencies"]}
    extras = project["optional-dependencies"]
    server = client | {_name(line) for line in extras["server"]}
    return client, server, server | {_name(line) for line in extras["databases"]}


def test_every_import_is_declared() -> None:
    """Its own dependencies suffice the client; the platform needs `server`, its databases `databases`."""
    client, server, databases = declared()
    owners = packages_distributions()
    for name, path in imported(PACKAGE).items():
        if name == "jitsu_py":
            continue
        rooms = path.relative_to(PACKAGE).parts
        allowed = (
            databases if rooms[:2] == ("server", "databases") else server if "server" in rooms else client
        )
        owned_by = {_name(owner) for owner in owners.get(name, [name])}
        assert owned_by & allowed, f"{path} imports {name}, which pyproject.toml does not declare"


def test_every_dependency_says_why_it_is_here() -> None:
    """CONTRIBUTING.md has a line for each."""
    text = (PROJECT / "CONTRIBUTING.md").read_text()
    *_, everything = declared()
    missing = [
        name for name in everything if not re.search(rf"^\|.*\b{re.escape(name)}\b.*\|", text, re.MULTILINE)
    ]
    assert not missing


def _name(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9_.-]", requirement, maxsplit=1)[0].lower().replace("_", "-")
