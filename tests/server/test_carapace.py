"""The carapace in real Node apps: whatever they listen on, they are reached at the platform's port."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
from pathlib import Path

import pytest

from jitsu_py.server.drones.install import SOURCE, node_options, shim_text
from tests.server.drones_world import NODE, get, nodes, until, world

SERVER = "const http = require('http'); const s = http.createServer((q, r) => r.end('hello'));"
REPORT_CALL = "() => console.log('called')"

LISTENS = {
    "number": "s.listen(8080)",
    "text": "s.listen('8080')",
    "zero": "s.listen(0)",
    "nothing": "s.listen()",
    "undefined": f"s.listen(undefined, {REPORT_CALL})",
    "null": f"s.listen(null, {REPORT_CALL})",
    "only a callback": f"s.listen({REPORT_CALL})",
    "host": f"s.listen(80, '0.0.0.0', {REPORT_CALL})",
    "foreign host": f"s.listen(80, 'example.invalid', {REPORT_CALL})",
    "host and backlog": f"s.listen(80, '::', 511, {REPORT_CALL})",
    "backlog": f"s.listen(80, 511, {REPORT_CALL})",
    "options": f"s.listen({{port: 3000, host: '::', ipv6Only: true}}, {REPORT_CALL})",
    "options with text": f"s.listen({{port: '3000'}}, {REPORT_CALL})",
    "platform's": "s.listen(process.env.PORT)",
    "platform's, all hosts": f"s.listen(+process.env.PORT, '0.0.0.0', {REPORT_CALL})",
}


@pytest.mark.parametrize("node", nodes(), ids=str)
@pytest.mark.parametrize("call", LISTENS.values(), ids=LISTENS.keys())
def test_every_form_of_listen_is_mapped(tmp_path: Path, node: Path, call: str) -> None:
    """The app is reached at the platform's port, its callback is called once, nothing is printed."""

    async def story() -> None:
        async with world(tmp_path) as here:
            spec = here.spec({"app.js": f"{SERVER} {call}"}, node=node)
            await here.supervisor.start(spec)
            assert await get(spec.port) == "hello"
            assert here.printed(spec) == ("called\n" if REPORT_CALL in call else "")
            assert here.printed(spec, "stderr") == ""
            report = json.loads((here.root / "run/drones" / spec.id / "told" / "ready.json").read_text())
            assert report["port"] == spec.port

    asyncio.run(story())


@pytest.mark.parametrize("node", nodes(), ids=str)
def test_es_modules_are_mapped(tmp_path: Path, node: Path) -> None:
    """A module that imports its server is no different."""
    app = (
        "import {createServer} from 'node:http'; createServer((q, r) => r.end('esm')).listen(8080, '0.0.0.0')"
    )

    async def story() -> None:
        async with world(tmp_path) as here:
            spec = here.spec({"app.mjs": app}, "node app.mjs", node=node)
            await here.supervisor.start(spec)
            assert await get(spec.port) == "esm"

    asyncio.run(story())


def test_http2_and_plain_sockets_are_mapped(tmp_path: Path) -> None:
    """Whatever speaks on it, it is a TCP server."""
    http2 = """
    const http2 = require('http2');
    http2.createServer((q, r) => r.end('h2')).listen(1, () => {
      const client = http2.connect('http://127.0.0.1:' + process.env.PORT);
      const asked = client.request({':path': '/'});
      asked.on('data', data => console.log(String(data))).on('end', () => client.close());
    });"""
    # It speaks first, and does not survive a connection that is closed before all was read.
    plain = """
    const server = require('net').createServer(c => c.end(Buffer.alloc(4e6, 'plain')))
    server.listen({port: 1, exclusive: true})"""

    async def story() -> None:
        async with world(tmp_path) as here:
            spec = here.spec({"app.js": http2})
            await here.supervisor.start(spec)
            await until(lambda: here.printed(spec) == "h2\n")
            spec = here.spec({"app.js": plain})
            await here.supervisor.start(spec)
            await asyncio.sleep(0.1)
            assert here.kinds(spec.id) == ["launched", "ready"]
            reader, writer = await asyncio.open_connection("127.0.0.1", spec.port)
            assert len(await reader.read()) == 4_000_000
            writer.close()
            await writer.wait_closed()

    asyncio.run(story())


