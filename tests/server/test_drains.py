"""Drains against real receivers on loopback: each line at least once, in order, whatever breaks."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from jitsu_py.server import settings as settings_file
from jitsu_py.server.drains import Drains, Pace
from jitsu_py.server.drains.addresses import is_public, parse, resolve, shown
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.logbook import Keep, Logbook
from jitsu_py.server.settings import Logs
from jitsu_py.server.store import apps, drains, load_sealer, open_store, users
from tests.cli.tls_world import Authority
from tests.server.receivers_world import SyslogReceiver, wait_until
from tests.unit.loopback import Reply, Request, Server, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from jitsu_py.server.store import Store
    from jitsu_py.server.store.drains import Drain

pytestmark = pytest.mark.slow

APP = "ada/shop"
QUICK = Pace(first=0.05, longest=0.2, settles=0.3)

PATIENT = Pace(first=0.05, longest=0.2, settles=1.5)
"""For receivers that throw away what they have not read: a busy machine may keep them from it for so long."""


class World:
    """A store with an account and an app, a log, and the drains at work in a thread of their own."""

    def __init__(self, home: Path, **logs: Any) -> None:
        settings_file.prepare(home)
        self.store: Store = open_store(home, load_sealer(home))
        self.logbook = Logbook(home / "logs", Keep())
        self.settings = Logs(**logs)
        with self.store.write() as connection:
            self.user = users.create(connection, "ada", email=None, password=None, confirmed=True)
        self.app = self.add_app("shop")
        self.local_user = "ada"

    def add_app(self, name: str, **env: str) -> int:
        """Another app; its id."""
        with self.store.write() as connection:
            sealed = self.store.sealer.seal(env)
            found = users.get(connection, "ada")
            return apps.create(connection, found.id, name, subdomain=name, manifest={}, env=sealed)

    def drain(self, url: str, *, every: bool = False, redact: bool = False) -> Drain:
        """A drain that begins with the first line."""
        with self.store.write() as connection:
            sealed, app = self.store.sealer.seal({"url": url}), None if every else self.app
            user = users.get(connection, "ada").id
            return drains.add(connection, user, app_id=app, url=sealed, redact=redact)

    def say(self, first: int, last: int, app: str = APP, form: str = "line {}") -> list[str]:
        """Lines of a drone; what they say."""
        texts = [form.format(number) for number in range(first, last + 1)]
        drone = f"d{first}"
        captures = self.logbook.capture(app, drone, "1.0.0")
        (captures / f"{drone}.stdout").write_bytes("".join(f"{text}\n" for text in texts).encode())
        self.logbook.ended(app, drone)
        return texts

    @contextlib.contextmanager
    def shipping(self, pace: Pace = QUICK) -> Iterator[Drains]:
        """The drains at work; ended as a server's stop ends them."""
        at_work = Drains(self.store, self.logbook, self.settings, self.local_user, pace)
        loop = asyncio.new_event_loop()
        task = loop.create_task(at_work.run())

        def run() -> None:
            with contextlib.suppress(asyncio.CancelledError):
                loop.run_until_complete(task)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield at_work
        finally:
            loop.call_soon_threadsafe(task.cancel)
            thread.join(30)
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    def place(self, drain: Drain, app: int | None = None) -> int:
        """How far the store knows the receiver to be in an app's log."""
        with self.store.read() as connection:
            return drains.places(connection, drain.id).get(app or self.app, 0)


@pytest.fixture
def world(home: Path) -> Iterator[World]:
    """The usual one."""
    made = World(home)
    yield made
    made.logbook.close()
    made.store.close()


def once(texts: list[str]) -> list[str]:
    """Each text where it came first."""
    return list(dict.fromkeys(texts))


def error_of(at_work: Drains, drain: Drain) -> str:
    """Why lines are not taken."""
    state = at_work.state(drain)
    return state.error if state else ""


def test_lines_arrive_as_the_standard_wants_them(world: World) -> None:
    """RFC 5424 in frames of RFC 6587, in order, each once; severity, app, drone and id tell what it is."""
    with SyslogReceiver() as receiver, world.shipping():
        world.drain(f"syslog+tcp://127.0.0.1:{receiver.port}")
        said = world.say(1, 1500) + world.say(2001, 2001, form='ünï "] \\ \x1b[2J \t{}')
        world.logbook.note(APP, "stopped", drone="d1", snapshot="1.0.0")
        wait_until(lambda: len(receiver.messages) == 1502)
        assert receiver.texts == said
    first, last = receiver.messages[0], receiver.messages[-1]
    assert (first.priority, first.app, first.drone, first.stream) == (14, "shop", "d1", "stdout")
    assert first.facts == {"id": "1", "user": "ada", "app": "shop", "snapshot": "1.0.0"}
    assert (last.priority, last.stream, last.text) == (13, "system", "stopped")
    assert [int(message.facts["id"]) for message in receiver.messages] == list(range(1, 1503))


