"""Failures have names: each class, produced for real, says what happened, whose fault it is, what to do."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from jitsu_py.server.builder.failure_classes import MANAGER_FAILURES, SCRIPT_FAILURES
from jitsu_py.server.builder.failures import name_failure, telling
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code
from tests.server.build_world import BuildWorld
from tests.server.fake_registry import FakeRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

DEAD = "registry=http://127.0.0.1:1/\nfetch-retries=0\n"
"""A project's .npmrc that leads nowhere."""


@pytest.fixture
def world(tmp_path: Path) -> BuildWorld:
    """A builder of the test's own, without the npm configuration of this machine."""
    (tmp_path / "npmrc").write_text("")
    return BuildWorld(tmp_path, {"npmrc": tmp_path / "npmrc"})


def failure(
    world: BuildWorld, package: Mapping[str, Any], files: Mapping[str, str] | None = None, **more: Any
) -> PlatformError:
    """Build what cannot be built; return the error, which has all that a person needs."""
    with pytest.raises(PlatformError) as caught:
        world.build(world.job(package, files, **more))
    error = caught.value
    assert error.message.endswith((".", "'")) or "error TS" in error.message
    assert error.details["hint"]
    assert 0 < len(error.details["output"]) <= 20
    assert "{" not in error.message
    assert not world.leftovers()
    return error


def name(error: PlatformError) -> str:
    """The class's name."""
    return str(error.details["failure"])


def local(**package: Any) -> dict[str, str]:
    """Files of a dependency that lies in the project."""
    return {"dep/package.json": json.dumps({"name": "dep", "version": "1.0.0", **package})}


DEP = {"dependencies": {"dep": "file:./dep"}}


@pytest.mark.parametrize(
    ("status", "expected", "blame"),
    [
        (401, "no_credentials", Blame.USER),
        (403, "no_credentials", Blame.USER),
        (404, "package_missing", Blame.APPLICATION),
        (429, "registry_error", Blame.SYSTEM),
        (503, "registry_error", Blame.SYSTEM),
    ],
)
def test_answers_of_a_registry(world: BuildWorld, status: int, expected: str, blame: Blame) -> None:
    """A private package, a missing one, a registry that is ill."""
    with FakeRegistry(status=status) as registry:
        error = failure(world, {"dependencies": {"secret-thing": "1"}}, {".npmrc": registry.npmrc()})
    assert (name(error), error.blame, error.code) == (expected, blame, Code.INSTALL_FAILED)
    assert expected == "registry_error" or "secret-thing" in error.message


def test_missing_version(world: BuildWorld) -> None:
    """The package is there, this version is not."""
    registry = FakeRegistry()
    registry.add("thing", "1.0.0")
    with registry:
        error = failure(world, {"dependencies": {"thing": "^2.0.0"}}, {".npmrc": registry.npmrc()})
    assert name(error) == "version_missing"
    assert error.message == "A package has no such version: thing@^2.0.0."


def test_peer_conflict(world: BuildWorld) -> None:
    """Two dependencies that want different versions of a third."""
    registry = FakeRegistry()
    registry.add("base", "1.0.0")
    registry.add("base", "2.0.0")
    registry.add("plugin", "1.0.0", peerDependencies={"base": "^2.0.0"})
    package = {"dependencies": {"base": "1.0.0", "plugin": "1.0.0"}}
    with registry:
        error = failure(world, package, {".npmrc": registry.npmrc()})
    assert name(error) == "peer_conflict"
    assert 'base@"^2.0.0" from plugin@1.0.0' in error.message


def test_integrity(world: BuildWorld) -> None:
    """What is downloaded is not what was promised."""
    registry = FakeRegistry()
    registry.add("thing", "1.0.0", integrity="sha512-" + "A" * 86 + "==")
    with registry:
        error = failure(world, {"dependencies": {"thing": "1.0.0"}}, {".npmrc": registry.npmrc()})
    assert name(error) == "integrity"


@pytest.mark.parametrize("npmrc", [DEAD, DEAD.replace("127.0.0.1:1", "no.such.host.invalid")])
def test_network_down(world: BuildWorld, npmrc: str) -> None:
    """Nobody answers, or there is no such host."""
    error = failure(world, {"dependencies": {"thing": "1"}}, {".npmrc": npmrc})
    assert (name(error), error.blame) == ("network_down", Blame.SYSTEM)


