"""`jitsu env` on a real platform: what is set, hidden, refused, and when it counts."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.cli.people import left
from tests.platforms import archive, hello

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.people import Person
    from tests.platforms import LocalPlatform

pytestmark = pytest.mark.slow

ENV = "require('http').createServer((q, r) => r.end(process.env.GREETING || 'none')).listen(80)"


def made(platform: LocalPlatform, name: str, **env: str) -> None:
    """Have an app that was never deployed."""
    answer = platform.call("POST", f"/apps/{platform.user}", {"name": name, "env": env})
    assert answer.status_code == 201, answer.text


def stored(platform: LocalPlatform, name: str) -> dict[str, str]:
    """The variables as the platform has them."""
    found: dict[str, str] = platform.call("GET", f"/apps/{platform.user}/{name}").json()["app"]["env"]
    return found


def test_list_and_get(owner: Person, shared_platform: LocalPlatform) -> None:
    """A list hides values unless --show; get gives one as it is; the shapes of both are pinned."""
    made(shared_platform, "seen", KEY="sentinel", OTHER="two words", EMPTY="")
    listed = owner.jitsu("env", "list", "seen")
    assert listed.out.splitlines()[0].split() == ["KEY", "VALUE"]
    assert "sentinel" not in listed.out + listed.err
    assert "(hidden)" in listed.out
    assert owner.jitsu("env", "ls", "seen", "--json").json()[1] == {
        "key": "KEY",
        "value": None,
        "hidden": True,
        "database": None,
    }
    shown = owner.jitsu("env", "list", "seen", "--show", "--json").json()
    assert shown[1] == {"key": "KEY", "value": "sentinel", "hidden": False, "database": None}
    assert owner.jitsu("env", "get", "seen", "OTHER").out == "two words\n"
    assert owner.jitsu("env", "get", "EMPTY", "--app", "seen").out == "\n"
    user = shared_platform.user
    answer = owner.jitsu("env", "get", "-a", f"{user}/seen", "KEY", "--json").json()
    assert answer == {"app": "seen", "user": user, "key": "KEY", "value": "sentinel"}
    near = owner.jitsu("env", "get", "seen", "KYE", "--json").error()
    assert (near["exit_code"], near["hint"]) == (4, "did you mean KEY?")
    assert owner.jitsu("env", "list", "sene", "--json").error()["hint"] == "did you mean seen?"
    assert owner.jitsu("env", "get").code == 2
    assert owner.jitsu("env", "get", "a", "B", "C").code == 2


def test_nothing_to_list(owner: Person, shared_platform: LocalPlatform) -> None:
    """An app without variables is an empty list, and a word on stderr says how to set one."""
    made(shared_platform, "bare")
    listed = owner.jitsu("env", "list", "bare")
    assert (listed.code, listed.out) == (0, "")
    assert "env set" in listed.err
    assert owner.jitsu("env", "list", "bare", "--json").json() == []


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["A=1", "B=two words", "C="], {"A": "1", "B": "two words", "C": ""}),
        (["URL", "redis://h?a=b"], {"URL": "redis://h?a=b"}),
        (["URL=redis://h?a=b"], {"URL": "redis://h?a=b"}),
        (["KEEP=new"], {"KEEP": "new"}),
        (["N=-1"], {"N": "-1"}),
    ],
)
def test_set(words: list[str], wanted: dict[str, str], owner: Person, shared_platform: LocalPlatform) -> None:
    """Pairs or, as of old, a key and a value are set for the folder's app; the others stay."""
    name = f"set-{abs(hash(tuple(words))) % 10**8}"
    made(shared_platform, name, KEEP="old")
    (owner.folder / "package.json").write_text(json.dumps({"name": name}))
    done = owner.jitsu("env", "set", *words)
    assert (done.code, done.out) == (0, ""), done.err
    assert "when it starts" in done.err
    assert stored(shared_platform, name) == {"KEEP": "old", **wanted}


def test_set_of_a_named_app(owner: Person, shared_platform: LocalPlatform) -> None:
    """The app may stand first, before pairs or before KEY VALUE as of old, or behind --app."""
    made(shared_platform, "named")
    for words in (["named", "A=1", "B=2"], ["named", "C", "3=3"], ["--app", "named", "D", "4"]):
        assert owner.jitsu("env", "set", *words).code == 0, words
    assert stored(shared_platform, "named") == {"A": "1", "B": "2", "C": "3=3", "D": "4"}
    answer = owner.jitsu("env", "set", "--app", "named", "A=9", "B=2", "--json").json()
    assert answer == {
        "app": "named",
        "user": shared_platform.user,
        "set": ["A"],
        "deleted": [],
        "restarted": False,
        "pending": False,
    }
    assert "no changes" in owner.jitsu("env", "set", "-a", "named", "A=9").err


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["A=1", "sentinel"],
        ["wrong", "A=1"],
        ["=sentinel"],
        ["a", "b", "c", "d=1"],
        ["x", "A=1", "B=2", "--app", "wrong"],
        ["--stdin", "A=sentinel"],
        ["--stdin", "a", "b", "c"],
        ["--from-file", "nothing.env"],
        ["--from-file", "."],
        ["KEY"],
    ],
)
def test_set_refuses(words: list[str], owner: Person, shared_platform: LocalPlatform) -> None:
    """What cannot be understood sets nothing, and no error repeats what may be a secret."""
    if not shared_platform.call("GET", f"/apps/{shared_platform.user}/wrong").ok:
        made(shared_platform, "wrong")
    (owner.folder / "package.json").write_text('{"name": "wrong"}')
    done = owner.jitsu("env", "set", *words, stdin="")
    assert done.code == 2, done.err
    assert "sentinel" not in done.err
    assert stored(shared_platform, "wrong") == {}


