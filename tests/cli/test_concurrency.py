"""The user's files under fire: many writers, kills in the middle, full and closed disks, open umasks."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.cli.people import JITSU, Done

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.people import Person

pytestmark = pytest.mark.slow

WRITERS = 20


def run(
    person: Person, *words: str, before: tuple[str, ...] = (), prepare: Callable[[], object] | None = None
) -> Done:
    """Run a command line below another program, or in a process that was prepared."""
    return person.run([*before, *JITSU, *words], preexec_fn=prepare)


def strace() -> str:
    """The tracer, where it is there and may be used."""
    found = shutil.which("strace")
    tried = found and subprocess.run([found, "true"], capture_output=True, check=False).returncode == 0
    if not found or not tried:
        pytest.skip("strace is not installed or may not trace here")
    return found


def test_twenty_writers(person: Person) -> None:
    """Twenty command lines that set values at once lose none, and leave no half-written file."""

    def write(number: int) -> int:
        words = ["config", "set", "username", f"user{number}", "--profile", f"p{number}"]
        return person.jitsu(*words, timeout=120).code

    with ThreadPoolExecutor(WRITERS) as pool:
        assert list(pool.map(write, range(WRITERS))) == [0] * WRITERS
    for number in range(WRITERS):
        text = person.config.read_text()
        assert f'[profiles.p{number}]\nusername = "user{number}"\n' in text
    assert {path.name for path in person.config.parent.iterdir()} == {"config.toml", "config.toml.lock"}


def test_readers_never_see_half_a_file(person: Person) -> None:
    """While others write, every read finds a whole file."""
    assert person.jitsu("config", "set", "host", "a.example").code == 0

    def act(number: int) -> Done:
        if number % 2:
            return person.jitsu("config", "set", "timeout", str(number), timeout=120)
        return person.jitsu("config", "get", "host", timeout=120)

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(act, range(16)))
    assert {one.code for one in done} == {0}
    assert {one.out for one in done[::2]} == {"https://a.example\n"}


def test_files_are_private_whatever_the_umask(person: Person) -> None:
    """With an umask that hides nothing, files are 0600 and folders 0700."""
    done = run(person, "config", "set", "host", "a.example", prepare=lambda: os.umask(0))
    assert done.code == 0
    assert person.config.parent.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in person.config.parent.iterdir()} == {0o600}


def test_files_are_private_from_their_first_byte(person: Person) -> None:
    """Seen from the kernel, every file is made with 0600; none is opened wider and narrowed afterwards."""
    log = person.folder / "trace"
    before = (
        strace(),
        "-f",
        "-y",
        "-o",
        str(log),
        "-e",
        "trace=open,openat,creat,chmod,fchmod,fchmodat,mkdir",
    )
    assert run(person, "config", "set", "host", "a.example", before=before).code == 0
    lines = [line for line in log.read_text().splitlines() if str(person.config.parent) in line]
    made = [line for line in lines if "O_CREAT" in line or "creat(" in line]
    assert len(made) == 2
    assert all("0600" in line for line in made), made
    assert not [line for line in lines if "chmod" in line]
    assert all("0700" in line for line in lines if "mkdir" in line and " = 0" in line)


@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_a_kill_in_the_middle_leaves_the_old_file(call: str, person: Person) -> None:
    """A writer killed before its file is in place changes nothing; the next one works and clears up."""
    tracer = strace()
    assert person.jitsu("config", "set", "host", "a.example").code == 0
    before = person.config.read_bytes()
    names = f"{call},{call}at,{call}at2" if call == "rename" else call
    # With an error beside the signal the call itself is not made.
    inject = ("-f", "-o", "/dev/null", "-e", f"inject={names}:signal=KILL:error=EINTR")
    killed = run(person, "config", "set", "host", "b.example", before=(tracer, *inject))
    assert killed.code != 0
    assert person.config.read_bytes() == before
    assert person.jitsu("config", "get", "host").out == "https://a.example\n"
    assert [path for path in person.config.parent.iterdir() if path.name.endswith(".new")]
    assert person.jitsu("config", "set", "timeout", "9").code == 0
    assert {path.name for path in person.config.parent.iterdir()} == {"config.toml", "config.toml.lock"}


def unwritable(person: Person, done: Done, what: str) -> None:
    """The error is one sentence that names the file and the reason."""
    assert done.code == 2, done.err
    assert f"{person.config} cannot be written" in done.err
    assert re.search(what, done.err), done.err
    assert "Traceback" not in done.err


def test_a_disk_that_takes_nothing_more(person: Person) -> None:
    """Where not a byte can be written any more the old file stays, and the error names file and reason."""
    assert person.jitsu("config", "set", "host", "a.example").code == 0
    before = person.config.read_bytes()

    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    unwritable(person, run(person, "config", "set", "host", "b.example", prepare=full), "File too large")
    inject = ("-f", "-o", "/dev/null", "-e", "inject=fsync:error=ENOSPC")
    unwritable(
        person, run(person, "config", "set", "host", "b.example", before=(strace(), *inject)), "No space left"
    )
    assert person.config.read_bytes() == before
    assert {path.name for path in person.config.parent.iterdir()} == {"config.toml", "config.toml.lock"}


def test_a_folder_that_may_not_be_written(person: Person) -> None:
    """A folder that is closed to its owner is named; reading goes on to work."""
    assert person.jitsu("config", "set", "host", "a.example").code == 0
    (person.config.parent / "config.toml.lock").unlink()
    person.config.parent.chmod(0o500)
    obeying: tuple[str, ...] = ()
    if os.geteuid() == 0:
        # Root may write everywhere, unless that privilege is put down.
        if not (found := shutil.which("setpriv")):
            pytest.skip("run this as somebody else than root, or install setpriv (util-linux)")
        obeying = (found, "--inh-caps=-all", "--bounding-set=-dac_override,-fowner")
    try:
        denied = run(person, "config", "set", "host", "b.example", before=obeying)
        unwritable(person, denied, "Permission denied")
        assert run(person, "config", "get", "host", before=obeying).out == "https://a.example\n"
    finally:
        person.config.parent.chmod(0o700)


def test_a_read_only_file_system(person: Person) -> None:
    """A read-only disk is named as one."""
    inject = ("-f", "-o", "/dev/null", "-P", str(person.config.parent / "config.toml.lock"))
    person.config.parent.mkdir()
    before = (strace(), *inject, "-e", "inject=openat:error=EROFS")
    unwritable(person, run(person, "config", "set", "host", "b.example", before=before), "Read-only")


def test_a_writer_that_holds_on(person: Person) -> None:
    """A lock that another process holds is waited for, not for ever, and then named."""
    import fcntl

    assert person.jitsu("config", "set", "host", "a.example").code == 0
    with (person.config.parent / "config.toml.lock").open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = person.jitsu("config", "set", "host", "b.example")
    assert done.code == 2
    assert "another process holds" in done.err


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('host = "a.example"\ntimeout = \n', "line 2"),
        ("[profiles.work\n", "line 1"),
        ('host = "a"\n\n\nhost = "b"\n', "line 4"),
    ],
)
def test_broken_toml(text: str, where: str, person: Person) -> None:
    """A file that is no TOML is named with the line, by what reads it and by what would change it."""
    person.config.parent.mkdir()
    person.config.write_text(text)
    for words in (["config", "list"], ["config", "set", "color", "never"], ["whoami"]):
        done = person.jitsu(*words)
        assert done.code == 2
        assert str(person.config) in done.err
        assert where in done.err, done.err
    assert person.config.read_text() == text