@pytest.mark.parametrize("policy", ["SCHED_RR", "SCHED_NONE"])
@pytest.mark.parametrize("node", nodes(), ids=str)
def test_all_workers_of_a_cluster_share_the_port(tmp_path: Path, node: Path, policy: str) -> None:
    """Workers that name a port of their own beside it keep that one, on loopback."""
    app = f"""
    const cluster = require('cluster');
    cluster.schedulingPolicy = cluster.{policy};
    if (cluster.isMaster) {{ cluster.fork(); cluster.fork(); }}
    else {{
      require('http').createServer((q, r) => r.end(String(process.pid))).listen(3000, () => {{
        const beside = require('net').createServer().listen(0, () => console.log(beside.address().address));
      }});
    }}
    """

    async def story() -> None:
        async with world(tmp_path) as here:
            spec = here.spec({"app.js": app}, node=node)
            await here.supervisor.start(spec)
            await until(lambda: here.printed(spec) == "127.0.0.1\n127.0.0.1\n")
            answers = {await get(spec.port) for _ in range(20)}
            assert answers
            if policy == "SCHED_RR":
                assert len(answers) == 2

    asyncio.run(story())


def test_further_listens_keep_their_port_on_loopback(tmp_path: Path) -> None:
    """Only the first one is mapped; no other is reachable from outside."""
    app = f"""{SERVER}
    s.listen(3000, () => {{
      const second = require('net').createServer();
      second.listen(0, '0.0.0.0', () => console.log(JSON.stringify(second.address())));
    }});"""

    async def story() -> None:
        async with world(tmp_path) as here:
            spec = here.spec({"app.js": app})
            await here.supervisor.start(spec)
            await until(lambda: here.printed(spec).endswith("\n"))
            address = json.loads(here.printed(spec))
            assert address["address"] == "127.0.0.1"
            assert address["port"] != spec.port
            assert await get(spec.port) == "hello"

    asyncio.run(story())