def test_a_receiver_that_is_away_gets_all_of_it_later(world: World, free_port: int) -> None:
    """While nobody listens the error is told and the place stays; then nothing is missing."""
    drain = world.drain(f"syslog+tcp://127.0.0.1:{free_port}")
    with world.shipping() as at_work:
        said = world.say(1, 700)
        wait_until(lambda: "refused" in error_of(at_work, drain).lower())
        assert world.place(drain) == 0
        with SyslogReceiver(port=free_port) as receiver:
            wait_until(lambda: len(receiver.texts) == 700)
            assert receiver.texts == said
            wait_until(lambda: world.place(drain) == 700)
            wait_until(lambda: error_of(at_work, drain) == "")


def test_a_receiver_that_breaks_off_misses_nothing(world: World) -> None:
    """Resets that throw away what was under way cost no line; some may come twice, none out of order."""
    with SyslogReceiver(breaks_after=700) as receiver, world.shipping(PATIENT):
        drain = world.drain(f"syslog+tcp://127.0.0.1:{receiver.port}")
        said = world.say(1, 1500)
        wait_until(lambda: len(set(receiver.texts)) == 1500)
        wait_until(lambda: world.place(drain) == 1500)
        assert once(receiver.texts) == said
        assert receiver.connections > 2


def test_a_receiver_that_closes_in_order_is_not_told_twice(world: World) -> None:
    """One that hangs up after each batch has read it: it gets the next, not the same for ever."""
    with SyslogReceiver(closes_when_idle=True) as receiver, world.shipping():
        drain = world.drain(f"syslog+tcp://127.0.0.1:{receiver.port}")
        for number in range(3):
            world.say(number * 1000 + 1, number * 1000 + 600)
        wait_until(lambda: world.place(drain) == 1800)
        assert len(set(receiver.texts)) == 1800
        assert len(receiver.texts) < 1800 + 5 * 500


def test_another_server_goes_on_where_the_last_one_was(world: World) -> None:
    """The place is in the store: what was taken is not sent again by the next server, nothing is left out."""
    with SyslogReceiver() as receiver:
        drain = world.drain(f"syslog+tcp://127.0.0.1:{receiver.port}")
        with world.shipping():
            said = world.say(1, 100)
            wait_until(lambda: world.place(drain) == 100)
        said += world.say(101, 200)
        with world.shipping():
            wait_until(lambda: world.place(drain) == 200)
        assert receiver.texts == said


def test_a_receiver_that_reads_nothing_holds_nobody_up(world: World) -> None:
    """One that is stuck gets no more than its connection holds; meanwhile another gets all."""
    with SyslogReceiver(reads=False) as stuck, SyslogReceiver() as receiver, world.shipping():
        blocked = world.drain(f"syslog+tcp://127.0.0.1:{stuck.port}")
        world.drain(f"syslog+tcp://127.0.0.1:{receiver.port}")
        said = world.say(1, 20_000, form="{} " + "x" * 400)
        wait_until(lambda: len(receiver.texts) == 20_000)
        assert receiver.texts == said
        assert world.place(blocked) < 20_000


def test_tls_needs_an_authority_that_is_trusted(home: Path, tmp_path: Path) -> None:
    """A private authority's receiver is trusted by the setting alone, and by the name it is reached by."""
    authority = Authority(tmp_path)
    with SyslogReceiver(authority.issue("127.0.0.1")) as receiver:
        stranger = World(home)
        drain = stranger.drain(f"syslog+tls://127.0.0.1:{receiver.port}")
        said = stranger.say(1, 10)
        with stranger.shipping() as at_work:
            wait_until(lambda: "certificate" in error_of(at_work, drain).lower())
        assert receiver.texts == []
        stranger.settings = Logs(ca=str(authority.file))
        with stranger.shipping():
            wait_until(lambda: stranger.place(drain) == 10)
        assert receiver.texts == said
    with SyslogReceiver(authority.issue("elsewhere.example")) as receiver:
        drain = stranger.drain(f"syslog+tls://127.0.0.1:{receiver.port}")
        with stranger.shipping() as at_work:
            wait_until(lambda: "certificate" in error_of(at_work, drain).lower())
        assert receiver.texts == []
    stranger.logbook.close()
    stranger.store.close()


