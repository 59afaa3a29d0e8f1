"""Apps that use the npm modules of their databases: what was written is read back, whatever is killed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import requests

from jitsu_py.server import run
from tests.e2e.steps import kill, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.platforms import LocalPlatform

pytestmark = pytest.mark.slow

MODULES = {
    "redis": {"redis": "^5", "ioredis": "^5"},
    "mongo": {"mongodb": "^6", "mongoose": "^8"},
    "couch": {"nano": "^10"},
}
"""The npm modules of each kind."""

KINDS = ("redis", "mongo", "couch")

SERVER = """
const url = process.env
// A connection that does not come about is tried anew by the next request.
const once = make => { let made; return () => (made ??= make().catch(error => { made = null; throw error })) }
const patient = { serverSelectionTimeoutMS: 5000 }
const redis = once(async () => {
  const client = require('redis').createClient({ url: url.REDIS_URL })
  client.on('error', () => {})
  return client.connect()
})
const ioredis = once(async () => {
  const client = new (require('ioredis'))(url.REDIS_URL, { maxRetriesPerRequest: 3 })
  client.on('error', () => {})
  return client
})
const things = once(async () => {
  const client = await new (require('mongodb').MongoClient)(url.MONGO_URL, patient).connect()
  return client.db().collection('things')
})
const Thing = once(async () => {
  const mongoose = require('mongoose')
  await mongoose.connect(url.MONGO_URL, patient)
  return mongoose.model('Thing', new mongoose.Schema({ _id: String, value: String }), 'mongoose-things')
})
const couch = once(async () => require('nano')(url.COUCH_URL))
const missing = error => { if (error.statusCode === 404) return {}; throw error }
const found = couch => couch.get('nano').catch(missing)
const ways = {
  redis: [async value => (await redis()).set('redis', value), async () => (await redis()).get('redis')],
  ioredis: [
    async value => (await ioredis()).set('ioredis', value),
    async () => (await ioredis()).get('ioredis')
  ],
  mongodb: [
    async value => (await things()).updateOne({ _id: 'a' }, { $set: { value } }, { upsert: true }),
    async () => (await (await things()).findOne({ _id: 'a' }))?.value
  ],
  mongoose: [
    async value => (await Thing()).updateOne({ _id: 'b' }, { value }, { upsert: true }),
    async () => (await (await Thing()).findById('b'))?.value
  ],
  nano: [
    async value => { const db = await couch(); return db.insert({ ...await found(db), _id: 'nano', value }) },
    async () => (await found(await couch())).value
  ]
}
const soon = work => Promise.race([
  work.catch(error => ({ error: String(error) })),
  new Promise(resolve => setTimeout(resolve, 8000, { error: 'no answer' }))
])
require('http').createServer(async (request, response) => {
  const value = new URL(request.url, 'http://x').searchParams.get('write')
  const modules = Object.keys(require('./package.json').dependencies).map(name => [name, ways[name]])
  const told = await Promise.all(modules.map(async ([module, [write, read]]) => [module,
    await soon((async () => { if (value) await write(value); return (await read()) ?? null })())]))
  response.end(JSON.stringify({ ...Object.fromEntries(told), version: 'VERSION' }))
}).listen(3000)
process.on('unhandledRejection', () => {})
"""


def write(folder: Path, version: str) -> Path:
    """Write the app into a folder."""
    folder.mkdir(exist_ok=True)
    manifest = {
        "name": "stores",
        "version": version,
        "scripts": {"start": "node server.js"},
        "dependencies": {name: wanted for kind in KINDS for name, wanted in MODULES[kind].items()},
    }
    (folder / "package.json").write_text(json.dumps(manifest))
    (folder / "server.js").write_text(SERVER.replace("VERSION", version))
    return folder


def asked(platform: LocalPlatform, write: str = "") -> dict[str, Any]:
    """What the app says of each module, after having it write something first if asked to."""
    try:
        answer = platform.get("stores", f"/?write={write}")
    except requests.RequestException:
        return {}
    found: dict[str, Any] = answer.json() if answer.ok else {}
    return found


def expect(platform: LocalPlatform, value: str, version: str, *, write: bool = False) -> None:
    """See every module read that value back, before long."""
    wanted = {name: value for kind in KINDS for name in MODULES[kind]} | {"version": version}
    last: dict[str, Any] = {}

    def has_it() -> bool:
        last.clear()
        last.update(asked(platform, value if write else ""))
        return last == wanted

    try:
        until(has_it, 60, f"{value} of {version}")
    except AssertionError as error:
        raise AssertionError(f"{error}; last: {last}") from error


def states(platform: LocalPlatform) -> set[str]:
    """The states that the platform says its databases are in."""
    listed = platform.call("GET", f"/databases/{platform.user}").json()["databases"]
    return {one["state"] for one in listed}


def servers(platform: LocalPlatform) -> dict[str, int]:
    """The pids of the databases' servers, by the database's name."""
    listed = platform.call("GET", f"/databases/{platform.user}").json()["databases"]
    ports = {one["metadata"]["port"]: one["name"] for one in listed}
    found: dict[str, int] = {}
    for process in psutil.process_iter():
        try:
            for connection in process.net_connections("inet"):
                if connection.status == psutil.CONN_LISTEN and connection.laddr.port in ports:
                    found[ports[connection.laddr.port]] = process.pid
        except psutil.Error:
            continue
    return found


@pytest.mark.usefixtures("couches")
def test_what_was_written_is_read_back(shared_platform: LocalPlatform, tmp_path: Path) -> None:
    """Deploy, write, redeploy, kill -9 the databases, kill -9 the server, a new password: nothing is lost."""
    platform, folder = shared_platform, write(tmp_path / "app", "1.0.0")

    def jitsu(*words: str) -> str:
        done = platform.jitsu(*words, cwd=folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    jitsu("create")
    for kind in KINDS:
        jitsu("databases", "create", kind, f"my-{kind}", "--attach")
    jitsu("deploy", "--no-input")
    expect(platform, "one", "1.0.0", write=True)

    write(folder, "1.1.0")
    jitsu("deploy", "--no-input")
    expect(platform, "one", "1.1.0")

    before = servers(platform)
    assert set(before) == {f"my-{kind}" for kind in KINDS}
    kill(*before.values())
    expect(platform, "one", "1.1.0")
    expect(platform, "two", "1.1.0", write=True)

    running = servers(platform)
    assert set(running) == set(before)
    assert not set(running.values()) & set(before.values())
    found = run.status(platform.home)
    assert found is not None
    kill(found.pid)
    expect(platform, "two", "1.1.0")
    platform.start()
    until(lambda: states(platform) <= {"running", "slow"}, 60, "that all run")
    assert servers(platform) == running, "they are taken over, not started anew"
    expect(platform, "three", "1.1.0", write=True)

    for kind in KINDS:
        jitsu("databases", "rotate", f"my-{kind}", "--restart")
    expect(platform, "three", "1.1.0")
    jitsu("destroy", "--confirm")
    for kind in KINDS:
        jitsu("databases", "destroy", f"my-{kind}", "--confirm")
    assert servers(platform) == {}
