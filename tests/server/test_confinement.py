"""A confined program sees, uses and leaves no more than it may; every bound is met by a real process."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil
import pytest

from jitsu_py.server.confinement import (
    Confinement,
    Confiner,
    Excess,
    Limits,
    View,
    find_hierarchy,
    find_sandbox,
    mark_of,
)
from jitsu_py.server.confinement.measuring import size_of

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1024 * 1024

needs_sandbox = pytest.mark.skipif(
    not find_sandbox().program, reason=f"no sandbox on this machine: {find_sandbox().why}"
)
needs_groups = pytest.mark.skipif(
    find_hierarchy() is None, reason="control groups cannot be made by who runs these tests"
)
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

EATS = "a = []\nwhile True: a.append(bytearray(b'x' * (1 << 20)))"
"""Python that takes memory until it is ended."""

SLOW_EATER = "import time; a = bytearray(200 << 20); a[::512] = bytes(len(a) // 512); time.sleep(300)"


@dataclass
class World:
    """A state folder with things to hide, and one program's folder in it."""

    state: Path

    def __post_init__(self) -> None:
        self.work = self.state / "work" / "one"
        for folder in (self.work / "tmp", self.state / "work" / "other", self.state / "databases"):
            folder.mkdir(parents=True)
        for name in ("secret.key", "local-token", "state.db", "work/other/app.js", "databases/data"):
            (self.state / name).write_text("a secret")
        self.view = View(cwd=self.work, tmp=self.work / "tmp", writable=(self.work,))

    def confine(self, limits: Limits, *, groups: bool = True, sandbox: bool = True) -> Confinement:
        """A confinement with what this machine has, or with less."""
        confiner = Confiner(
            self.state, find_sandbox() if sandbox else None, find_hierarchy() if groups else None
        )
        return confiner.confine("test-1", limits, folder=self.work)

    def run(self, script: str, limits: Limits | None = None) -> subprocess.CompletedProcess[str]:
        """A shell script's whole life, confined with all that this machine has."""
        held = self.confine(limits or Limits())
        try:
            return subprocess.run(
                held.command(["/bin/sh", "-c", script], self.view),
                cwd=self.work,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        finally:
            held.end()


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A world of the test's own."""
    return World(tmp_path / "state")


def excess_of(held: Confinement, argv: list[str], cwd: Path) -> Excess:
    """Start a program and wait until it uses too much; it is ended then."""
    started = subprocess.Popen(held.command(argv), cwd=cwd, start_new_session=True)

    async def wait() -> Excess:
        return await asyncio.wait_for(held.excess(started.pid), 60)

    try:
        return asyncio.run(wait())
    finally:
        held.end()
        started.kill()
        started.wait()


@needs_sandbox
def test_the_state_folder_is_not_there(world: World) -> None:
    """Neither secrets nor other apps; only its own folder, which it may write to."""
    done = world.run(f"echo mine > mine; find {world.state} -type f; ls -A {world.state} {world.state}/work")
    assert done.stdout.split() == [
        *(f"{world.work}/mine",),
        *(f"{world.state}:", "work", f"{world.state}/work:", "one"),
    ], done.stderr
    assert (world.work / "mine").read_text() == "mine\n"
    assert world.run(f"echo x > {world.state}/new").returncode != 0
    assert not (world.state / "new").exists()


@needs_sandbox
def test_the_state_folder_is_hidden_wherever_it_lies(tmp_path: Path) -> None:
    """Also below a folder that everything may be seen of."""
    world = World(tmp_path / "seen" / "state")
    (tmp_path / "seen" / "program").write_text("")
    view = View(world.work, world.work / "tmp", (world.work,), readable=(tmp_path / "seen",))
    command = find_sandbox().command(["find", str(tmp_path), "-type", "f"], view, world.state)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == f"{tmp_path}/seen/program\n"


@needs_sandbox
def test_the_system_is_read_only_and_has_no_secrets(world: World, tmp_path: Path) -> None:
    """Programs are there; password hashes, homes, sockets and the kernel's switches are not."""
    (tmp_path / "elsewhere").write_text("another's")
    tried = (
        f"cat {tmp_path}/elsewhere",
        "cat /etc/shadow",
        "ls /root /home /var/lib /run /opt /srv",
        "touch /usr/x",
        "touch /etc/x",
        "touch /x",
        "echo 1 > /proc/sys/kernel/printk",
        "cat /proc/sys/kernel/core_pattern > /proc/sys/kernel/core_pattern",
        "mount -t tmpfs x /usr",
        "mknod /tmp/disk b 259 0",
    )
    done = world.run("\n".join(f"({one}) >/dev/null 2>&1 && echo '{one} worked'" for one in tried) + "\n:")
    assert done.stdout == ""
    done = world.run("test -r /etc/passwd && test -d /usr/bin && cat /proc/self/status")
    assert "CapEff:\t0000000000000000" in done.stdout


@needs_sandbox
def test_nobody_elses_processes(world: World) -> None:
    """It cannot see them, so it can neither signal them nor read their environment."""
    done = world.run("ls -d /proc/[0-9]*; kill -0 1 && echo one")
    seen = done.stdout.split()
    assert len(seen) <= 6, done.stdout


@needs_sandbox
def test_tmp_is_its_own(world: World) -> None:
    """What it leaves there lies in its folder, and goes with that."""
    assert world.run("echo x > /tmp/left; echo y > /var/tmp/too").returncode == 0
    assert sorted(path.name for path in (world.work / "tmp").iterdir() if path.is_file()) == ["left", "too"]


@needs_sandbox
def test_what_it_leaves_running_ends_with_it(world: World) -> None:
    """Also what went into a session of its own and let go of the pipes."""
    mark = f"9{os.getpid()}"
    done = world.run(f"setsid sleep {mark} >/dev/null 2>&1 </dev/null & sleep 0.2; echo started")
    assert done.stdout == "started\n"
    until = time.monotonic() + 20
    while any(mark in " ".join(one.info["cmdline"] or []) for one in psutil.process_iter(["cmdline"])):
        assert time.monotonic() < until
        time.sleep(0.05)


@needs_sandbox
def test_its_exit_is_told(world: World) -> None:
    """The exit code as it is; a signal as a shell tells it."""
    assert world.run("exit 7").returncode == 7
    assert world.run("kill -9 $$").returncode in {-9, 137}


def test_nothing_is_inherited(world: World) -> None:
    """No descriptor but the three, no core dumps, its place behind what serves visitors."""
    leaked = os.open(__file__, os.O_RDONLY)
    os.set_inheritable(leaked, True)
    try:
        limits = Limits(nice=10, expendable=True, open_files=100)
        done = world.run("ls /proc/self/fd; nice; ulimit -c; ulimit -n; cat /proc/self/oom_score_adj", limits)
    finally:
        os.close(leaked)
    # ls itself has the folder open.
    assert done.stdout.split()[:4] == ["0", "1", "2", "3"]
    assert done.stdout.split()[4:] == [str(os.nice(0) + 10), "0", "100", "800"], done.stderr


@needs_groups
def test_memory_is_bounded_by_the_kernel(world: World) -> None:
    """The one that takes too much is ended, and it is known why."""
    held = world.confine(Limits(memory=64 * MIB))
    assert held.is_grouped
    assert excess_of(held, [sys.executable, "-c", EATS], world.work) is Excess.MEMORY


def test_memory_is_watched_where_there_are_no_groups(world: World) -> None:
    """That of children counts; one that keeps within its bound is left alone."""
    held = world.confine(Limits(memory=100 * MIB), groups=False, sandbox=False)
    assert not held.is_grouped
    argv = ["/bin/sh", "-c", f"'{sys.executable}' -c '{SLOW_EATER}' & wait"]
    assert excess_of(held, argv, world.work) is Excess.MEMORY


@needs_groups
def test_processes_are_bounded(world: World) -> None:
    """A fork bomb runs into its bound, and is gone with its group."""
    done = world.run(
        "for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 60 & done; echo all",
        Limits(processes=15),
    )
    assert "all" not in done.stdout
    assert "fork" in done.stderr.lower()


@needs_root
def test_processes_are_bounded_without_groups(world: World) -> None:
    """For who is not root the system counts what the user runs."""
    script = (
        "import json, os, subprocess, sys\n"
        "from jitsu_py.server.confinement.launch import launched\n"
        "from jitsu_py.server.confinement import Limits\n"
        "os.setgroups([]); os.setgid(4242); os.setuid(4242)\n"
        "loop = 'for n in 1 2 3 4 5 6 7 8 9 10; do sleep 60 & done; echo all'\n"
        "command = launched(['/bin/sh', '-c', loop], Limits(processes=5), [])\n"
        "done = subprocess.Popen(command, cwd='/', stdout=-1, stderr=-1, text=True, start_new_session=True)\n"
        "said = done.stderr.readline(); os.killpg(done.pid, 9)\n"
        "print(json.dumps([done.stdout.read(), said]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    out, said = json.loads(done.stdout)
    assert (out, "fork" in said.lower()) == ("", True)


def test_a_folder_that_grows_too_large(world: World) -> None:
    """Its size is measured while it grows."""
    held = world.confine(Limits(disk=8 * MIB), sandbox=False)
    script = "n=0; while :; do head -c 1000000 /dev/zero > $n; n=$((n+1)); sleep 0.05; done"
    assert excess_of(held, ["/bin/sh", "-c", script], world.work) is Excess.DISK
    assert size_of(world.work) > 8 * MIB


def test_a_file_that_grows_too_large(world: World) -> None:
    """One file cannot be larger than all together may be, so none fills the disk between two looks."""
    world.run("head -c 50000000 /dev/zero > large", Limits(disk=8 * MIB))
    assert (world.work / "large").stat().st_size <= 8 * MIB


def test_the_platforms_reserve(world: World) -> None:
    """With less free than is the platform's own, whoever writes is ended."""
    held = world.confine(Limits(reserve=1 << 60), sandbox=False)
    assert excess_of(held, ["sleep", "60"], world.work) is Excess.RESERVE


@needs_groups
def test_use_is_told_and_ends(world: World) -> None:
    """Memory and processes while it runs; at the end no process and no group is left."""
    held = world.confine(Limits(memory=500 * MIB, processes=100, cpu=50))
    script = "setsid sleep 300 & sleep 300 & echo up; wait"
    started = subprocess.Popen(
        held.command(["/bin/sh", "-c", script]), stdout=subprocess.PIPE, start_new_session=True
    )
    assert started.stdout is not None
    with started.stdout:
        assert started.stdout.readline() == b"up\n"
        used = held.usage()
        assert (used.processes >= 3, used.memory > 0, used.killed) == (True, True, 0)
        pids = held.pids()
        assert started.pid in pids
        held.end()
        assert started.wait(20) == -9
    assert held.pids() == set()
    hierarchy = find_hierarchy()
    assert hierarchy is not None
    assert hierarchy.names(mark_of(world.state)) == []
    assert not any((root / mark_of(world.state)).exists() for root in hierarchy.roots.values())


@needs_groups
def test_a_group_that_uses_more_than_it_may_now_keeps_its_bound(world: World) -> None:
    """As a database's or drone's that a new server takes over; it is held all the same."""
    held = world.confine(Limits(memory=600 * MIB))
    running = subprocess.Popen(held.command([sys.executable, "-c", SLOW_EATER]))
    try:
        while held.usage().memory < 200 * MIB:
            time.sleep(0.01)
        assert not held.bound(100 * MIB)
        again = world.confine(Limits(memory=100 * MIB))
        assert again.is_grouped
        assert again.limits.memory == held.limits.memory == 600 * MIB
        assert again.bound(500 * MIB)
        assert running.poll() is None
    finally:
        held.end()
        running.wait(20)


@needs_groups
def test_one_that_runs_is_attached(world: World) -> None:
    """As an adopted drone is."""
    held = world.confine(Limits(memory=500 * MIB, processes=100))
    running = subprocess.Popen(["sleep", "300"])
    try:
        held.attach(running.pid)
        assert held.pids() == {running.pid}
    finally:
        held.end()
        assert running.wait(20) == -9


@needs_groups
def test_the_group_around_goes_with_the_last_in_it(world: World) -> None:
    """Each time, though the kernel takes a moment to let go of what lay in it; one in use stays."""
    hierarchy = find_hierarchy()
    assert hierarchy is not None
    places = [root / mark_of(world.state) for root in hierarchy.roots.values()]
    for _ in range(10):
        world.run("true", Limits(memory=64 * MIB, processes=50))
        assert not any(place.exists() for place in places)
    held = world.confine(Limits(memory=64 * MIB, processes=50, cpu=100))
    Confiner.of_this_machine(world.state).forget()
    assert all(place.is_dir() for place in places)
    held.end()
    assert not any(place.exists() for place in places)


@needs_groups
def test_what_a_killed_server_left_is_swept(world: World) -> None:
    """By the name of the state folder: the processes go, the groups go, those of others stay."""
    left, other = world.confine(Limits(processes=50)), World(world.state.with_name("other")).confine(Limits())
    running = [subprocess.Popen(one.command(["sleep", "300"])) for one in (left, other)]
    try:
        while not (left.pids() and other.pids()):
            time.sleep(0.01)
        again = Confiner.of_this_machine(world.state)
        assert again.sweep("build-") == 0
        assert again.sweep("test-") == 1
        assert running[0].wait(20) == -9
        assert running[1].poll() is None
    finally:
        other.end()
        for one in running:
            one.kill()
            one.wait()