@pytest.fixture
def self_signed(tmp_path: Path) -> ssl.SSLContext:
    """TLS with a certificate that nobody knows."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "cert.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


def test_certificate(world: BuildWorld, self_signed: ssl.SSLContext) -> None:
    """A registry behind a proxy whose certificate the server does not know."""
    with FakeRegistry(tls=self_signed) as registry:
        error = failure(world, {"dependencies": {"thing": "1"}}, {".npmrc": registry.npmrc()})
    assert name(error) == "certificate"


def lock(packages: dict[str, Any]) -> str:
    """A package-lock.json."""
    return json.dumps({"name": "app", "lockfileVersion": 3, "packages": {"": {"name": "app"}, **packages}})


def test_lockfile_out_of_step(world: BuildWorld) -> None:
    """package.json was changed by hand; npm's page of help is not part of the error."""
    files = {**local(), "package-lock.json": lock({}), ".npmrc": DEAD}
    error = failure(world, DEP, files)
    assert name(error) == "lockfile_out_of_step"
    assert any("Missing: dep@" in line for line in error.details["output"])
    assert not any("Usage" in line for line in error.details["output"])
    assert not any("Usage" in line or "--omit" in line for line in world.lines)
    assert "npm error Options:" in (world.root / "logs/0.1.0.log").read_text()


@pytest.mark.parametrize("text", ["nonsense", "<<<<<<< HEAD\n{}", "{"])
def test_lockfile_broken(world: BuildWorld, text: str) -> None:
    """Cut off, or with the marks of a merge in it."""
    error = failure(world, DEP, {**local(), "package-lock.json": text, ".npmrc": DEAD})
    assert name(error) == "lockfile_broken"


@pytest.mark.parametrize("spec", ["::::", "npm:::", "nosuch://x/y"])
def test_manifest_broken(world: BuildWorld, spec: str) -> None:
    """A dependency that is written as npm cannot read it."""
    error = failure(world, {"dependencies": {"dep": spec}}, {".npmrc": DEAD})
    assert (name(error), error.code) == ("manifest_broken", Code.BAD_MANIFEST)


def test_engine_mismatch(world: BuildWorld) -> None:
    """A project that is strict about engines has a dependency that does not fit."""
    files = {**local(engines={"node": "4"}), ".npmrc": "engine-strict=true\n" + DEAD}
    error = failure(world, DEP, files)
    assert name(error) == "engine_mismatch"
    assert "dep@1.0.0" in error.message


@pytest.mark.skipif(shutil.which("git") is None, reason="the class needs a git that fails")
def test_git_failed(world: BuildWorld) -> None:
    """A repository that nobody serves."""
    error = failure(world, {"dependencies": {"dep": "git+http://127.0.0.1:1/x.git"}}, {".npmrc": DEAD})
    assert name(error) == "git_failed"


@pytest.fixture
def bare_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """PATH has what scripts cannot do without, and no compiler, Python, make or git."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("sh", "env", "sed", "dirname", "uname", "cat", "nice"):
        found = shutil.which(tool)
        assert found
        (folder / tool).symlink_to(found)
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.mark.usefixtures("bare_path")
def test_git_missing(world: BuildWorld) -> None:
    """A server without git."""
    error = failure(world, {"dependencies": {"dep": "git+http://127.0.0.1:1/x.git"}}, {".npmrc": DEAD})
    assert (name(error), error.blame) == ("git_missing", Blame.SYSTEM)


GYP = {"binding.gyp": '{"targets": [{"target_name": "x", "sources": ["x.cc"]}]}', "x.cc": "int broken("}


@pytest.mark.slow
@pytest.mark.usefixtures("bare_path")
def test_compiler_missing(world: BuildWorld) -> None:
    """Native code on a server that cannot build it."""
    error = failure(world, {}, {**GYP, ".npmrc": DEAD})
    assert (name(error), error.blame) == ("compiler_missing", Blame.SYSTEM)


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("make") is None or shutil.which("g++") is None, reason="there is no compiler"
)
def test_native_build(world: BuildWorld) -> None:
    """Native code that does not compile; where Node's headers cannot be had it fails before that."""
    files = {**GYP, ".npmrc": DEAD + "disturl=http://127.0.0.1:1\n"}
    assert name(failure(world, {}, files)) == "native_build"


def test_install_script_failed(world: BuildWorld) -> None:
    """A dependency's postinstall: its name and its words."""
    error = failure(world, DEP, local(scripts={"postinstall": "echo no luck today >&2; exit 3"}))
    assert name(error) == "script_failed"
    assert error.message == "An install script failed, that of dep."
    assert "no luck today" in error.details["output"]


def build(
    world: BuildWorld, script: str, files: Mapping[str, str] | None = None, **more: Any
) -> PlatformError:
    """The error of a build script."""
    error = failure(world, {"scripts": {"build": script}}, files, **more)
    assert error.code is Code.BUILD_FAILED
    return error


