"""Whole deploys by the real command line: real npm, real Node, through the real router."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import pytest
from websockets.sync.client import connect

if TYPE_CHECKING:
    from pathlib import Path

    from tests.platforms import LocalPlatform

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

EXPRESS = """
const express = require('express');
const app = express();
app.get('/', (request, response) => response.send('express says hello'));
app.listen(3000, () => console.log('listening on 3000, it thinks'));
"""

MODULE = """
import { createServer } from 'node:http';
import { greet } from './greet.js';
createServer((request, response) => response.end(greet('modules'))).listen(process.env.PORT ?? 5000);
"""

FASTIFY = """
const fastify = require('fastify')();
fastify.get('/', async () => ({ hello: 'fastify' }));
fastify.listen({ port: 3000, host: '0.0.0.0' });
"""

PLAIN = """
require('http').createServer(function (request, response) { response.end('plain'); }).listen(80);
"""

SOCKET_IO = """
const http = require('http').createServer((request, response) => response.end('socket.io here'));
const io = require('socket.io')(http);
io.on('connection', socket => socket.emit('welcome', 'over a websocket'));
http.listen(4000);
"""

NATIVE = """
const bcrypt = require('bcrypt');
require('http').createServer((request, response) => {
  response.end(String(bcrypt.compareSync('secret', bcrypt.hashSync('secret', 4))));
}).listen(8080);
"""

POSTINSTALL = """
const fs = require('fs');
require('http').createServer((request, response) => response.end(fs.readFileSync('made.txt'))).listen(8080);
"""


def project(folder: Path, manifest: dict[str, Any], **files: str) -> Path:
    """Write an app into a folder; `server_js` stands for server.js."""
    folder.mkdir()
    (folder / "package.json").write_text(json.dumps({"version": "0.1.0", **manifest}, indent=2) + "\n")
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    return folder


def deploy(platform: LocalPlatform, folder: Path) -> dict[str, Any]:
    """Deploy by the command line, and check what it leaves."""
    before = (folder / "package.json").read_bytes()
    done = platform.jitsu("deploy", "--json", cwd=folder, timeout=400)
    assert done.returncode == 0, done.stderr
    assert (folder / "package.json").read_bytes() == before
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


CASES: dict[str, tuple[dict[str, Any], dict[str, str], str]] = {
    "express": (
        {"scripts": {"start": "node server.js"}, "dependencies": {"express": "^4.19.0"}},
        {"server_js": EXPRESS},
        "express says hello",
    ),
    "modules": (
        {"type": "module", "scripts": {"start": "node server.js"}},
        {"server_js": MODULE, "greet_js": "export const greet = name => `hello ${name}`;\n"},
        "hello modules",
    ),
    "fastify": (
        {"scripts": {"start": "node server.js"}, "dependencies": {"fastify": "^5.0.0"}},
        {"server_js": FASTIFY},
        '{"hello":"fastify"}',
    ),
    "plain": ({"scripts": {"start": "server.js"}}, {"server_js": PLAIN}, "plain"),
    "native": (
        {"scripts": {"start": "node server.js"}, "dependencies": {"bcrypt": "^6.0.0"}},
        {"server_js": NATIVE},
        "true",
    ),
    "postinstall": (
        {
            "scripts": {
                "start": "node server.js",
                "postinstall": "node -e \"require('fs').writeFileSync('made.txt', 'made by postinstall')\"",
            },
            "dependencies": {"ms": "2.1.3"},
        },
        {"server_js": POSTINSTALL},
        "made by postinstall",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_an_app_answers_through_the_router(shared_platform: LocalPlatform, tmp_path: Path, name: str) -> None:
    """Whatever port its code names, and however it is written."""
    manifest, files, expected = CASES[name]
    folder = project(tmp_path / "app", {"name": name, **manifest}, **files)
    answer = deploy(shared_platform, folder)
    assert answer["url"].startswith(f"http://{name}.localhost:")
    assert shared_platform.get(name).text == expected


def test_a_socket_io_app_talks_over_a_websocket(shared_platform: LocalPlatform, tmp_path: Path) -> None:
    """The router passes the upgrade; socket.io's own protocol answers on it."""
    manifest = {
        "name": "chat",
        "scripts": {"start": "node server.js"},
        "dependencies": {"socket.io": "^4.7.0"},
    }
    deploy(shared_platform, project(tmp_path / "chat", manifest, server_js=SOCKET_IO))
    port = shared_platform.status.router.rpartition(":")[2]
    # Engine.IO 4: "0" opens, "40" joins the namespace, "42" is an event.
    url = f"ws://chat.localhost:{port}/socket.io/?EIO=4&transport=websocket"
    # Not every system resolves names below localhost.
    with connect(url, sock=socket.create_connection(("127.0.0.1", int(port))), open_timeout=10) as websocket:
        assert str(websocket.recv(timeout=10)).startswith("0")
        websocket.send("40")
        received = [str(websocket.recv(timeout=10)) for _ in range(2)]
    assert any("over a websocket" in frame for frame in received)


def test_a_second_deploy_is_the_next_build(shared_platform: LocalPlatform, tmp_path: Path) -> None:
    """The version stays, the snapshot id counts up, the new code answers."""
    folder = project(
        tmp_path / "again", {"name": "again", "scripts": {"start": "server.js"}}, server_js=PLAIN
    )
    assert deploy(shared_platform, folder)["snapshot"] == "0.1.0"
    (folder / "server.js").write_text(PLAIN.replace("plain", "plainer"))
    assert deploy(shared_platform, folder)["snapshot"] == "0.1.0-1"
    assert shared_platform.get("again").text == "plainer"
    (folder / "server.js").write_text(PLAIN.replace("plain", "plainest"))
    assert deploy(shared_platform, folder)["snapshot"] == "0.1.0-2"
    assert shared_platform.get("again").text == "plainest"
