"""Which control groups a machine has is read from what its kernel tells; samples of both versions."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from jitsu_py.server.confinement import cgroups
from jitsu_py.server.confinement.cgroups import Hierarchy, hierarchy_of
from jitsu_py.server.confinement.limits import Limits

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

MOUNT = "30 24 0:26 / {place} rw,nosuid shared:4 - {kind} {kind} rw{options}\n"


def told(tmp_path: Path, mounts: str, own: str) -> Hierarchy | None:
    """What is made of these two files."""
    (tmp_path / "mountinfo").write_text(mounts)
    (tmp_path / "own").write_text(own)
    return hierarchy_of(tmp_path / "mountinfo", tmp_path / "own")


def second(folder: Path, *, controllers: str, control: str) -> Path:
    """A folder as the kernel makes one in a hierarchy of version 2."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cgroup.controllers").write_text(controllers)
    (folder / "cgroup.subtree_control").write_text(control)
    return folder


def test_version_1(tmp_path: Path) -> None:
    """A folder for each controller, some of them together."""
    places = {name: tmp_path / name for name in ("memory", "pids", "cpu,cpuacct")}
    for place in places.values():
        place.mkdir()
    mounts = "".join(
        MOUNT.format(place=place, kind="cgroup", options=f",{name}") for name, place in places.items()
    )
    found = told(tmp_path, mounts, "3:memory:/user\n2:pids:/\n1:cpu,cpuacct:/\n0::/\n")
    assert found is not None
    assert found.version == 1
    assert found.roots == {
        "memory": places["memory"],
        "pids": places["pids"],
        "cpu": places["cpu,cpuacct"],
    }


def test_version_2_is_delegated(tmp_path: Path) -> None:
    """The first group on the way to ours that has the controllers to give."""
    root = second(tmp_path / "root", controllers="cpuset", control="")
    ours = second(root / "user" / "session", controllers="memory pids cpu", control="memory pids cpu")
    second(root / "user", controllers="", control="")
    mounts = MOUNT.format(place=root, kind="cgroup2", options="")
    found = told(tmp_path, mounts, "0::/user/session\n")
    assert found == Hierarchy(2, {"memory": ours, "pids": ours, "cpu": ours})


def test_version_2_without_controllers(tmp_path: Path) -> None:
    """A hierarchy that gives no bounds is of no use; nor is a machine that has none."""
    root = second(tmp_path / "root", controllers="hugetlb", control="")
    assert told(tmp_path, MOUNT.format(place=root, kind="cgroup2", options=""), "0::/\n") is None
    assert told(tmp_path, "", "") is None
    assert hierarchy_of(tmp_path / "nothing", tmp_path / "nothing") is None


def test_version_2_where_the_server_is_in_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel refuses memory to a group with processes, and not the rest: then nothing is asked for."""
    ours = second(tmp_path / "root", controllers="cpu memory pids", control="")
    written: list[str] = []

    def refusing(file: Path, text: str) -> None:
        if "+memory" in text:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        written.append(f"{file.name} {text}")

    monkeypatch.setattr(cgroups, "write", refusing)
    assert told(tmp_path, MOUNT.format(place=ours, kind="cgroup2", options=""), "0::/\n") is None
    assert written == []


def test_version_2_gives_what_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory and processes at once; the processors beside them where they can be had."""
    ours = second(tmp_path / "root", controllers="cpu memory pids", control="")

    def granting(file: Path, text: str) -> None:
        file.write_text(" ".join([file.read_text(), *text.replace("+", "").split()]))

    monkeypatch.setattr(cgroups, "write", granting)
    found = told(tmp_path, MOUNT.format(place=ours, kind="cgroup2", options=""), "0::/\n")
    assert found == Hierarchy(2, dict.fromkeys(("memory", "pids", "cpu"), ours))


def test_bounds_of_version_2(tmp_path: Path) -> None:
    """Each bound by the file that the kernel has for it; all processes end together."""
    files = {
        "memory.max": "1048576",
        "memory.swap.max": "0",
        "memory.oom.group": "1",
        "pids.max": "20",
        "cpu.weight": "50",
    }
    folder = tmp_path / "parent" / "one"
    folder.mkdir(parents=True)
    for name in (*files, "cgroup.procs"):
        (folder / name).write_text("")
    (folder / "memory.events").write_text("low 0\noom 1\noom_kill 3\n")
    group = Hierarchy(2, dict.fromkeys(("memory", "pids", "cpu"), tmp_path)).group("parent", "one")
    group.make(Limits(memory=1048576, processes=20, cpu=50))
    assert {name: (folder / name).read_text() for name in files} == files
    assert group.entrances == [folder / "cgroup.procs"]
    assert group.killed() == 3