@pytest.mark.parametrize("nested", [True, False], ids=["in its callback", "in the same tick"])
def test_who_names_the_platforms_port_has_the_better_right(tmp_path: Path, nested: bool) -> None:
    """An app that first opens a port for metrics still serves on process.env.PORT."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        beside = probe.getsockname()[1]
    first = "http.createServer((q, r) => r.end('metrics')).listen"
    second = "s.listen(process.env.PORT, () => console.log('up'));"
    tail = f"({beside}, () => {{ {second} }});" if nested else f"({beside}); {second}"

    async def story() -> None:
        async with world(tmp_path) as here:
            spec = here.spec({"app.js": f"{SERVER} {first}{tail}"})
            await here.supervisor.start(spec)
            await until(lambda: here.printed(spec) == "up\n")
            assert await get(spec.port) == "hello"
            assert await get(beside) == "metrics"

    asyncio.run(story())


@pytest.mark.parametrize("port", [0, 3000])
def test_a_server_that_only_tries_a_port_does_not_keep_it(tmp_path: Path, port: int) -> None:
    """Programs that look for a free port listen, close, and listen again."""
    app = f"""{SERVER}
    const probe = require('net').createServer();
    probe.listen({port}, () => {{
      const found = probe.address().port;
      probe.close(() => s.listen(found));
    }});"""

    async def story() -> None:
        async with world(tmp_path) as here:
            spec = here.spec({"app.js": app})
            await here.supervisor.start(spec)
            assert await get(spec.port) == "hello"

    asyncio.run(story())


def test_pipes_and_invalid_ports_are_left_alone(tmp_path: Path) -> None:
    """A path is no port, and Node's own errors stay Node's."""
    app = f"""{SERVER}
    const net = require('net');
    try {{ net.createServer().listen(99999); }} catch (error) {{ console.log(error.code); }}
    try {{ net.createServer().listen({{}}); }} catch (error) {{ console.log(error.code); }}
    net.createServer().listen('x.sock', () => {{
      net.createServer().listen({{path: 'y.sock'}}, () => s.listen(80));
    }});
    """

    async def story() -> None:
        async with world(tmp_path) as here:
            spec = here.spec({"app.js": app})
            await here.supervisor.start(spec)
            assert await get(spec.port) == "hello"
            assert here.printed(spec) == "ERR_SOCKET_BAD_PORT\nERR_INVALID_ARG_VALUE\n"
            assert (spec.folder / "x.sock").is_socket()
            assert (spec.folder / "y.sock").is_socket()

    asyncio.run(story())


STARTS = {
    "npm": ("npm start", {}),
    "shell": ("cd . && node app.js", {}),
    "its own options": ("node app.js", {"NODE_OPTIONS": "--max-old-space-size=200"}),
    "options in the script": ("NODE_OPTIONS=--max-old-space-size=200 node app.js", {}),
    "node's own path": ("""node -e "require('child_process').spawn(process.execPath, ['app.js'])" """, {}),
    "fork": ("""node -e "require('child_process').fork('app.js')" """, {}),
    "thread": ("""node -e "new (require('worker_threads').Worker)('./app.js')" """, {}),
    "port of its own in env": ("node app.js", {"PORT": "9"}),
}


@pytest.mark.slow
@pytest.mark.parametrize(("command", "env"), STARTS.values(), ids=STARTS.keys())
def test_however_it_is_started(tmp_path: Path, command: str, env: dict[str, str]) -> None:
    """Whatever stands between the start script and the server."""
    manifest = '{"name": "x", "version": "0.1.0", "scripts": {"start": "node app.js"}}'

    async def story() -> None:
        async with world(tmp_path) as here:
            files = {"app.js": f"{SERVER} s.listen(8080)", "package.json": manifest}
            spec = here.spec(files, command, env=env)
            await here.supervisor.start(spec)
            assert await get(spec.port) == "hello"

    asyncio.run(story())


def test_of_two_processes_one_is_mapped(tmp_path: Path) -> None:
    """The first that listens serves; the other keeps its port, and takes over when the first is gone."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        beside = probe.getsockname()[1]
    other = f"require('http').createServer((q, r) => r.end('other')).listen({beside}, '0.0.0.0')"
    app = f"{SERVER} s.listen(8080, () => require('child_process').fork('./other.js'));"

    async def story() -> None:
        async with world(tmp_path) as here:
            spec = here.spec({"app.js": app, "other.js": other})
            await here.supervisor.start(spec)
            for _ in range(100):
                with socket.socket() as client:
                    if client.connect_ex(("127.0.0.1", beside)) == 0:
                        break
                await asyncio.sleep(0.05)
            assert await get(beside) == "other"
            assert await get(spec.port) == "hello"

    asyncio.run(story())


def test_idle_connections_outlive_the_routers(tmp_path: Path) -> None:
    """Node's default of five seconds is raised; what the app set itself stays."""
    app = f"""{SERVER}
    const own = http.createServer(); own.keepAliveTimeout = 1234;
    s.listen(1, () => own.listen(0, () => console.log(s.keepAliveTimeout, own.keepAliveTimeout)));"""

    async def story() -> None:
        async with world(tmp_path) as here:
            spec = here.spec({"app.js": app})
            await here.supervisor.start(spec)
            await until(lambda: here.printed(spec) == "75000 1234\n")

    asyncio.run(story())


WATCHES = """
const http = require('http');
const end = http.ServerResponse.prototype.end;
let answered = 0, asked = 0;
http.ServerResponse.prototype.end = function () { answered++; return end.apply(this, arguments); };
http.createServer((q, r) => { asked++; r.end(JSON.stringify({answered, asked})); }).listen(8080);
"""
"""An app that tells how many requests its process answered so far, and how many of them were its own."""

BREAKS = {
    "who connects fails": "require('net').connect = () => { throw new Error('not here'); };",
    "who connects gets nowhere": "require('net').connect = () => new (require('net').Socket)();",
    "http is broken": "require('http').Server = function () { throw new Error('not here'); };",
}


