"""The archive: one gzip member, the same bytes for the same tree, honest about what cannot be read."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import resource
import subprocess
import sys
import tarfile
import tempfile
import threading
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitsu_py.errors import ProjectError, UsageError
from jitsu_py.project import gzipping, manifest, tarheader
from jitsu_py.project.archive import Archive, pack
from jitsu_py.project.packlist import PackFile, packlist
from tests.unit.project import trees


def _pack(folder: Path, target: Path) -> Archive:
    return pack(packlist(folder, manifest.read(folder)), folder, target, advance=lambda _done: None)


def _contents(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def _project(folder: Path) -> Path:
    files: dict[str, str | bytes] = {
        "a.js": "a",
        "bin/run": b"#!/bin/sh\n",
        "lib/é 日本😀.js": "x" * 1000,
        "big.bin": os.urandom(gzipping.BLOCK * 2 + 7),
        f"{'long/' * 60}{'n' * 200}.js": "deep",
        f"{'fits/' * 20}file.js": "prefix",
        "empty": "",
    }
    trees.write(folder, None, **files)
    (folder / "bin" / "run").chmod(0o755)
    return folder


def test_everything_is_in_below_package(tmp_path: Path) -> None:
    """Contents, modes and odd names come back whole, and the facts told of the archive are true."""
    folder, target = _project(tmp_path / "app"), tmp_path / "out.tgz"

    archive = _pack(folder, target)

    files = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
    assert _contents(target) == {f"package/{path}": content for path, content in files.items()}
    raw = target.read_bytes()
    assert archive == Archive(
        path=target,
        size=len(raw),
        sha256=hashlib.sha256(raw).hexdigest(),
        md5=hashlib.md5(raw, usedforsecurity=False).hexdigest(),
        files=len(files),
        content=hashlib.sha256(gzip.decompress(raw)).hexdigest(),
    )
    with tarfile.open(target) as tar:
        assert {(m.uid, m.gid, m.uname, m.gname, m.mtime, m.isfile()) for m in tar} == {
            (0, 0, "", "", 499162500, True)
        }
        assert {m.name: m.mode for m in tar if m.mode != 0o644} == {"package/bin/run": 0o755}


def test_it_is_one_gzip_member_without_name_or_time(tmp_path: Path) -> None:
    """A reader that stops after one member has everything."""
    raw = _pack(_project(tmp_path / "app"), tmp_path / "out.tgz").path.read_bytes()
    reader = zlib.decompressobj(16 + zlib.MAX_WBITS)

    assert reader.decompress(raw)[-1024:] == bytes(1024)
    assert (reader.eof, reader.unused_data) == (True, b"")
    assert raw[:10] == bytes.fromhex("1f8b08000000000000ff")


def test_node_and_tar_read_it(tmp_path: Path) -> None:
    """The two programs that will, next to ours."""
    target = _pack(_project(tmp_path / "app"), tmp_path / "out.tgz").path
    script = "process.stdout.write(require('zlib').gunzipSync(require('fs').readFileSync(process.argv[1])))"

    by_node = subprocess.run(["node", "-e", script, str(target)], check=True, capture_output=True).stdout
    names = subprocess.run(["tar", "tzf", str(target)], check=True, capture_output=True, text=True).stdout

    assert by_node == gzip.decompress(target.read_bytes())
    assert len(names.splitlines()) == len(_contents(target))


def test_the_same_tree_is_the_same_bytes(tmp_path: Path) -> None:
    """Another folder, other dates, other permissions that do not count, another order: no difference."""
    one = _project(tmp_path / "one")
    two = tmp_path / "elsewhere" / "two"
    for path in sorted((path for path in one.rglob("*") if path.is_file()), reverse=True):
        copy = two / path.relative_to(one)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
        copy.chmod(0o700 if path.stat().st_mode & 0o100 else 0o600)
        os.utime(copy, (1, 1))

    assert _pack(one, tmp_path / "1.tgz").sha256 == _pack(two, tmp_path / "2.tgz").sha256


def test_one_core_gives_the_same_bytes(tmp_path: Path) -> None:
    """How many threads compress does not show."""
    folder = _project(tmp_path / "app")
    many = _pack(folder, tmp_path / "1.tgz")
    script = (
        "import os, sys; from pathlib import Path; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "from jitsu_py.project import archive, manifest, packlist; f = Path(sys.argv[1]);"
        "files = packlist.packlist(f, manifest.read(f));"
        "print(archive.pack(files, f, Path(sys.argv[2]), advance=lambda n: None).sha256)"
    )

    alone = subprocess.run(
        [sys.executable, "-c", script, str(folder), str(tmp_path / "2.tgz")],
        check=True,
        capture_output=True,
        text=True,
    )

    assert alone.stdout.strip() == many.sha256


def test_a_changed_byte_a_name_or_a_mode_shows(tmp_path: Path) -> None:
    """Each gives another hash."""
    folder = _project(tmp_path / "app")
    hashes = [_pack(folder, tmp_path / "out.tgz").sha256]
    (folder / "a.js").write_text("b")
    hashes.append(_pack(folder, tmp_path / "out.tgz").sha256)
    (folder / "a.js").rename(folder / "c.js")
    hashes.append(_pack(folder, tmp_path / "out.tgz").sha256)
    (folder / "c.js").chmod(0o755)
    hashes.append(_pack(folder, tmp_path / "out.tgz").sha256)

    assert len(set(hashes)) == 4


def test_source_date_epoch_is_the_date_of_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is honoured, and refused where it is no time."""
    folder = _project(tmp_path / "app")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    with tarfile.open(_pack(folder, tmp_path / "out.tgz").path) as tar:
        assert {member.mtime for member in tar} == {1700000000}

    for wrong in ("soon", "-1", "1.5", "9" * 30, "١"):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", wrong)
        with pytest.raises(UsageError, match="SOURCE_DATE_EPOCH"):
            _pack(folder, tmp_path / "out.tgz")


