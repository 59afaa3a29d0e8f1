"""`jitsu logs` on a real platform: which lines, in what shape, and what is followed."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from jitsu_py.api.client import Client
from jitsu_py.api.following import follow
from jitsu_py.reporter import Silent
from jitsu_py.server import run
from tests.cli.people import JITSU, left
from tests.platforms import LocalPlatform, archive, hello
from tests.unit.loopback import POWERED, Reply, Request, answer, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pexpect

    from tests.cli.people import Person

pytestmark = pytest.mark.slow

TALK = """
for (let i = 1; i <= 30; i++) console.log('line ' + i)
console.error('trouble 1')
console.log('evil \\u001b[2J\\u001b]0;owned\\u0007')
require('http').createServer((q, r) => { console.log('asked ' + q.url); r.end('ok') }).listen(80)
"""


def put(platform: LocalPlatform, name: str, code: str = TALK) -> None:
    """Have an app live that prints, and its lines in the log."""
    files = {**hello(name), "server.js": code}
    path = f"/apps/{platform.user}/snapshots/0.1.0"
    assert platform.call("POST", path, data=archive(files)).ok


def texts(lines: list[dict[str, Any]]) -> list[str]:
    """What drones printed, without the platform's own words."""
    return [line["text"] for line in lines if line["stream"] != "system"]


def wait_for(owner: Person, name: str, text: str) -> None:
    """Wait until a line is in the log."""
    deadline = time.monotonic() + 10
    while text not in owner.jitsu("logs", name, "1000", "--raw").out:
        assert time.monotonic() < deadline


def test_shapes_and_words(owner: Person, shared_platform: LocalPlatform) -> None:
    """Today's words and those of old give the same lines; the keys of a line are pinned."""
    put(shared_platform, "talks")
    wait_for(owner, "talks", "evil")
    rows = owner.jitsu("logs", "talks", "--json").json()
    assert list(rows[0]) == ["time", "app", "drone", "snapshot", "stream", "text"]
    assert texts(rows)[:2] == ["line 1", "line 2"]
    (owner.folder / "package.json").write_text('{"name": "talks"}')
    for words in (["talks", "5"], ["app", "talks", "5"], ["app", "5"], ["5"], ["--json", "app", "5"][1:]):
        assert owner.jitsu("logs", *words, "--json").json() == rows[-5:], words
    assert owner.jitsu("--json", "logs").json() == rows
    assert owner.jitsu("logs", "--json", "app").json() == rows
    for words in (["talks", "0"], ["talks", "3", "4"], ["talks", "x"], ["all", "x"], ["all", "0"]):
        assert owner.jitsu("logs", *words).code == 2, words
    assert owner.jitsu("logs", "takls", "--json").error()["hint"] == "did you mean talks?"
    assert "tail" in owner.jitsu("logs", "--help").out


def test_filters(owner: Person, shared_platform: LocalPlatform) -> None:
    """Text, stream, drone, snapshot and time narrow a log down; a time that is none is 2."""
    put(shared_platform, "narrow")
    wait_for(owner, "narrow", "evil")

    def asked(*words: str) -> list[str]:
        found: list[dict[str, Any]] = owner.jitsu("logs", "narrow", *words, "--json").json()
        return texts(found)

    assert asked("--grep", "line 2") == ["line 2", *(f"line {number}" for number in range(20, 30))]
    assert asked("--stream", "stderr") == ["trouble 1"]
    assert asked("--since", "1h", "--grep", "trouble") == ["trouble 1"]
    assert asked("--until", "1h") == []
    assert asked("--since", "2999-01-01") == []
    assert asked("--snapshot", "9.9.9") == []
    drone = owner.jitsu("logs", "narrow", "--grep", "trouble", "--json").json()[0]["drone"]
    assert asked("--drone", drone, "--grep", "line 30") == ["line 30"]
    assert owner.jitsu("logs", "narrow", "--grep", "trouble", "--raw").out == "trouble 1\n"
    empty = owner.jitsu("logs", "narrow", "--grep", "no such words")
    assert (empty.code, empty.out, "nothing of that kind" in empty.err) == (0, "", True)
    for wrong in ("yesterday-ish", "5x", "2h30"):
        told = owner.jitsu("logs", "narrow", "--since", wrong)
        assert (told.code, "for instance 15m, 2h" in told.err) == (2, True)
    assert owner.jitsu("logs", "narrow", "--stream", "nonsense").code == 2