def test_set_from_elsewhere(owner: Person, shared_platform: LocalPlatform) -> None:
    """Files and stdin hold what should not stand in the shell's history; later ones win, pairs over all."""
    made(shared_platform, "fed")
    (owner.folder / ".env").write_text("# words\nexport A='x y'\nB=${A} # no\nC=\"1\\n2\"\n\nD=d\n")
    (owner.folder / "more.json").write_text('{"D": 4, "E": true}')
    words = ["--from-file", ".env", "--from-file", "more.json", "F=f"]
    assert owner.jitsu("env", "set", "-a", "fed", *words).code == 0
    wanted = {"A": "x y", "B": "${A}", "C": "1\n2", "D": "4", "E": "true", "F": "f"}
    assert stored(shared_platform, "fed") == wanted
    assert owner.jitsu("env", "set", "-a", "fed", "--stdin", stdin="A=from stdin\n").code == 0
    assert owner.jitsu("env", "set", "fed", "PEM", "--stdin", stdin="--\nkey \n--\n").code == 0
    assert stored(shared_platform, "fed") == {**wanted, "A": "from stdin", "PEM": "--\nkey \n--"}


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("x.env", "A=1\n\nthis is no pair: sentinel\n", "line 3"),
        ("x.env", "A\n", "line 1"),
        ("x.json", '{"A": ["sentinel"]}', "A is a list"),
        ("x.json", '{"A": null}', "A is nothing"),
        ("x.json", '{"A": "sentinel"', "line 1"),
        ("x.env", "A='sentinel", "line 1"),
    ],
)
def test_files_that_cannot_be_read(
    name: str, content: str, told: str, owner: Person, shared_platform: LocalPlatform
) -> None:
    """A bad file names its line or key, never its content, and sets nothing."""
    if not shared_platform.call("GET", f"/apps/{shared_platform.user}/badly").ok:
        made(shared_platform, "badly")
    (owner.folder / name).write_text(content)
    done = owner.jitsu("env", "set", "-a", "badly", "--from-file", name)
    assert done.code == 2
    assert told in done.err
    assert "sentinel" not in done.err
    assert stored(shared_platform, "badly") == {}


def test_odd_bytes(owner: Person, shared_platform: LocalPlatform) -> None:
    """Bytes that are no text, zero bytes and endless files are refused; any other text survives the way."""
    made(shared_platform, "odd")
    (owner.folder / "bytes.env").write_bytes(b"A=\xff\n")
    (owner.folder / "huge.env").write_bytes(b"A=" + b"x" * 2_000_000)
    (owner.folder / "zero.json").write_text('{"A": "\\u0000"}')
    for name in ("bytes.env", "huge.env", "zero.json"):
        assert owner.jitsu("env", "set", "-a", "odd", "--from-file", name).code == 2
    assert owner.jitsu("env", "set", "-a", "odd", "A=\udcff").code == 2
    odd = "ü'\"\\ $(x) `y` \t# \x1b[2J 🎉"
    assert owner.jitsu("env", "set", "-a", "odd", f"A={odd}").code == 0
    assert owner.jitsu("env", "get", "odd", "A").out == odd + "\n"
    assert "\x1b[2J" not in left(owner.sit("env", "list", "odd", "--show"))


def test_a_key_alone_asks_unseen(owner: Person, shared_platform: LocalPlatform) -> None:
    """On a terminal a key alone asks for its value and shows nothing of it."""
    made(shared_platform, "asked")
    terminal = owner.sit("env", "set", "SECRET", "--app", "asked")
    terminal.expect("Value of SECRET: ")
    terminal.sendline("sentinel")
    assert "sentinel" not in left(terminal)
    assert stored(shared_platform, "asked") == {"SECRET": "sentinel"}


def test_delete_and_clear(owner: Person, shared_platform: LocalPlatform) -> None:
    """One goes by its key, several behind a flag, all after a question whose default is no."""
    made(shared_platform, "shrinks", A="1", B="2", C="3", D="4", E="5")
    assert owner.jitsu("env", "delete", "shrinks", "A").code == 0
    assert owner.jitsu("env", "rm", "-a", "shrinks", "B", "C", "--json").json()["deleted"] == ["B", "C"]
    assert owner.jitsu("env", "delete", "shrinks", "A").code == 4
    assert owner.jitsu("env", "delete", "-a", "shrinks", "D", "X").code == 4
    assert owner.jitsu("env", "clear", "shrinks").code == 2
    for word, code, rest in (("", 2, {"D": "4", "E": "5"}), ("y", 0, {})):
        terminal = owner.sit("env", "clear", "shrinks")
        terminal.expect("deletes 2 variables of shrinks. Delete them")
        terminal.sendline(word)
        left(terminal)
        assert (terminal.exitstatus, stored(shared_platform, "shrinks")) == (code, rest)
    assert owner.jitsu("env", "clear", "shrinks", "--json").json()["deleted"] == []