def test_progress_adds_up_to_the_files_sizes(tmp_path: Path) -> None:
    """The bytes told are the bytes read."""
    folder = _project(tmp_path / "app")
    files = packlist(folder, manifest.read(folder))
    told: list[int] = []

    pack(files, folder, tmp_path / "out.tgz", advance=told.append)

    assert sum(told) == sum(file.size for file in files)
    assert len(told) >= 3


def test_a_content_can_be_replaced_on_the_way(tmp_path: Path) -> None:
    """What goes into the archive instead of a file leaves the file alone."""
    read = trees.write(tmp_path / "app", None, **{"a.js": "disk"})
    files = packlist(tmp_path / "app", read)

    pack(
        files,
        tmp_path / "app",
        tmp_path / "x.tgz",
        advance=lambda _done: None,
        replaced={"a.js": b"other text"},
    )

    assert _contents(tmp_path / "x.tgz")["package/a.js"] == b"other text"
    assert (tmp_path / "app" / "a.js").read_text() == "disk"


@pytest.mark.parametrize("what", ["grown", "shrunk", "rewritten", "gone", "linked", "folder", "pipe"])
def test_a_file_that_is_not_what_was_listed(tmp_path: Path, what: str) -> None:
    """Whatever became of it, the error names it, and no archive is left."""
    folder = tmp_path / "app"
    files = packlist(folder, trees.write(folder, None, **{"victim.js": "12345"}))
    victim = folder / "victim.js"
    if what in ("grown", "shrunk"):
        victim.write_text("123456789" if what == "grown" else "1")
    elif what != "rewritten":
        victim.unlink()
    if what == "linked":
        victim.symlink_to("package.json")
    elif what == "folder":
        victim.mkdir()
    elif what == "pipe":
        os.mkfifo(victim)

    dates = iter(range(1, 99))

    def rewrite(_done: int) -> None:
        if what == "rewritten":
            victim.write_text("54321")
            os.utime(victim, (date := next(dates), date))

    (tmp_path / "out").mkdir()
    with pytest.raises(ProjectError, match=r"victim\.js"):
        pack(files, folder, tmp_path / "out" / "x.tgz", advance=rewrite)

    assert list((tmp_path / "out").iterdir()) == []


def test_a_file_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    """Half a file is never sent."""
    folder = tmp_path / "app"
    files = packlist(folder, trees.write(folder, None, log=b"x" * (gzipping.BLOCK * 3)))

    def cut(_done: int) -> None:
        os.truncate(folder / "log", 10)

    with pytest.raises(ProjectError, match="log changed while"):
        pack(files, folder, tmp_path / "x.tgz", advance=cut)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """The error names it and says what to do."""
    folder = tmp_path / "app"
    read = trees.write(folder, None, **{"closed.js": "x"})
    (folder / "closed.js").chmod(0)

    with pytest.raises(ProjectError, match=r"Cannot read closed\.js: permission denied") as refused:
        _pack(folder, tmp_path / "x.tgz")
    assert ".jitsuignore" in refused.value.hint
    assert read.name == "app"


def test_a_place_that_takes_no_archive(tmp_path: Path) -> None:
    """No folder there, or no room on the disk: said, with nothing left."""
    folder = _project(tmp_path / "app")
    (tmp_path / "out").mkdir()

    with pytest.raises(ProjectError, match="Cannot write the archive"):
        _pack(folder, tmp_path / "nowhere" / "x.tgz")

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (gzipping.BLOCK, hard))
    try:
        with pytest.raises(ProjectError, match="Cannot write the archive"):
            _pack(folder, tmp_path / "out" / "x.tgz")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list((tmp_path / "out").iterdir()) == []