class Taker:
    """An HTTP receiver whose answers a test decides; keeps the lines that it said yes to."""

    def __init__(self, decide: Callable[[Request, int], int]) -> None:
        self.lines: list[dict[str, Any]] = []
        self.requests: list[Request] = []
        self._decide = decide

    def __call__(self, request: Request) -> Reply:
        lines = [json.loads(line) for line in request.body.splitlines()]
        status = self._decide(request, len(lines))
        self.requests.append(request)
        if status == 200:
            self.lines += lines
        return Reply(status, b"", {"location": "http://127.0.0.1:1/"} if status == 302 else {})


def test_https_takes_json(home: Path, tmp_path: Path) -> None:
    """NDJSON by POST over TLS, with the login of the address; tried again until it is answered with a 2xx."""
    import ssl

    authority = Authority(tmp_path)
    answers = iter([500, 302, 401, 429])
    taker = Taker(lambda _request, _lines: next(answers, 200))
    server = Server(taker)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.issue("localhost"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever).start()
    world = World(home, ca=str(authority.file))
    try:
        drain = world.drain(f"https://me:p%40ss@localhost:{server.server_port}/in?key=1")
        with world.shipping():
            said = world.say(1, 600)
            wait_until(lambda: world.place(drain) == 600)
    finally:
        server.shutdown()
        server.server_close()
        world.logbook.close()
        world.store.close()
    assert [line["message"] for line in taker.lines] == said
    assert {key: value for key, value in taker.lines[0].items() if key != "time"} == {
        "id": 1,
        "user": "ada",
        "app": "shop",
        "drone": "d1",
        "snapshot": "1.0.0",
        "stream": "stdout",
        "message": "line 1",
    }
    request = taker.requests[-1]
    assert (request.method, request.path) == ("POST", "/in?key=1")
    assert request.headers["content-type"] == "application/x-ndjson"
    assert request.headers["authorization"] == "Basic bWU6cEBzcw=="
    assert request.headers["x-jitsu-drain"] == drain.ref


def test_a_receiver_with_small_hands(world: World) -> None:
    """A batch that is too large is halved until it is taken."""
    taker = Taker(lambda _request, lines: 413 if lines > 70 else 200)
    with serving(taker) as server, world.shipping():
        drain = world.drain(f"http://127.0.0.1:{server.server_port}/")
        said = world.say(1, 1000)
        wait_until(lambda: world.place(drain) == 1000)
    assert [line["message"] for line in taker.lines] == said


def test_what_retention_removed_is_told(home: Path, free_port: int) -> None:
    """Who falls behind what is kept gets a line that says how many are gone, and then the rest."""
    world = World(home)
    world.logbook = Logbook(home / "logs", Keep(bytes=512 * 1024))
    drain = world.drain(f"syslog+tcp://127.0.0.1:{free_port}")
    # Noise, since the log keeps its lines compressed or not as it likes.
    for part in range(8):
        world.say(part * 1000 + 1, part * 1000 + 1000, form="{} " + "x" * 400)
        world.logbook.tidy()
    oldest = world.logbook.next(APP, 0, 1)[0].id
    assert oldest > 1
    with SyslogReceiver(port=free_port) as receiver, world.shipping() as at_work:
        wait_until(lambda: world.place(drain) == 8000)
        state = at_work.state(drain)
        assert state is not None
        assert (state.skipped, state.shipped) == (oldest - 1, 8001 - oldest)
    assert receiver.messages[0].stream == "system"
    assert receiver.messages[0].text.startswith(f"{oldest - 1} lines were removed")
    assert [int(message.facts["id"]) for message in receiver.messages[1:]] == list(range(oldest, 8001))
    world.logbook.close()
    world.store.close()


