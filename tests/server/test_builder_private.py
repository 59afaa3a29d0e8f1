"""Private packages: a registry and a git server on loopback that give nothing without the right token."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from jitsu_py.server.builder.entrusted import Entrusted
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame
from tests.server.build_world import BuildWorld
from tests.server.fake_registry import FakeRegistry
from tests.tools import need

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jitsu_py.server.builder import Built

pytestmark = pytest.mark.slow

TOKEN = "t0k-of-the-owner"
PACKAGE = {"dependencies": {"@acme/secret": "1.0.0"}}


@pytest.fixture
def world(tmp_path: Path) -> BuildWorld:
    """A builder of the test's own, without the npm configuration of this machine."""
    (tmp_path / "npmrc").write_text("fetch-retries=0\n")
    return BuildWorld(tmp_path, {"npmrc": tmp_path / "npmrc"})


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    """A registry that knows one token."""
    fake = FakeRegistry(token=TOKEN)
    fake.add("@acme/secret", "1.0.0", programs={"index.js": "module.exports = 'secret'"})
    with fake:
        yield fake


def build(world: BuildWorld, files: dict[str, str], package: dict[str, Any], **more: Any) -> Built:
    """Build an app; no token is told, nor left beside it."""
    job = replace(world.job(package, {"server.js": "1", **files}), **more)
    try:
        return world.build(job)
    finally:
        told = json.dumps(world.events) + job.log.read_text()
        assert TOKEN not in told
        assert base64.b64encode(TOKEN.encode()).decode() not in told
        assert not world.leftovers()


def secret(built: Built) -> str:
    """The private package, as the app has it."""
    return (built.folder / "node_modules/@acme/secret/index.js").read_text()


def test_a_variable_of_the_app_in_its_npmrc(world: BuildWorld, registry: FakeRegistry) -> None:
    """`${NPM_TOKEN}`, as everywhere: the build sees the app's variables."""
    npmrc = f"@acme:registry={registry.url}/\n{registry.url.partition(':')[2]}/:_authToken=${{NPM_TOKEN}}\n"
    built = build(world, {".npmrc": npmrc}, PACKAGE, env={"NPM_TOKEN": TOKEN})
    assert "secret" in secret(built)
    assert TOKEN not in (built.folder / ".npmrc").read_text()


@pytest.mark.parametrize("manager", ["npm", "yarn@1.22.22", "yarn@4.5.0", "pnpm@9.15.9"])
def test_a_token_for_a_registry(world: BuildWorld, registry: FakeRegistry, manager: str) -> None:
    """Entrusted once, it opens the registry for every manager; the project names only the registry."""
    files = {".npmrc": f"@acme:registry={registry.url}/\n"}
    package = {**PACKAGE, **({"packageManager": manager} if "@" in manager else {})}
    if "@4" in manager:
        files[".yarnrc.yml"] = (
            f"nodeLinker: node-modules\nnpmScopes: {{acme: {{npmRegistryServer: '{registry.url}'}}}}\n"
            "unsafeHttpWhitelist: ['127.0.0.1']\n"
        )
    built = build(world, files, package, tokens=(Entrusted("npm", registry.url, TOKEN),))
    assert "secret" in secret(built)
    assert not list(built.folder.rglob(".git-credentials"))
    assert all(
        TOKEN not in path.read_text("utf-8", "replace") for path in built.folder.rglob("*") if path.is_file()
    )


def test_the_wrong_token_and_none(world: BuildWorld, registry: FakeRegistry) -> None:
    """The user's fault, with the command that puts it right."""
    for tokens in (
        (),
        (Entrusted("npm", registry.url, "wr0ng-one"),),
        (Entrusted("npm", "http://localhost", TOKEN),),
    ):
        with pytest.raises(PlatformError) as caught:
            build(world, {".npmrc": f"@acme:registry={registry.url}/\n"}, PACKAGE, tokens=tokens)
        assert (caught.value.details["failure"], caught.value.blame) == ("no_credentials", Blame.USER)
        assert "jitsu thirdparty add npm" in caught.value.details["hint"]


def test_the_servers_own_credentials(world: BuildWorld, registry: FakeRegistry, tmp_path: Path) -> None:
    """They are for the apps of whoever runs the server, and for nobody else's; the rest is for all."""
    address = registry.url.partition(":")[2]
    (tmp_path / "npmrc").write_text(
        f"fetch-retries=0\n@acme:registry={registry.url}/\n{address}/:_authToken={TOKEN}\n"
    )
    assert "secret" in secret(build(world, {}, PACKAGE))
    # What npm downloaded for one user is another matter.
    shutil.rmtree(world.root / "cache")
    with pytest.raises(PlatformError) as caught:
        build(world, {}, PACKAGE, own_server=False, user="bob")
    assert caught.value.details["failure"] == "no_credentials"