def test_all(owner: Person, shared_platform: LocalPlatform) -> None:
    """The lines of all apps come together, each with its app, oldest first."""
    put(shared_platform, "one", "console.log('from one');" + TALK)
    put(shared_platform, "two", "console.log('from two');" + TALK)
    for name in ("one", "two"):
        wait_for(owner, name, "evil")
    rows = owner.jitsu("logs", "all", "1000", "--json").json()
    assert list(rows[0]) == ["time", "app", "drone", "snapshot", "stream", "text"]
    assert {("one", "from one"), ("two", "from two")} <= {(row["app"], row["text"]) for row in rows}
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    found = owner.jitsu("logs", "all", "--grep", "from one").out
    assert re.fullmatch(r"\S+ one \S+  from one\n", found)


def test_no_terminal_obeys_an_app(owner: Person, shared_platform: LocalPlatform) -> None:
    """What an app prints to move the cursor or rename the window is shown, not done."""
    put(shared_platform, "evil")
    wait_for(owner, "evil", "evil")
    for words in (["logs", "evil"], ["logs", "evil", "--raw"], ["logs", "all"]):
        shown = left(owner.sit(*words, columns=200))
        assert "\x1b[2J" not in shown
        assert "\x07" not in shown
        assert "\\x1b]0;owned" in shown


def following(owner: Person, *words: str) -> pexpect.spawn:
    """A tail in a terminal."""
    return owner.sit("logs", *words, columns=200)


@pytest.mark.parametrize(
    "words", [["tail", "followed"], ["-f", "followed"], ["--raw", "tail", "followed", "5"]]
)
def test_tail(words: list[str], owner: Person, shared_platform: LocalPlatform) -> None:
    """The past comes first, then what is printed now, until ^C ends it at once and without a word."""
    put(shared_platform, "followed")
    wait_for(owner, "followed", "evil")
    terminal = following(owner, *words)
    terminal.expect("evil")
    shared_platform.get("followed", "/now")
    terminal.expect("asked /now")
    began = time.monotonic()
    terminal.kill(signal.SIGINT)
    rest = left(terminal)
    assert time.monotonic() - began < 2
    assert (terminal.exitstatus, "error" in rest) == (130, False)
    shared_platform.call("DELETE", f"/apps/{shared_platform.user}/followed")


