"""The walls of the house: who imports whom, types, style, sizes."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "jitsu_py"

LONGEST = 500
"""Lines of a module that nobody reads in one sitting any more; from 250 on, think of parting it."""


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a tool of this environment over the project."""
    tool = Path(sys.executable).with_name(command[0])
    return subprocess.run(
        [str(tool), *command[1:]], cwd=ROOT, capture_output=True, text=True, timeout=280, check=False
    )


@pytest.mark.slow
def test_imports_keep_to_the_layers() -> None:
    """import-linter's contracts hold."""
    done = run("lint-imports", "--no-cache")
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_types() -> None:
    """mypy --strict finds nothing."""
    done = run("mypy")
    assert done.returncode == 0, done.stdout


def test_style() -> None:
    """ruff finds nothing."""
    done = run("ruff", "check", "--no-cache")
    assert done.returncode == 0, done.stdout


def modules() -> list[Path]:
    """All modules of the package."""
    return sorted(PACKAGE.rglob("*.py"))


def test_modules_stay_small() -> None:
    """No module is too long to be read in one sitting."""
    long = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in modules()}
    assert {name: lines for name, lines in long.items() if lines > LONGEST} == {}


def test_importing_does_nothing() -> None:
    """No module calls anything at its top level but to define something."""
    found = []
    for path in modules():
        if path.name == "__main__.py" or "migrations" in path.parts:
            continue
        for statement in ast.parse(path.read_text()).body:
            doing = isinstance(statement, ast.For | ast.While | ast.With | ast.Try)
            call = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
            if doing or call:
                found.append(f"{path.relative_to(ROOT)}:{statement.lineno}")
    assert found == []


def test_everything_public_says_what_it_does() -> None:
    """Every module, and every public class and function at its top, has a docstring."""
    silent = []
    for path in modules():
        if "migrations" in path.parts:
            continue  # a migration is its module: Alembic names the functions
        tree = ast.parse(path.read_text())
        if tree.body and ast.get_docstring(tree) is None:
            silent.append(str(path.relative_to(ROOT)))
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            if not node.name.startswith("_") and ast.get_docstring(node) is None:
                silent.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert silent == []


def test_one_module_writes_and_one_asks_the_network() -> None:
    """Outside the console and the root nobody prints; outside the transport nobody imports requests."""
    found = []
    for path in modules():
        where = path.relative_to(PACKAGE)
        if where.parts[0] in {"server", "console"}:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in {"print", "input"}
            ):
                found.append(f"{where}:{node.lineno}")
            if isinstance(node, ast.Import) and any(name.name == "requests" for name in node.names):
                found += [f"{where}:{node.lineno}"] if where != Path("api/transport.py") else []
    assert found == []