def test_interrupting_leaves_nothing(tmp_path: Path) -> None:
    """^C in the middle removes what was written, keeps an older archive, and ends the threads."""
    folder, out = _project(tmp_path / "app"), tmp_path / "out"
    out.mkdir()
    (out / "x.tgz").write_text("older")
    files = packlist(folder, manifest.read(folder))

    def interrupt(_done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pack(files, folder, out / "x.tgz", advance=interrupt)

    assert [path.name for path in out.iterdir()] == ["x.tgz"]
    assert (out / "x.tgz").read_text() == "older"
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("gzip")]


_NAMES = st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=40).filter(
    lambda name: name not in (".", "..")
)
_PATHS = st.lists(_NAMES, min_size=1, max_size=6).map("/".join)


@given(_PATHS, st.integers(0, 2**40), st.sampled_from([0o644, 0o755]), st.integers(0, 2**33 - 1))
def test_every_reader_understands_a_header(path: str, size: int, mode: int, mtime: int) -> None:
    """Long paths, odd characters and sizes beyond 8 GiB: the standard library reads what was meant."""
    raw = tarheader.header(path, size=size, mode=mode, mtime=mtime)
    with tarfile.open(fileobj=io.BytesIO(raw + bytes(1024))) as tar:
        read = tar.next()

    assert read is not None
    assert len(raw) % tarheader.BLOCK == 0
    assert (read.name, read.size, read.mode, read.mtime) == (path, size, mode, mtime)


@given(st.lists(st.binary(max_size=3000), max_size=8), st.integers(0, 3))
@settings(deadline=None)
def test_any_content_survives_the_compression(parts: list[bytes], repeated: int) -> None:
    """Pieces of any size, blocks full to the last byte among them."""
    content = b"".join(parts) + bytes(gzipping.BLOCK) * repeated
    out = io.BytesIO()
    with gzipping.GzipWriter(out) as writer:
        for part in parts:
            writer.write(part)
        writer.write(bytes(gzipping.BLOCK) * repeated)
        writer.finish()

    assert gzip.decompress(out.getvalue()) == content
    assert writer.content.hexdigest() == hashlib.sha256(content).hexdigest()


@given(st.dictionaries(_PATHS, st.binary(max_size=200), max_size=8))
@settings(deadline=None, max_examples=40)
def test_any_files_come_back(files: dict[str, bytes]) -> None:
    """Names that nobody would choose are packed and unpacked as they are."""
    with tempfile.TemporaryDirectory() as place:
        folder, listed = Path(place) / "app", list[PackFile]()
        folder.mkdir()
        for path, content in files.items():
            full = folder / path
            try:
                full.parent.mkdir(parents=True, exist_ok=True)
                full.write_bytes(content)
            except OSError:
                continue
            listed.append(PackFile(path, len(content), 0o644, ""))
        pack(listed, folder, Path(place) / "x.tgz", advance=lambda _done: None)

        packed = _contents(Path(place) / "x.tgz")
        assert packed == {f"package/{file.path}": files[file.path] for file in listed}


@pytest.mark.slow
def test_a_file_of_five_gigabytes_takes_no_memory(tmp_path: Path) -> None:
    """A sparse file beyond any memory is packed in less than 100 MiB."""
    trees.write(tmp_path / "app")
    with (tmp_path / "app" / "huge.bin").open("wb") as file:
        file.truncate(5 * 1024**3)

    size, peak = _measured(tmp_path / "app", tmp_path / "x.tgz")

    assert size < 10 * 1024**2
    assert peak < 100


@pytest.mark.slow
def test_a_hundred_thousand_files(tmp_path: Path) -> None:
    """All are packed, in less than 100 MiB."""
    trees.write(tmp_path / "app")
    for number in range(100_000):
        folder = tmp_path / "app" / str(number % 100)
        if number < 100:
            folder.mkdir()
        (folder / f"{number}.js").touch()

    _, peak = _measured(tmp_path / "app", tmp_path / "x.tgz")

    with tarfile.open(tmp_path / "x.tgz") as tar:
        assert sum(1 for _ in tar) == 100_001
    assert peak < 100


def _measured(folder: Path, target: Path) -> tuple[int, int]:
    """The archive's bytes, and the most memory that a process of its own needed for it, MiB."""
    script = (
        "import re, sys; from pathlib import Path; from jitsu_py.project import archive, manifest, packlist;"
        "f = Path(sys.argv[1]); files = packlist.packlist(f, manifest.read(f));"
        "made = archive.pack(files, f, Path(sys.argv[2]), advance=lambda n: None);"
        # Not getrusage, which counts what the parent had before it started this one.
        "status = Path('/proc/self/status').read_text();"
        r"print(made.size, int(re.search(r'VmHWM:\s+(\d+)', status)[1]) // 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder), str(target)], check=True, capture_output=True, text=True
    )
    size, peak = done.stdout.split()
    return int(size), int(peak)