@pytest.mark.parametrize("node", nodes(), ids=str)
def test_a_request_is_rehearsed_before_visitors_come(tmp_path: Path, node: Path) -> None:
    """Once, within the app's process; the app is not asked, and nothing is printed."""

    async def story() -> None:
        async with world(tmp_path) as here:
            spec = here.spec({"app.js": WATCHES}, node=node)
            await here.supervisor.start(spec)
            assert json.loads(await get(spec.port)) == {"answered": 1, "asked": 1}
            assert here.printed(spec) + here.printed(spec, "stderr") == ""

    asyncio.run(story())


@pytest.mark.parametrize("breaks", BREAKS.values(), ids=BREAKS.keys())
def test_a_rehearsal_that_fails_harms_nobody(tmp_path: Path, breaks: str) -> None:
    """An app that changes what Node brings along is reached all the same."""

    async def story() -> None:
        async with world(tmp_path) as here:
            app = SERVER.replace("const s =", f"{breaks} const s =").replace("http.createServer", "make")
            make = "const http0 = require('http'); const make = http0.createServer;"
            spec = here.spec({"app.js": f"{make} {app} s.listen(8080)"})
            await here.supervisor.start(spec)
            assert await get(spec.port) == "hello"
            assert here.printed(spec) + here.printed(spec, "stderr") == ""

    asyncio.run(story())


def test_a_rehearsal_keeps_no_process_alive(tmp_path: Path) -> None:
    """An app that closes its server at once ends at once."""
    report = tmp_path / "ready.json"
    (tmp_path / "app.js").write_text(f"{SERVER} s.listen(8080, () => s.close())")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    done = subprocess.run(
        [NODE, "--require", SOURCE, "app.js"],
        cwd=tmp_path,
        env={"JITSU_PORT": str(port), "JITSU_READY": str(report)},
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")
    assert not report.exists()


def test_without_the_platforms_variables_it_does_nothing(tmp_path: Path) -> None:
    """Loaded elsewhere, it leaves Node as it is."""
    code = """
    const s = require('net').createServer();
    s.listen(0, '::1', () => { console.log(s.address().address); s.close() });
    """
    done = subprocess.run(
        [NODE, "--require", SOURCE, "-e", code],
        env={},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout.strip(), done.stderr) == ("::1", "")


def test_it_runs_the_script_itself_where_node_cannot_preload(tmp_path: Path) -> None:
    """Before Node 4 the `node` of a drone puts the carapace in front of the script."""
    script = tmp_path / "it's here" / "show.js"
    script.parent.mkdir()
    script.write_text("console.log(require.main === module, JSON.stringify(process.argv.slice(2)))")
    shim = tmp_path / "node"
    shim.write_text(shim_text(NODE, SOURCE, (0, 12)))
    shim.chmod(0o700)

    def run(*arguments: str) -> str:
        return subprocess.run([shim, *arguments], capture_output=True, text=True, check=True, env={}).stdout

    assert run(str(script), "a b") == 'true ["a b"]\n'
    assert run("-e", "console.log(1)") == "1\n"


@pytest.mark.parametrize(
    ("version", "given", "path", "expected"),
    [
        ((20, 0), "", "/a b/c.js", '--require "/a b/c.js"'),
        ((20, 0), "--inspect", '/q"/c.js', '--inspect --require "/q\\"/c.js"'),
        ((10, 0), "--inspect", "/a/c.js", "--inspect --require /a/c.js"),
        ((10, 0), "--inspect", "/a b/c.js", "--inspect"),
        ((6, 0), "", "/a/c.js", ""),
    ],
)
def test_node_options_are_appended_as_the_version_reads_them(
    version: tuple[int, int], given: str, path: str, expected: str
) -> None:
    """What the app gave stays in front; a path that this Node could not read is left to the shim."""
    assert node_options(given, Path(path), version) == expected


def test_it_keeps_to_old_syntax() -> None:
    """ES5: no arrow, no let or const, no template, no class."""
    words = SOURCE.read_text(encoding="utf-8").split()
    assert not {"=>", "let", "const", "class", "async", "await", "..."} & set(words)
    assert "`" not in "".join(
        line for line in SOURCE.read_text().splitlines() if not line.lstrip().startswith(("*", "/*"))
    )
