"""What a deploy says of the code before it is sent."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from jitsu_py.project import analyzer
from tests.unit.stand import Stand
from tests.unit.test_deploy_command import deploy
from tests.unit.test_deploy_plan import deployed_stand, planned, project

if TYPE_CHECKING:
    from pathlib import Path

CODE = """const _ = require('lodash');
require('http').createServer().listen(process.env.PORT);
connect(process.env.DB_URL, process.env.SHOP_KEY);
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project whose code asks for more than it has."""
    (tmp_path / "hello").mkdir()
    made = project(tmp_path / "hello", env={"SHOP_KEY": "x"})
    (made / "server.js").write_text(CODE)
    return made


def test_what_the_code_lacks_is_in_the_plan(folder: Path) -> None:
    """With file and line; a variable that the app has is none."""
    found = planned(Stand(), folder, analyze=True).findings
    told = [(each.kind, each.name, each.path, each.line, each.warning) for each in found]
    assert told == [("missing", "lodash", "server.js", 1, True), ("variable", "DB_URL", "server.js", 3, True)]
    by_flag = planned(Stand(), folder, analyze=True, env={"DB_URL": "x"}).findings
    assert [each.name for each in by_flag] == ["lodash"]


def test_a_variable_of_a_database_is_one_that_the_app_has(folder: Path) -> None:
    """Also to a token that is not shown its value: what it is warned of would hide the database."""
    stand = deployed_stand("0.1.0")
    stand.apps["hello"] |= {"databases": ["store"], "databaseVariables": ["DB_URL"]}
    found = planned(stand, folder, analyze=True).findings
    assert [each.name for each in found] == ["lodash"]


def test_it_is_said_and_does_not_block(folder: Path) -> None:
    """Warnings on stderr, data in the dry run, the deploy goes on."""
    done = deploy(Stand(), folder)
    assert (done.returncode, done.stdout) == (0, "http://hello.localhost:8080\n"), done.stderr
    assert "server.js:1: lodash is asked for and not in package.json; `npm install lodash`" in done.stderr
    assert done.stderr.index("lodash") < done.stderr.index("Packing")
    data = json.loads(deploy(Stand(), folder, "--dry-run", "--json").stdout)
    assert [each["line"] for each in data["findings"]] == [1, 3]


def test_it_can_be_switched_off(folder: Path) -> None:
    """By the flag, or in package.json."""
    assert "lodash" not in deploy(Stand(), folder, "--noanalyze").stderr
    project(folder, analyze=False)
    (folder / "server.js").write_text(CODE)
    assert "lodash" not in deploy(Stand(), folder).stderr


def test_many_do_not_fill_the_screen(folder: Path) -> None:
    """Ten are said, the others counted."""
    (folder / "server.js").write_text("".join(f"require('module-{n}');\n" for n in range(30)))
    done = deploy(Stand(), folder, "--dry-run")
    assert done.stderr.count("is asked for") == 10
    assert "20 more like these" in done.stderr


def test_a_fault_of_the_look_is_no_fault_of_the_deploy(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in the data, and nothing else happens."""

    def broken(*_: object) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr(analyzer, "analyze", broken)
    (found,) = planned(Stand(), folder, analyze=True).findings
    assert (found.kind, found.warning) == ("skipped", False)
    assert "too deep" in found.message


@pytest.mark.slow
def test_two_thousand_files_cost_little(folder: Path) -> None:
    """The whole plan of them, analyzed; the look alone is measured by tests.benchmarks."""
    for number in range(2000):
        (folder / f"m{number}.js").write_text(
            f"const x = require('./m{number - 1}');\nexports.y = x.y + 1;\n" * 20
        )
    began = time.process_time()
    planned(Stand(), folder)
    plain = time.process_time() - began
    planned(Stand(), folder, analyze=True)
    assert time.process_time() - began - 2 * plain < 2