@pytest.mark.parametrize("file", ["env.json", "prod.env"])
def test_save_and_load(file: str, owner: Person, shared_platform: LocalPlatform) -> None:
    """What save writes, for its owner's eyes only, load puts back, replacing everything after a yes."""
    name = f"kept-{file.partition('.')[2]}"
    variables = {"A": 'it\'s "1" \\n', "B": "two\nlines", "C": "", "D": "#$'`"}
    made(shared_platform, name, **variables)
    saved = owner.jitsu("env", "save", name, file)
    assert (saved.code, saved.out) == (0, f"{file}\n"), saved.err
    target: Path = owner.folder / file
    assert target.stat().st_mode & 0o777 == 0o600
    if file == "env.json":
        assert json.loads(target.read_text()) == variables
    assert owner.jitsu("env", "save", name, file).code == 2, "an existing file is asked about"
    answer = owner.jitsu("env", "save", name, file, "--yes", "--json").json()
    assert sorted(answer) == ["app", "file", "keys", "user"]
    shared_platform.call("PUT", f"/apps/{shared_platform.user}/{name}", {"env": {"A": "x", "Z": "z"}})
    refused = owner.jitsu("env", "load", name, file)
    assert refused.code == 2
    assert "A, Z" in refused.err
    assert stored(shared_platform, name) == {"A": "x", "Z": "z"}
    loaded = owner.jitsu("env", "load", file, "--app", name, "--yes", "--json").json()
    assert (loaded["set"], loaded["deleted"]) == (["A", "B", "C", "D"], ["Z"])
    assert stored(shared_platform, name) == variables


def test_a_file_without_a_dot(owner: Person, shared_platform: LocalPlatform) -> None:
    """Where --dir or --app tells the app, the only word is the file, whatever it looks like."""
    made(shared_platform, "plainly", A="1")
    (owner.folder / "here").mkdir()
    (owner.folder / "here" / "package.json").write_text('{"name": "plainly"}')
    assert owner.jitsu("env", "save", "variables", "--dir", "here").out == "variables\n"
    assert owner.jitsu("env", "load", "variables", "--dir", "here").code == 0
    assert owner.jitsu("env", "load", "variables", "--app", "plainly").code == 0


def test_when_it_counts(owner: Person, shared_platform: LocalPlatform) -> None:
    """A running app sees a change after a restart: --restart does it, else it is said."""
    files = {**hello("counts"), "server.js": ENV}
    path = f"/apps/{shared_platform.user}/snapshots/0.1.0"
    assert shared_platform.call("POST", path, data=archive(files)).ok
    pending = owner.jitsu("env", "set", "counts", "GREETING=one", "X=1")
    assert "jitsu restart counts" in pending.err
    assert shared_platform.get("counts").text == "none"
    assert owner.jitsu("env", "set", "counts", "GREETING=two", "X=1", "--restart").code == 0
    assert shared_platform.get("counts").text == "two"
    answer = owner.jitsu("env", "delete", "counts", "GREETING", "--restart", "--json").json()
    assert (answer["restarted"], answer["pending"]) == (True, False)
    assert shared_platform.get("counts").text == "none"


def test_a_restart_that_fails(owner: Person, shared_platform: LocalPlatform) -> None:
    """When the app does not come up with the new variables the code is 8 and what served goes on."""
    files = {**hello("fragile"), "server.js": f"if (process.env.BREAK) process.exit(3); {ENV}"}
    path = f"/apps/{shared_platform.user}/snapshots/0.1.0"
    assert shared_platform.call("POST", path, data=archive(files)).ok
    broken = owner.jitsu("env", "set", "fragile", "BREAK=1", "X=1", "--restart")
    assert broken.code == 8
    assert "the variables are kept" in broken.err
    assert shared_platform.get("fragile").text == "none"


def test_many_at_once_lose_nothing(owner: Person, shared_platform: LocalPlatform) -> None:
    """Command lines that set and delete variables of one app at the same moment all have their way."""
    made(shared_platform, "shared", **{f"OLD_{number}": "x" for number in range(4)})

    def change(number: int) -> tuple[int, str]:
        words = ["delete", f"OLD_{number}"] if number < 4 else ["set", f"NEW_{number}=y"]
        done = owner.jitsu("env", *words, "--app", "shared")
        return done.code, done.err

    with ThreadPoolExecutor(6) as pool:
        told = list(pool.map(change, range(12)))
    assert {code for code, _ in told} == {0}, told
    assert stored(shared_platform, "shared") == {f"NEW_{number}": "y" for number in range(4, 12)}