def test_build_script_failed(world: BuildWorld) -> None:
    """Without a class of its own: the code, the exit and the last lines."""
    error = build(world, "echo what now; exit 9")
    assert (name(error), error.details["exit"]) == ("build_failed", 9)


@pytest.mark.parametrize(
    ("script", "expected", "what"),
    [
        ("no-such-tool --x", "command_missing", "no-such-tool"),
        ("./locked", "not_executable", "./locked"),
        ("node -e \"require('no-such-module')\"", "module_missing", "no-such-module"),
        ("node lib/no-such-file.js", "file_missing", "not in the snapshot: lib/no-such-file.js."),
        ("node -e \"require('./lib/none')\"", "file_missing", "not in the snapshot: ./lib/none."),
        ("node --input-type=module -e \"import 'no-such-package'\"", "module_missing", "no-such-package"),
        ("node -e \"require('http').get('http://127.0.0.1:1')\"", "script_network", ""),
        ("kill -9 $$", "killed", ""),
    ],
)
def test_scripts(world: BuildWorld, script: str, expected: str, what: str) -> None:
    """What a script lacks."""
    error = build(world, script, {"locked": "x"})
    assert name(error) == expected
    assert what in error.message


@pytest.mark.slow
def test_typescript(world: BuildWorld) -> None:
    """The compiler's own words, with file and line."""
    package = {"devDependencies": {"typescript": "5.4.5"}, "scripts": {"build": "tsc --noEmit src/app.ts"}}
    error = failure(world, package, {"src/app.ts": "const n: number = 'text'\n"})
    assert (name(error), error.code) == ("typescript", Code.BUILD_FAILED)
    assert "src/app.ts(1,7): error TS2322" in error.message


def test_openssl_legacy(world: BuildWorld) -> None:
    """Old webpack's hash, under a Node that has it no more."""
    error = build(world, "node -e \"require('crypto').createHash('md4')\"")
    assert name(error) == "openssl_legacy"


def test_port_taken(world: BuildWorld) -> None:
    """A build that starts a server."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        error = build(world, f"node -e \"require('http').createServer().listen({port}, '127.0.0.1')\"")
    assert name(error) == "port_taken"
    assert str(port) in error.message


@pytest.mark.slow
def test_out_of_memory(world: BuildWorld) -> None:
    """Node's heap is full."""
    script = 'node --max-old-space-size=20 -e "let a = []; for (;;) a.push(new Array(10000).fill({}))"'
    assert name(build(world, script)) == "out_of_memory"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB."""
    place = tmp_path / "small"
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"no small file system here: {mounted.stderr.decode().strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.parametrize("stage", ["unpack", "build"])
def test_disk_full(small_disk: Path, tmp_path: Path, stage: str) -> None:
    """The build fails, with what was half-made gone and the space free again."""
    (small_disk / "made").mkdir(exist_ok=True)
    world = BuildWorld(small_disk / "made")
    files: dict[str, str | bytes] = {"server.js": "1"}
    package: dict[str, Any] = {}
    if stage == "unpack":
        files["big"] = os.urandom(4_000_000)
    else:
        package["scripts"] = {"build": "node -e \"require('fs').writeFileSync('big', Buffer.alloc(9e6))\""}
    other = BuildWorld(tmp_path / "made")
    (tmp_path / "made").mkdir(exist_ok=True)
    job = other.job(package, files)
    placed = type(job)(job.user, job.app, job.snapshot, job.archive, small_disk / "x", job.log, {})
    with pytest.raises(PlatformError) as caught:
        world.build(placed)
    assert (caught.value.code, caught.value.blame) == (Code.DISK_FULL, Blame.SYSTEM)
    assert not world.leftovers()
    assert shutil.disk_usage(small_disk).used < 500_000


def test_every_class_can_be_shown() -> None:
    """Texts have no place left open, names are unique."""
    classes = (*MANAGER_FAILURES, *SCRIPT_FAILURES)
    assert len({each.name for each in classes}) == len(classes) >= 25
    for each in classes:
        assert "{" not in each.message.format(what="x")
        assert each.hint.format()


def test_old_npm_is_understood() -> None:
    """Until npm 9 its lines began with ERR!, and old engines bring old npms."""
    output = ["npm ERR! code E404", "npm ERR! 404 Not Found - GET https://r.example/nope", "npm ERR! 404 "]
    error = name_failure(output, code=Code.INSTALL_FAILED, doing="npm ci", exit_code=1)
    assert name(error) == "package_missing"
    assert "https://r.example/nope" in error.message


def test_telling_lines() -> None:
    """The last twenty that say something."""
    assert telling(["a", "", "npm error", "b", "npm error Usage:", "c"]) == ["a", "b"]
    assert telling(str(n) for n in range(30)) == [str(n) for n in range(10, 30)]
