"""Uploads and downloads: progress, events, what the build says, and connections that break."""

from __future__ import annotations

import hashlib
import io
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from jitsu_py import errors
from jitsu_py.api import Client
from jitsu_py.wire import NDJSON, SHA256, Code
from tests.unit.loopback import POWERED, Reply, Request, answer, events, serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jitsu_py.api.events import BuildEvent

DONE = {"event": "done", "snapshot": {"id": "0.1.0", "state": "ready", "size": 3}, "seconds": 1.5}
LINES = [{"event": "line", "text": f"line {n}", "stream": "stdout"} for n in range(30)]
FAILED = {"event": "failed", "error": "install_failed", "message": "npm said no.", "blame": "application"}


def upload(respond: Callable[[Request], Reply | None], data: bytes = b"x" * 100_000, **options: Any) -> Any:
    """Upload to a server that answers so; give the snapshot."""
    with serving(respond) as server, Client(server.url, "ada", "token") as client:
        return client.snapshots.upload("hello", "0.1.0", io.BytesIO(data), **options)


def test_the_archive_arrives_whole_with_its_length_and_hash(tmp_path: Path) -> None:
    """An upload has a length, says its SHA-256, and asks for events."""
    data = bytes(range(256)) * 4000
    (tmp_path / "a.tgz").write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    with serving(lambda _: events(DONE)) as server, Client(server.url, "ada", "token") as client:
        made = client.snapshots.upload("hello", "0.1.0", tmp_path / "a.tgz", sha256=digest)
    request = server.requests[0]
    assert (made.id, made.state, made.size) == ("0.1.0", "ready", 3)
    assert request.body == data
    assert request.headers["content-length"] == str(len(data))
    assert request.headers[SHA256] == digest
    assert request.headers["accept"] == NDJSON


def test_progress_adds_up_to_the_size() -> None:
    """Every byte sent is told once, in pieces, as it goes."""
    told: list[int] = []
    upload(lambda _: events(DONE), b"x" * 1_000_000, advance=told.append)
    assert sum(told) == 1_000_000
    assert len(told) > 2


def test_an_open_file_is_sent_from_where_it_stands() -> None:
    """What was read of it already is not sent; it stays open."""
    file = io.BytesIO(b"skipped|sent")
    file.seek(8)
    with serving(lambda _: events(DONE)) as server, Client(server.url, "ada", "token") as client:
        client.snapshots.upload("hello", "0.1.0", file)
    assert server.requests[0].body == b"sent"
    assert not file.closed


def test_events_come_as_they_happen() -> None:
    """A line is shown when the server says it, not when the build ends."""
    seen: list[tuple[str, float]] = []

    def slowly(_: Request) -> Reply:
        def chunks() -> Any:
            yield b'{"event": "step", "name": "install", "message": "Installing"}\n{"event": "li'
            time.sleep(0.3)
            yield b'ne", "text": "h\xc3\xa9"}\n\n{"event": "some day"}\n'
            yield b'{"event": "done", "snapshot": {"id": "1"}}'

        return Reply(200, chunks(), {**POWERED, "content-type": NDJSON})

    def note(event: BuildEvent) -> None:
        seen.append((event.text or event.kind, time.monotonic()))

    upload(slowly, on_event=note)
    assert [what for what, _ in seen] == ["Installing", "hé", "some day", "done"]
    assert seen[1][1] - seen[0][1] > 0.2


def test_a_failed_build_carries_its_last_lines() -> None:
    """The verdict is the error; what the build printed last explains it."""
    with pytest.raises(errors.BuildFailedError, match=r"npm said no\.") as caught:
        upload(lambda _: events(*LINES, FAILED))
    assert (caught.value.code, caught.value.request_id) == (Code.INSTALL_FAILED, "req-1")
    assert caught.value.output == tuple(f"line {n}" for n in range(10, 30))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("no_start_script", errors.ProjectError),
        ("bad_manifest", errors.ProjectError),
        ("disk_full", errors.ServerRefusedError),
        ("one_of_tomorrow", errors.BuildFailedError),
    ],
)
def test_verdicts_have_their_classes(code: str, kind: type[errors.JitsuError]) -> None:
    """A build can fail for the project's sake, or the server's."""
    with pytest.raises(kind):
        upload(lambda _: events({**FAILED, "error": code}))


def test_refused_before_the_archive_is_sent() -> None:
    """A refusal that comes at once is heard although the archive is still on its way."""
    body = {"error": "snapshot_exists", "message": "hello has a snapshot 0.1.0 already."}
    refusal = answer(body, 409, connection="close")
    with serving(lambda _: refusal) as server, Client(server.url, "ada", "token") as client:
        server.lazy = True
        with pytest.raises(errors.JitsuError) as caught:
            client.snapshots.upload("hello", "0.1.0", io.BytesIO(b"x" * 20_000_000))
    # A kernel may drop the answer of a server that closed; then it is a lost connection, never a hang.
    assert isinstance(caught.value, errors.ConflictError) or caught.value.code == "connection_lost"


