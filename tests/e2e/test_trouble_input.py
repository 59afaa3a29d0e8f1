"""Bad input, by the command line and over HTTP: a clear error, nothing lost, nothing left."""

from __future__ import annotations

import gzip
import io
import json
import socket
import tarfile
import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e import steps
from tests.e2e.steps import create, says, serve, shown
from tests.platforms import archive, hello

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.platforms import LocalPlatform

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]


def _no_folder(place: Path) -> None:
    place.write_text("a file")


def _no_manifest(place: Path) -> None:
    place.mkdir()
    (place / "server.js").write_text(says("x"))


def _manifest(text: str) -> Callable[[Path], None]:
    def write(place: Path) -> None:
        steps.folder(place, "wrong")
        (place / "package.json").write_text(text)

    return write


def _named(name: str) -> Callable[[Path], None]:
    return _manifest(json.dumps({"name": name, "version": "0.1.0", "scripts": {"start": "server.js"}}))


WRONG: dict[str, tuple[Callable[[Path], None], int, str]] = {
    "a file instead of a folder": (_no_folder, 6, "folder"),
    "no package.json": (_no_manifest, 6, "package.json"),
    "an empty package.json": (_manifest(""), 6, "package.json"),
    "invalid JSON": (_manifest('{"name": "x",\n  oops}'), 6, "2"),
    "a list": (_manifest("[]"), 6, "package.json"),
    "bytes": (_manifest("\0\1\2"), 6, "package.json"),
    "a name with a slash": (_named("../up"), 6, "name"),
    "a name with a dot first": (_named(".hidden"), 6, "name"),
    "a name with blanks": (_named("two words"), 6, "name"),
    "a name too long": (_named("a" * 215), 6, "name"),
    "no start script": (_manifest('{"name": "no-start", "version": "0.1.0"}'), 6, "start"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_project_is_named(shared_platform: LocalPlatform, tmp_path: Path, case: str) -> None:
    """Its own exit code, a sentence that names the culprit, no trace; no app was made, nothing packed."""
    make, code, word = WRONG[case]
    make(tmp_path / "app")
    if case == "no start script":
        (tmp_path / "app" / "server.js").unlink()
    before = shared_platform.call("GET", f"/apps/{shared_platform.user}").json()
    done = shared_platform.jitsu("deploy", str(tmp_path / "app"), cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert "error:" in done.stderr
    assert word in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert shared_platform.call("GET", f"/apps/{shared_platform.user}").json() == before


def test_a_taken_subdomain_and_snapshot_are_conflicts(shared_platform: LocalPlatform, tmp_path: Path) -> None:
    """Exit 5, and what is there stays as it is."""
    serve(shared_platform, "holder")
    rival = steps.folder(tmp_path / "rival", "rival", subdomain="holder")
    done = shared_platform.jitsu("deploy", cwd=rival)
    assert done.returncode == 5, done.stderr
    assert "holder" in done.stderr
    again = steps.folder(tmp_path / "again", "holder", says("other"))
    done = shared_platform.jitsu("deploy", "--snapshot", "1", cwd=again)
    assert done.returncode == 5, done.stderr
    assert shared_platform.get("holder").text == "holder"


def _tar(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    manifest = json.dumps({"name": "evil", "version": "1.0.0", "scripts": {"start": "server.js"}}).encode()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for member, data in ((tarfile.TarInfo("package/package.json"), manifest), *members):
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def _member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    return member, b"" if kind != tarfile.REGTYPE else b"evil"


def _bomb() -> bytes:
    """8 GiB of zeros in a file of some MB: a stored tar header, then deflate at its best."""
    member = tarfile.TarInfo("package/zeros")
    member.size = 8 * 2**30
    block = gzip.compress(b"\0" * 2**26, 9)
    return gzip.compress(member.tobuf(), 9) + block * 128


EVIL: dict[str, Callable[[], bytes]] = {
    "dots": lambda: _tar(_member("package/../../escaped")),
    "absolute": lambda: _tar(_member("/tmp/jitsu-escaped")),
    "link": lambda: _tar(_member("package/passwd", tarfile.SYMTYPE, "/etc/passwd")),
    "link up": lambda: _tar(_member("package/up", tarfile.SYMTYPE, "../../../..")),
    "hard link": lambda: _tar(_member("package/shadow", tarfile.LNKTYPE, "/etc/shadow")),
    "through a link": lambda: _tar(
        _member("package/in", tarfile.SYMTYPE, "/tmp"), _member("package/in/jitsu-escaped")
    ),
    "device": lambda: _tar(_member("package/null", tarfile.CHRTYPE)),
    "fifo": lambda: _tar(_member("package/pipe", tarfile.FIFOTYPE)),
    "bomb": _bomb,
    "no gzip": lambda: b"this is no archive at all" * 100,
    "empty gzip": lambda: gzip.compress(b""),
    "half": lambda: archive(hello("evil"))[:150],
    "no manifest": lambda: archive({"server.js": "1"}),
    "broken manifest": lambda: archive({"package.json": "{"}),
    "nothing": lambda: b"",
}


@pytest.mark.parametrize("case", EVIL)
def test_an_archive_that_means_harm_is_refused(shared_platform: LocalPlatform, case: str) -> None:
    """400 in JSON, within seconds; no row, nothing in work/ and snapshots/, nothing outside."""
    name = "evil-" + case.replace(" ", "-")
    path = create(shared_platform, name)
    kept = sorted((shared_platform.home / "snapshots").iterdir())
    began = time.monotonic()
    answer = shared_platform.call("POST", f"{path}/snapshots/1", data=EVIL[case]())
    assert time.monotonic() - began < 30
    body = answer.json()
    assert answer.status_code == 400, body
    assert body["error"] in {"bad_archive", "bad_manifest"}, body
    assert body["message"].endswith(".")
    assert body["blame"] != "system"
    assert shown(shared_platform, path)["snapshots"] == []
    assert steps.leftovers(shared_platform) == []
    assert sorted((shared_platform.home / "snapshots").iterdir()) == kept
    assert not (shared_platform.home.parent / "escaped").exists()


def test_an_upload_that_breaks_off_leaves_nothing(shared_platform: LocalPlatform) -> None:
    """The connection dies in the middle of the body: no snapshot, no file; the id is free."""
    path = create(shared_platform, "broken-off")
    data = archive({**hello("broken-off"), "ballast": bytes(range(256)) * 4000})
    for length in ("content-length: 5000000", "transfer-encoding: chunked"):
        with _request(shared_platform, f"{path}/snapshots/1", length) as link:
            sent = data if "content" in length else b"%x\r\n" % len(data) + data
            link.sendall(sent)
            steps.until(lambda: steps.leftovers(shared_platform))
        steps.until(lambda: not steps.leftovers(shared_platform))
        assert shown(shared_platform, path)["snapshots"] == []
    steps.put(shared_platform, path, "1", says("whole"))


def test_an_app_destroyed_during_an_upload_stays_destroyed(shared_platform: LocalPlatform) -> None:
    """The upload that arrives afterwards is a 404, and nothing of it is kept."""
    path = create(shared_platform, "vanishing")
    data = archive({**hello("vanishing"), "unique": b"vanishing"})
    kept = sorted((shared_platform.home / "snapshots").iterdir())
    with _request(shared_platform, f"{path}/snapshots/1", f"content-length: {len(data)}") as link:
        link.sendall(data[:100])
        steps.until(lambda: steps.leftovers(shared_platform))
        assert shared_platform.call("DELETE", path).status_code == 200
        link.sendall(data[100:])
        said = link.recv(65536)
    assert b" 404 " in said.split(b"\r\n")[0], said
    assert steps.leftovers(shared_platform) == []
    assert sorted((shared_platform.home / "snapshots").iterdir()) == kept


def test_an_archive_over_the_limit_is_refused_at_once(shared_platform: LocalPlatform) -> None:
    """413 before the body comes, by its length; the platform serves on."""
    path = create(shared_platform, "giant")
    with _request(shared_platform, f"{path}/snapshots/1", f"content-length: {2**40}") as link:
        said = link.recv(65536)
    assert b" 413 " in said.split(b"\r\n")[0]
    assert steps.leftovers(shared_platform) == []
    assert shared_platform.call("GET", "/health").ok


def _request(platform: LocalPlatform, path: str, length: str) -> socket.socket:
    """Begin an upload by hand."""
    import base64

    port = int(platform.status.api.rpartition(":")[2])
    link = socket.create_connection(("127.0.0.1", port), timeout=20)
    login = base64.b64encode(f"{platform.user}:{platform.token}".encode()).decode()
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Basic {login}\r\n{length}\r\n\r\n"
    link.sendall(head.encode())
    return link