def test_all_apps_also_those_to_come_and_secrets(world: World) -> None:
    """A drain for all gets every app's lines in its order; with redact, no variable's value."""
    secretive = world.add_app("secretive", KEY="sentinel-value")
    with SyslogReceiver() as receiver, world.shipping():
        drain = world.drain(f"syslog+tcp://127.0.0.1:{receiver.port}", every=True, redact=True)
        world.say(1, 300)
        world.say(1, 300, "ada/secretive", "sentinel-value {}")
        wait_until(lambda: len(receiver.messages) == 600)
        world.add_app("later")
        world.say(1, 300, "ada/later")
        wait_until(lambda: len(receiver.messages) == 900)
        wait_until(lambda: world.place(drain, secretive) == 300)
    by_app = {
        name: [m.text for m in receiver.messages if m.app == name] for name in ("shop", "secretive", "later")
    }
    plain = [f"line {number}" for number in range(1, 301)]
    assert by_app == {"shop": plain, "later": plain, "secretive": [f"*** {n}" for n in range(1, 301)]}


def test_a_removed_drain_ends(world: World) -> None:
    """What is said after its removal goes nowhere, and its places go with it."""
    with SyslogReceiver() as receiver, world.shipping() as at_work:
        drain = world.drain(f"syslog+tcp://127.0.0.1:{receiver.port}")
        world.say(1, 10)
        wait_until(lambda: world.place(drain) == 10)
        with world.store.write() as connection:
            assert drains.remove(connection, drain.user_id, drain.ref)
        at_work.changed()
        wait_until(lambda: at_work.state(drain) is None)
        world.say(11, 20)
        assert world.place(drain) == 0
        assert len(receiver.texts) == 10


def test_whose_drains_may_lead_into_the_machine(world: World) -> None:
    """The machine's own account may; others not, whatever the store says; off ships nothing at all."""
    with SyslogReceiver() as receiver:
        drain = world.drain(f"syslog+tcp://localhost:{receiver.port}")
        world.say(1, 10)
        world.local_user = "somebody"
        with world.shipping() as at_work:
            wait_until(lambda: "not on the internet" in error_of(at_work, drain))
        world.settings = Logs(drains="off")
        with world.shipping() as at_work:
            assert (at_work.are_off, at_work.state(drain)) == (True, None)
        assert receiver.connections == 0
        world.settings = Logs(drains="anywhere")
        with world.shipping():
            wait_until(lambda: world.place(drain) == 10)


@pytest.mark.parametrize(
    "number",
    [
        *("127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "0.0.0.0", "100.64.0.1"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fd00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1"),
        *("64:ff9b::a9fe:a9fe", "2002:7f00:1::", "224.0.0.1", "ff02::1", "255.255.255.255", "192.0.2.1"),
    ],
)
def test_what_is_not_the_internet(number: str) -> None:
    """This machine, private networks, a cloud's metadata, also wrapped into IPv6: not public."""
    assert not is_public(number)
    with pytest.raises(PlatformError, match="not on the internet"):
        asyncio.run(resolve(number, 80, anywhere=False))


@pytest.mark.parametrize("number", ["8.8.8.8", "2606:4700:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"])
def test_what_is_the_internet(number: str) -> None:
    """The rest is public."""
    assert is_public(number)


@pytest.mark.parametrize(
    "url",
    [
        *(None, 7, "", "logs.example.com", "ftp://x", "syslog://x", "udp://x:514", "https://", "https://:80"),
        *("https://x:0", "https://x:99999", "https://x:y", "https://[::1", "https://x/#part", "https://x y"),
        *(
            "syslog+tls://x/path",
            "syslog+tls://me:pw@x",
            "syslog+tcp://x?y=z",
            "https://ü.example",
            "https://x\n",
        ),
        "https://x/" + "y" * 3000,
    ],
)
def test_what_no_address_is(url: object) -> None:
    """Refused with the field's name and what is wrong."""
    with pytest.raises(PlatformError) as refused:
        parse(url)
    assert refused.value.details == {"field": "url"}


def test_addresses_are_shown_without_their_secrets() -> None:
    """Logins and a query's values are starred, in lists, in `repr` and in errors."""
    url = "https://me:hunter2@logs.example.com/in?api-key=hunter3&x="
    address = parse(url)
    assert shown(address) == "https://***@logs.example.com:443/in?api-key=***&x=***"
    assert "hunter" not in repr(address)
    assert parse("syslog+tls://logs.example.com").port == 6514
    assert parse("syslog+tcp://[::1]").warning == ""
    assert "not encrypted" in parse("http://logs.example.com/").warning
    assert shown(parse("syslog+tcp://[2606:4700::1]:601")) == "syslog+tcp://[2606:4700::1]:601"