def test_tail_for_scripts(owner: Person, shared_platform: LocalPlatform) -> None:
    """With --json every line is an object of its own; a reader that leaves ends it quietly."""
    put(shared_platform, "scripted")
    wait_for(owner, "scripted", "evil")
    line = " ".join([*JITSU, "logs", "tail", "scripted", "--json", "--grep", "asked", "10"])
    child = subprocess.Popen(
        ["bash", "-c", f"set -o pipefail; {line} | head -n 2"],
        cwd=owner.folder,
        env=owner.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for number in range(60):
        if child.poll() is not None:
            break
        shared_platform.get("scripted", f"/{number}")
        time.sleep(0.2)
    out, err = child.communicate(timeout=20)
    assert (child.returncode, err) == (0, "")
    first, second = (json.loads(one) for one in out.splitlines())
    assert list(first) == ["time", "app", "drone", "snapshot", "stream", "text"]
    assert (first["text"][:5], second["text"][:5]) == ("asked", "asked")


def test_tail_of_nothing(owner: Person) -> None:
    """No such app is 4 with the near one's name; an app that goes away ends its tail with 4."""
    assert owner.jitsu("logs", "tail", "nosuch").code == 4
    assert owner.jitsu("logs", "tail").code == 2
    assert owner.jitsu("logs", "tail", "x", "y").code == 2


def test_tail_outlives_a_restart_of_the_platform(tmp_path: Path, person: Person) -> None:
    """When the platform is replaced the tail goes on where it was: no line twice, none left out."""
    with LocalPlatform(tmp_path / "home") as platform:
        put(platform, "lasting")
        person.more |= {"JITSU_HOST": platform.status.api, "JITSU_USERNAME": platform.user}
        person.more |= {"JITSU_TOKEN": platform.token}
        terminal = person.sit("logs", "tail", "lasting", "--grep", "asked", columns=200)
        platform.get("lasting", "/before")
        terminal.expect("asked /before")
        run.restart(platform.home)
        platform.get("lasting", "/between")
        terminal.expect("asked /between", timeout=30)
        platform.get("lasting", "/after")
        terminal.expect("asked /after")
        terminal.kill(signal.SIGINT)
        assert "asked /before" not in left(terminal)


def test_tail_takes_a_broken_line_up_again(person: Person) -> None:
    """A connection that breaks is made again behind the last line; the break is said once."""
    asked: list[str] = []

    def respond(request: Request) -> Reply:
        asked.append(request.path)
        if len(asked) > 3:
            return answer({"error": "not_found", "message": "Gone."}, 404)
        number = len(asked)
        line = {"event": "line", "id": number, "time": 1, "description": f"line {number}"}
        content = [json.dumps(line).encode() + b"\n", b'{"event": "ping"}\n']
        return Reply(200, content, {**POWERED, "content-type": "application/x-ndjson"}, cut=number == 1)

    with serving(respond) as running:
        person.more |= {"JITSU_HOST": running.url, "JITSU_USERNAME": "ada", "JITSU_TOKEN": "t0ken"}
        done = person.jitsu("logs", "tail", "shop", "--raw")
    assert (done.code, done.out) == (4, "line 1\nline 2\nline 3\n")
    assert [path.partition("?")[2] for path in asked[:4]] == ["rows=10", "after=1", "after=2", "after=3"]
    assert done.err.count("connecting again") == 1


class Kept(Silent):
    """Keeps the warnings."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def warn(self, text: str) -> None:
        self.told.append(text)


def test_a_silent_connection_counts_as_lost() -> None:
    """What a sleep or a dead network leaves, a connection without a word, is given up and made anew."""
    over = threading.Event()
    asked: list[str] = []

    def respond(request: Request) -> Reply:
        asked.append(request.path.partition("?")[2])
        line = {"event": "line", "id": len(asked), "time": 1, "description": f"line {len(asked)}"}

        def content() -> Iterator[bytes]:
            yield json.dumps(line).encode() + b"\n"
            over.wait(60)

        return Reply(200, content(), {**POWERED, "content-type": "application/x-ndjson"})

    reporter = Kept()
    with serving(respond) as running, Client(running.url, "ada", "t0ken") as client:
        lines = follow(client, "shop", 10, reporter, {}, silence=0.5, pause=lambda _seconds: None)
        texts_seen = [next(lines).text for _ in range(3)]
        lines.close()  # type: ignore[attr-defined]
        over.set()
    assert texts_seen == ["line 1", "line 2", "line 3"]
    assert asked == ["rows=10", "after=1", "after=2"]
    assert "connecting again" in reporter.told[0]


@pytest.mark.parametrize("words", [["tail", "quiet"], ["all", "-f", "--grep", "only words"]])
def test_a_reader_that_leaves_ends_a_quiet_tail(
    words: list[str], owner: Person, shared_platform: LocalPlatform
) -> None:
    """`| head -n 1` of an app that prints no more: it ends when head does, not with the next line."""
    put(
        shared_platform, "quiet", "console.log('only words');" + TALK.replace("console.log('asked", "('asked")
    )
    wait_for(owner, "quiet", "evil")
    line = " ".join([*JITSU, "logs", *(f"'{word}'" for word in words)])
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line} | head -n 1"],
        cwd=owner.folder,
        env=owner.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", 1)
    assert shared_platform.call("DELETE", f"/apps/{shared_platform.user}/quiet").ok


def test_an_interrupted_pipe(owner: Person, shared_platform: LocalPlatform) -> None:
    """^C ends a tail into a pipe with 130 and without a word, also while nothing is printed."""
    put(shared_platform, "stopped-by-hand")
    wait_for(owner, "stopped-by-hand", "evil")
    child = subprocess.Popen(
        [*JITSU, "logs", "tail", "stopped-by-hand", "--raw", "--grep", "trouble"],
        cwd=owner.folder,
        env=owner.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "trouble 1\n"
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=30)
    assert (child.returncode, out, err) == (130, "", "")


COLOURS = """
console.log('\\u001b[31mred\\u001b[39m and \\u001b]0;owned\\u0007\\u001b[2Jevil')
require('http').createServer((q, r) => r.end('ok')).listen(80)
"""


def test_colours_and_escapes(owner: Person, shared_platform: LocalPlatform) -> None:
    """A terminal gets an app's colours and nothing else it would obey; a pipe gets neither, unless --raw."""
    put(shared_platform, "colours", COLOURS)
    wait_for(owner, "colours", "evil")
    shown = left(owner.sit("logs", "colours", "--grep", "evil", columns=200))
    assert "\x1b[31mred\x1b[39m and " in shown
    for words in (["colours"], ["colours", "--raw"], ["all", "--grep", "owned"]):
        told = left(owner.sit("logs", *words, columns=200))
        assert "\\x1b]0;owned\\x07\\x1b[2Jevil" in told
        assert not re.search(r"\x1b\]|\x07|\x1b\[2J", told)
    assert "\x1b[31m" not in left(owner.sit("logs", "colours", "--no-colors", columns=200))
    piped = owner.jitsu("logs", "colours", "--grep", "evil").out
    assert piped.endswith("red and \\x1b]0;owned\\x07\\x1b[2Jevil\n")
    assert "\x1b" not in piped
    exact = owner.jitsu("logs", "colours", "--grep", "evil", "--raw").out
    assert exact == "\x1b[31mred\x1b[39m and \x1b]0;owned\x07\x1b[2Jevil\n"


def test_drones_are_told_apart(owner: Person, shared_platform: LocalPlatform) -> None:
    """On a terminal each drone's name has a colour of its own."""
    put(shared_platform, "pair", "console.log('here');" + TALK)
    assert owner.jitsu("scale", "pair", "2").code == 0
    deadline = time.monotonic() + 20
    while owner.jitsu("logs", "pair", "--raw", "--grep", "here").out != "here\nhere\n":
        assert time.monotonic() < deadline
    shown = left(owner.sit("logs", "pair", "--grep", "here", columns=200))
    heads = re.findall(r"\x1b\[(\d+)m(\S+)\x1b\[0m  here", shown)
    assert len({colour for colour, _ in heads}) == len({drone for _, drone in heads}) == 2


def test_the_newest_snapshot_and_secrets(owner: Person, shared_platform: LocalPlatform) -> None:
    """Without a filter the lines are the newest snapshot's; --redact stars the values of its variables."""
    code = "console.log('key: ' + process.env.KEY);" + TALK
    put(shared_platform, "versions", code)
    wait_for(owner, "versions", "key: undefined")
    assert owner.jitsu("env", "set", "--app", "versions", "KEY=sentinel-value").code == 0
    files = {**hello("versions", version="0.2.0"), "server.js": code}
    assert shared_platform.call(
        "POST", f"/apps/{shared_platform.user}/snapshots/0.2.0", data=archive(files)
    ).ok
    wait_for(owner, "versions", "key: sentinel-value")
    plain = owner.jitsu("logs", "versions").out
    assert ("key: sentinel-value" in plain, "key: undefined" in plain) == (True, False)
    assert "key: undefined" in owner.jitsu("logs", "versions", "--since", "1h").out
    for words in (["versions"], ["all", "1000"], ["versions", "--snapshot", "0.2.0"], ["all", "--json"]):
        told = owner.jitsu("logs", *words, "--redact").out
        assert ("key: ***" in told, "sentinel" in told) == (True, False), words