@pytest.mark.parametrize(
    "reply",
    [
        events(*LINES[:4], cut=True),
        events(*LINES[:4]),
        Reply(
            200,
            [b'{"event": "line", "text": "a"}\n' * 4 + b'{"event": "li'],
            {**POWERED, "content-type": NDJSON},
            cut=True,
        ),
    ],
    ids=["cut", "no verdict", "half a line"],
)
def test_a_stream_without_a_verdict_is_a_lost_connection(reply: Reply) -> None:
    """The caller learns how far it was, to go on from there."""
    with pytest.raises(errors.UnreachableError) as caught:
        upload(lambda _: reply)
    assert caught.value.code == "connection_lost"
    assert caught.value.details == {"sent": 100_000, "length": 100_000, "lines": 4}


def test_silence_is_a_lost_connection() -> None:
    """A build that says nothing, not even that it lives, is asked after."""

    def silent(_: Request) -> Reply:
        def chunks() -> Any:
            yield b'{"event": "ping"}\n'
            time.sleep(1)

        return Reply(200, chunks(), {**POWERED, "content-type": NDJSON})

    with pytest.raises(errors.UnreachableError) as caught:
        upload(silent, silence=0.3)
    assert caught.value.code == "connection_lost"


@pytest.mark.parametrize("chunk", [b"no json\n", b"[1]\n", b'{"no": "kind"}\n', b'"' + b"x" * 1_100_000])
def test_streams_that_make_no_sense(chunk: bytes) -> None:
    """Neither nonsense nor an endless line is swallowed."""
    with pytest.raises(errors.ServerRefusedError) as caught:
        upload(lambda _: Reply(200, [chunk], {**POWERED, "content-type": NDJSON}))
    assert caught.value.code == "bad_reply"


def test_a_file_that_shrinks_is_noticed() -> None:
    """A body shorter than promised would leave the server waiting."""

    class Shrinking(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            self.truncate(300_000)
            return super().read(size)

    with (
        pytest.raises(errors.ProjectError, match="shorter"),
        serving(lambda _: None) as server,
        Client(server.url, "ada", "token") as client,
    ):
        client.snapshots.upload("hello", "0.1.0", Shrinking(b"x" * 600_000))


def fetching(archive: bytes, **options: Any) -> Callable[[Request], Reply]:
    """A server with one snapshot."""
    listed = {"id": "1", "sha256": hashlib.sha256(b"archive").hexdigest()}
    return lambda r: (
        Reply(200, archive, **options) if r.path.endswith(".tgz") else answer({"snapshots": [listed]})
    )


def test_fetch_writes_the_archive(tmp_path: Path) -> None:
    """What was uploaded comes back, byte for byte, with its progress."""
    told: list[tuple[int, int | None]] = []
    target = tmp_path / "out.tgz"
    with serving(fetching(b"archive")) as server, Client(server.url, "ada", "token") as client:
        client.snapshots.fetch("hello", "1", target, lambda *numbers: told.append(numbers))
    assert target.read_bytes() == b"archive"
    assert told == [(7, 7)]


@pytest.mark.parametrize("reply", [{"archive": b"archive", "length": 99}, {"archive": b"another"}])
def test_fetch_leaves_nothing_half_written(tmp_path: Path, reply: dict[str, Any]) -> None:
    """A download that ends early or differs leaves what was there."""
    target = tmp_path / "out.tgz"
    target.write_bytes(b"before")
    with (
        serving(fetching(**reply)) as server,
        Client(server.url, "ada", "token") as client,
        pytest.raises(errors.JitsuError),
    ):
        client.snapshots.fetch("hello", "1", target, lambda *_: None)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"out.tgz": b"before"}


def in_pieces(archive: bytes, most: int) -> Callable[[Request], Reply]:
    """A server whose connections break after `most` bytes of the archive."""
    listed = {"id": "1", "sha256": hashlib.sha256(archive).hexdigest()}

    def respond(request: Request) -> Reply:
        if not request.path.endswith(".tgz"):
            return answer({"snapshots": [listed]})
        start = int(request.headers.get("range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        rest = archive[start:]
        return Reply(206 if start else 200, rest[:most], length=len(rest))

    return respond


def test_fetch_goes_on_where_the_connection_broke(tmp_path: Path) -> None:
    """Each new connection brings the next part; the whole length is told all along."""
    told: list[tuple[int, int | None]] = []
    archive = bytes(range(250)) * 4000
    with serving(in_pieces(archive, 400_000)) as server, Client(server.url, "ada", "token") as client:
        client.snapshots.fetch("hello", "1", tmp_path / "out.tgz", lambda *numbers: told.append(numbers))
    assert (tmp_path / "out.tgz").read_bytes() == archive
    assert {length for _, length in told} == {1_000_000}
    assert sum(got for got, _ in told) == 1_000_000
    ranges = [request.headers.get("range") for request in server.requests if request.path.endswith(".tgz")]
    # A chunk that broke off half-way is asked for again.
    assert ranges == [None, f"bytes={6 * 65536}-", f"bytes={12 * 65536}-"]


def test_fetch_gives_up_where_nothing_more_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that breaks off before every byte is not asked for ever."""
    monkeypatch.setattr("jitsu_py.api.downloads.PAUSES", (0.01, 0.01))
    archive = b"x" * 200_000

    def respond(request: Request) -> Reply:
        reply = in_pieces(archive, 100_000)(request)
        return replace(reply, body=b"") if "range" in request.headers else reply

    with (
        serving(respond) as server,
        Client(server.url, "ada", "token") as client,
        pytest.raises(errors.UnreachableError, match="was lost"),
    ):
        client.snapshots.fetch("hello", "1", tmp_path / "out.tgz", lambda *_: None)
    assert list(tmp_path.iterdir()) == []
