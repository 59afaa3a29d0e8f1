"""Apps of every age run on the Node they ask for, fetched from npm, and answer through the router."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import nodesemver
import pytest

from tests.platforms import archive

if TYPE_CHECKING:
    from tests.platforms import LocalPlatform

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

APP = """
var express = require('express')
var app = express()
app.get('/', function (request, response) { response.send(process.version) })
app.listen(8080)
"""

ENGINES = ["0.10.x", "4", "~8.17.0", "^12.0.0", "16.x", ">=20 <21", "22 - 22", ">=26"]
"""What package.json asks for."""


def files(name: str, wanted: str) -> dict[str, str | bytes]:
    """An Express app of the old days, on a port that its code names."""
    manifest = {
        "name": name,
        "version": "0.1.0",
        "engines": {"node": wanted},
        "scripts": {"start": "node server.js"},
        "dependencies": {"express": "4.17.1"},
    }
    return {"package.json": json.dumps(manifest), "server.js": APP}


@pytest.mark.parametrize("wanted", ENGINES)
def test_an_app_gets_its_engine(shared_platform: LocalPlatform, wanted: str) -> None:
    """Built and started on it; the carapace maps its port there too."""
    name = f"app{ENGINES.index(wanted)}"
    path = f"/apps/{shared_platform.user}/snapshots/1"
    # An engine, an npm as old as that and what Express needs: on a busy machine that is no matter of seconds.
    answer = shared_platform.call("POST", path, data=archive(files(name, wanted)), timeout=300)
    assert answer.status_code == 200, answer.text
    reply = shared_platform.get(answer.json()["app"]["subdomain"])
    assert reply.status_code == 200, reply.text
    assert nodesemver.satisfies(reply.text, wanted, loose=True), reply.text