def test_what_a_build_prints_has_no_token(world: BuildWorld) -> None:
    """A script that prints its configuration does not put the secret into the log."""
    package = {"scripts": {"build": "cat ~/.npmrc; ls -l ~/.npmrc | cut -c1-10; exit 3"}}
    with pytest.raises(PlatformError) as caught:
        build(world, {}, package, tokens=(Entrusted("npm", "https://npm.example.com/a", TOKEN),))
    assert "//npm.example.com/a/:_authToken=[hidden]" in world.lines
    assert "-rw-------" in world.lines
    assert TOKEN not in json.dumps(caught.value.body())


class GitServer:
    """git's own HTTP backend behind a password; one repository, `secret.git`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        source = root / "source"
        source.mkdir(parents=True)
        (source / "package.json").write_text(json.dumps({"name": "@acme/secret", "version": "1.0.0"}))
        (source / "index.js").write_text("module.exports = 'secret'")
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        for command in (("init", "-q"), ("add", "-A"), (*identity, "commit", "-qm", "one")):
            subprocess.run(["git", *command], cwd=source, check=True, capture_output=True)
        subprocess.run(
            ["git", "clone", "-q", "--bare", str(source), str(root / "secret.git")],
            check=True,
            capture_output=True,
        )
        self.backend = (
            subprocess.run(["git", "--exec-path"], check=True, capture_output=True, text=True).stdout.strip()
            + "/git-http-backend"
        )

    def __enter__(self) -> GitServer:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(git) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - the handler has a self of its own
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(b"")

            def do_POST(self) -> None:
                self._answer(self.rfile.read(int(self.headers.get("content-length", 0))))

            def _answer(self, body: bytes) -> None:
                login = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
                if self.headers.get("authorization") != f"Basic {login}":
                    self.send_response(401)
                    self.send_header("www-authenticate", 'Basic realm="git"')
                    self.send_header("content-length", "0")
                    self.end_headers()
                    return
                path, _, query = self.path.partition("?")
                env = {
                    **os.environ,
                    "GIT_PROJECT_ROOT": str(git.root),
                    "GIT_HTTP_EXPORT_ALL": "1",
                    "PATH_INFO": path,
                    "QUERY_STRING": query,
                    "REQUEST_METHOD": self.command,
                    "CONTENT_TYPE": self.headers.get("content-type", ""),
                    "CONTENT_LENGTH": str(len(body)),
                    "GIT_PROTOCOL": self.headers.get("git-protocol", ""),
                    "HTTP_CONTENT_ENCODING": self.headers.get("content-encoding", ""),
                }
                done = subprocess.run([git.backend], env=env, input=body, capture_output=True, check=False)
                head, _, rest = done.stdout.partition(b"\r\n\r\n")
                lines = [line.decode().split(": ", 1) for line in head.split(b"\r\n") if line]
                headers = {name.lower(): value for name, value in lines}
                self.send_response(int(headers.pop("status", "200").split()[0]))
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(rest)))
                self.end_headers()
                self.wfile.write(rest)

            def log_message(self, *_: object) -> None: ...

        return Handler


@pytest.fixture
def git(tmp_path: Path) -> Iterator[GitServer]:
    """A git server."""
    need("git", "git")
    with GitServer(tmp_path / "git") as server:
        yield server


def test_a_git_dependency_with_a_token(world: BuildWorld, git: GitServer) -> None:
    """npm's own git finds it; it is on no command line, and the app does not have it."""
    package = {"dependencies": {"@acme/secret": f"git+{git.url}/secret.git"}}
    built = build(world, {}, package, tokens=(Entrusted("github", git.url, TOKEN),))
    assert "secret" in secret(built)


@pytest.mark.parametrize("tokens", [(), (Entrusted("git", "http://127.0.0.1:1", TOKEN),)])
def test_a_git_dependency_without_one(
    world: BuildWorld, git: GitServer, tokens: tuple[Entrusted, ...]
) -> None:
    """Named as what it is, and nothing waits for a password; another host's token is not tried on it."""
    package = {"dependencies": {"@acme/secret": f"git+{git.url}/secret.git"}}
    with pytest.raises(PlatformError) as caught:
        build(world, {}, package, tokens=tokens)
    assert (caught.value.details["failure"], caught.value.blame) == ("git_credentials", Blame.USER)
    assert "jitsu thirdparty add github" in caught.value.details["hint"]


@pytest.mark.parametrize(
    ("server", "project", "expected"),
    [("", "", "2000"), ("fetch-retry-mintimeout=3\n", "", "3"), ("", "fetch-retry-mintimeout=4\n", "4")],
)
def test_npm_tries_again_soon(world: BuildWorld, server: str, project: str, expected: str) -> None:
    """Not after 10 s and 60 s, unless the server's or the project's configuration says so."""
    (world.root / "npmrc").write_text(server)
    scripts = {"build": "echo retries after $(npm config get fetch-retry-mintimeout)"}
    build(world, {".npmrc": project}, {"scripts": scripts})
    assert f"retries after {expected}" in world.lines
