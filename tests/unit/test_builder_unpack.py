"""Archives are unpacked by a checked path: the good arrive whole, the others are refused with a reason."""

from __future__ import annotations

import gzip
import io
import os
import re
import subprocess
import sys
import tarfile
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jitsu_py.server.builder.unpack import Limits, inspect, unpack
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Code
from tests.unit.archives import (
    Form,
    folder,
    hard_link,
    link,
    manifest,
    member,
    tar_bytes,
    write_app,
    write_archive,
    zipped,
)

if TYPE_CHECKING:
    from pathlib import Path

ROOMY = Limits()


def refusal(archive: Path, limits: Limits = ROOMY) -> PlatformError:
    """Have an archive refused by both ways of reading it, alike, with nothing written; return the error."""
    with pytest.raises(PlatformError) as seen:
        inspect(archive, limits)
    place = archive.parent / "unpacked" / "app"
    with pytest.raises(PlatformError) as met:
        unpack(archive, place, limits)
    assert met.value.message == seen.value.message
    assert not list(place.parent.iterdir())
    return met.value


def refused(archive: Path, pattern: str, limits: Limits = ROOMY) -> None:
    """Check that an archive is refused for a reason."""
    error = refusal(archive, limits)
    assert error.code is Code.BAD_ARCHIVE
    assert re.search(pattern, error.message), error.message


def test_arrives_without_its_leading_folder(tmp_path: Path) -> None:
    """The one folder that npm and the old clients pack everything into is not part of the app."""
    archive = write_app(tmp_path / "a.tgz", {"name": "app"}, {"lib/a.js": "1", "server.js": "22"})
    contents = unpack(archive, tmp_path / "app", ROOMY)
    assert (tmp_path / "app/lib/a.js").read_text() == "1"
    assert [file.path for file in contents.files] == ["package.json", "lib/a.js", "server.js"]
    assert contents.manifest == {"name": "app"}
    assert contents.unpacked == sum(file.size for file in contents.files)
    assert contents == inspect(archive, ROOMY)


@pytest.mark.parametrize("prefix", ["", "./", "my-app/", "./my-app-1.0/"])
def test_takes_any_leading_folder_or_none(tmp_path: Path, prefix: str) -> None:
    """An archive made by hand with tar is as good as npm's."""
    archive = write_archive(
        tmp_path / "a.tgz", folder("./"), manifest(f"{prefix}package.json"), member(f"{prefix}lib/a.js", b"1")
    )
    unpack(archive, tmp_path / "app", ROOMY)
    assert sorted(path.name for path in (tmp_path / "app").iterdir()) == ["lib", "package.json"]


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_reads_every_tar_format(tmp_path: Path, form: Form) -> None:
    """ustar, GNU and pax differ in how they write long names; all arrive."""
    name = "package/" + "/".join(["d" * 40] * 4) + "/file.js"
    archive = write_archive(tmp_path / "a.tgz", manifest(), member(name, b"x"), form=form)
    unpack(archive, tmp_path / "app", ROOMY)
    assert (tmp_path / "app" / name.removeprefix("package/")).read_bytes() == b"x"


def test_reads_what_the_systems_tar_writes(tmp_path: Path) -> None:
    """A real tar with a real tree: links, empty folders, an executable, a name in Unicode."""
    source = tmp_path / "app"
    (source / "bin").mkdir(parents=True)
    (source / "empty").mkdir()
    (source / "package.json").write_text('{"name": "app"}')
    (source / "bin/www").write_text("#!/usr/bin/env node\n")
    (source / "bin/www").chmod(0o777)
    (source / "grüße.txt").write_text("hej")
    (source / "start").symlink_to("bin/www")
    os.link(source / "bin/www", source / "same")
    subprocess.run(["tar", "czf", "a.tgz", "app"], cwd=tmp_path, check=True)
    unpack(tmp_path / "a.tgz", tmp_path / "out", ROOMY)
    out = tmp_path / "out"
    assert (out / "start").readlink().as_posix() == "bin/www"
    assert (out / "same").read_text() == (out / "bin/www").read_text()
    assert (out / "empty").is_dir()
    assert (out / "grüße.txt").read_text() == "hej"


def test_masks_modes(tmp_path: Path) -> None:
    """Files are 644 or 755 and folders 755 whatever the archive says: no setuid, nothing unreadable."""
    archive = write_archive(
        tmp_path / "a.tgz",
        manifest(),
        folder("package/closed", 0o000),
        member("package/closed/suid", b"x", mode=0o6711),
        member("package/closed/secret", b"x", mode=0o000),
        member("package/closed/open", b"x", mode=0o666),
    )
    old = os.umask(0o077)
    try:
        contents = unpack(archive, tmp_path / "app", ROOMY)
    finally:
        os.umask(old)
    modes = {path.name: path.stat().st_mode & 0o7777 for path in (tmp_path / "app").rglob("*")}
    assert modes == {"closed": 0o755, "suid": 0o755, "secret": 0o644, "open": 0o644, "package.json": 0o644}
    assert {file.path.rpartition("/")[2]: file.mode for file in contents.files} == {
        name: mode for name, mode in modes.items() if name != "closed"
    }


def test_keeps_links_that_stay_inside(tmp_path: Path) -> None:
    """Links within the app are the app's business."""
    archive = write_archive(
        tmp_path / "a.tgz",
        manifest(),
        member("package/lib/a.js", b"1"),
        link("package/bin/a", "../lib/a.js"),
        link("package/current", "lib/"),
        link("package/later", "./made-by-build.js"),
        hard_link("package/b.js", "package/lib/a.js"),
    )
    unpack(archive, tmp_path / "app", ROOMY)
    assert (tmp_path / "app/bin/a").read_text() == "1"
    assert (tmp_path / "app/current/a.js").read_text() == "1"
    assert (tmp_path / "app/b.js").read_text() == "1"


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (member("package/../../evil", b"x"), r"'\.\.'"),
        (member("../evil", b"x"), r"'\.\.'"),
        (member("/etc/evil", b"x"), "absolute path: '/etc/evil'"),
        (member("package/a\\b", b"x"), "backslash"),
        (member("package/a\nb", b"x"), "control character"),
        (member("package/a\x7fb", b"x"), "control character"),
        (member("package/\udcff", b"x"), "not UTF-8"),
        (member("package/" + "n" * 256, b"x"), "more than 255 bytes"),
        (member("package/" + "é" * 128, b"x"), "more than 255 bytes"),
        (member("package/" + "/".join(["n" * 100] * 11), b"x"), "more than 1024 bytes"),
        (member("package/" + "d/" * 70 + "f", b"x"), "more than 64 folders deep"),
        (member("package/dev", type=tarfile.CHRTYPE), "a device: 'package/dev'"),
        (member("package/dev", type=tarfile.BLKTYPE), "a device"),
        (member("package/pipe", type=tarfile.FIFOTYPE), "a named pipe"),
        (member("package/sparse", type=tarfile.GNUTYPE_SPARSE), "sparse|damaged"),
        (member("package/odd", type=b"7"), "unknown type"),
        (member("package/odd", type=b"Z"), "unknown type"),
        (
            member("package/sparse", b"x", pax_headers={"GNU.sparse.map": "0,1", "GNU.sparse.size": "9"}),
            "sparse",
        ),
        (link("package/out", "/etc/passwd"), "absolute path '/etc/passwd'"),
        (link("package/out", "../x"), "leads outside: '../x'"),
        (link("package/out", "a/../../x"), "leads outside"),
        (link("package/out", "../package/../../x"), "leads outside"),
        (member("package/x", b"x", pax_headers={"path": "package/a\0b"}), "control character"),
        (member("package/x", type=tarfile.SYMTYPE, pax_headers={"linkpath": "a\0b"}), "control character"),
        (member("package/x", b"x", pax_headers={"path": "/etc/evil"}), "absolute path"),
        (link("package/out", "x" * 2000), "more than 1024 bytes"),
        (hard_link("package/out", "/etc/passwd"), "absolute path"),
        (hard_link("package/out", "../x"), r"'\.\.'"),
        (hard_link("package/out", "package/no-such"), "no file before it"),
        (member("", b"x"), "without a name"),
        (manifest(), "twice"),
        (folder("package/package.json"), "twice"),
        (member("package/package.json/below", b"x"), "below 'package/package.json', which is a file"),
        (link("package", "."), "twice"),
    ],
)
def test_refuses_an_entry(tmp_path: Path, entry: tuple[tarfile.TarInfo, bytes], reason: str) -> None:
    """One entry that could do harm refuses the whole archive, and the message names it."""
    refused(write_archive(tmp_path / "a.tgz", manifest(), entry), reason)


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([link("package/a", "lib"), member("package/a/b", b"x")], "which is a symbolic link"),
        ([member("package/a/b", b"x"), link("package/a", "lib")], "twice"),
        ([link("package/a", "lib"), link("package/b", "a/../../../etc")], "through another link|outside"),
        ([link("package/a", "lib"), link("package/b", "a/x")], "through another link"),
        ([link("package/a", "b"), member("package/a", b"x")], "twice"),
        ([link("package/a", "lib"), hard_link("package/b", "package/a")], "no file before it"),
        ([link("package/a", "lib"), folder("package/a")], "twice"),
        ([link("package/a", "lib"), link("package/a", "lib")], "twice"),
    ],
)
def test_refuses_what_links_could_do_together(
    tmp_path: Path, entries: list[tuple[tarfile.TarInfo, bytes]], reason: str
) -> None:
    """Nothing is written through a link, over a link, or pointed out by way of a second one."""
    refused(write_archive(tmp_path / "a.tgz", manifest(), *entries), reason)


def test_a_link_out_of_the_leading_folder_is_out(tmp_path: Path) -> None:
    """The app's folder is what counts, and the leading folder is taken away."""
    refused(
        write_archive(tmp_path / "a.tgz", manifest(), link("package/a", "../package/server.js")), "outside"
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04 a zip", "is not gzip"),
        (tar_bytes([manifest()]), "is not gzip"),
        (zipped(b""), "is cut off: it has no end mark"),
        (zipped(b"no tar at all"), "cut off"),
        (zipped(b"no tar at all" * 100), "no tar archive"),
        (zipped(tar_bytes([manifest()], end=b"")), "no end mark"),
        (zipped(tar_bytes([manifest()]) + b"x"), "more behind its end mark"),
        (zipped(tar_bytes([manifest()]))[:-9], "cut off: its gzip stream"),
        (zipped(tar_bytes([manifest()]))[:-8] + bytes(8), "damaged"),
        (zipped(tar_bytes([manifest()])) + b"rest", "more behind the end of its gzip"),
        (zipped(tar_bytes([manifest()])) * 2, "more behind the end of its gzip"),
        (zipped(tar_bytes([manifest()])) + bytes(512), "more behind the end of its gzip"),
    ],
)
def test_refuses_what_is_no_whole_gzip_tar(tmp_path: Path, data: bytes, reason: str) -> None:
    """Not gzip, cut off, damaged, or with something behind it: refused, each in its own words."""
    (tmp_path / "a.tgz").write_bytes(data)
    refused(tmp_path / "a.tgz", reason)


def test_a_damaged_header_is_not_taken_for_the_end(tmp_path: Path) -> None:
    """tarfile stops quietly at one, and the files behind it would be missing."""
    data = bytearray(tar_bytes([manifest(), member("package/a", b"x"), member("package/b", b"x")]))
    data[1024 + 10] ^= 0xFF
    (tmp_path / "a.tgz").write_bytes(zipped(bytes(data)))
    refused(tmp_path / "a.tgz", "damaged")


def test_refuses_bombs(tmp_path: Path) -> None:
    """Bytes, entries and ratio are counted while unpacking, so a bomb is refused before it has gone off."""
    zeros = write_archive(tmp_path / "a.tgz", manifest(), member("package/zeros", bytes(40_000_000)))
    refused(zeros, "200 times its size")
    refused(zeros, "more than the 1,000,000 bytes", Limits(bytes=1_000_000))
    many = write_archive(tmp_path / "b.tgz", manifest(), *(member(f"package/{n}") for n in range(30)))
    refused(many, "more than 20 files and folders", Limits(files=20))
    implied = write_archive(tmp_path / "c.tgz", manifest(), member("package/" + "d/" * 30 + "f"))
    refused(implied, "more than 20 files and folders", Limits(files=20))
    tail = tmp_path / "d.tgz"
    tail.write_bytes(zipped(tar_bytes([manifest()]) + bytes(40_000_000)))
    refused(tail, "200 times its size")


def test_refuses_huge_headers(tmp_path: Path) -> None:
    """A header is held in memory, so it may not be megabytes, however it is put together."""
    pax = write_archive(
        tmp_path / "a.tgz", manifest(pad="x"), member("package/a", pax_headers={"x": "y" * 3_000_000})
    )
    refused(pax, "header that is too large")
    long_name = write_archive(
        tmp_path / "b.tgz", manifest(), member("package/" + "n" * 3_000_000), form=tarfile.GNU_FORMAT
    )
    refused(long_name, "header that is too large")
    chain = member("x", b"20 comment=abcdefgh\n", type=tarfile.XHDTYPE)
    endless = write_archive(tmp_path / "c.tgz", manifest(), *[chain] * 5000, form=tarfile.USTAR_FORMAT)
    refused(endless, "header that is too large|damaged")
    claimed = member("x", type=tarfile.XHDTYPE, size=8**11 - 1)
    refused(
        write_archive(tmp_path / "d.tgz", manifest(), claimed, form=tarfile.USTAR_FORMAT), "cut off|too large"
    )


@pytest.mark.parametrize("size", [8**12, 2**80, -512])
def test_refuses_sizes_that_are_not_there(tmp_path: Path, size: int) -> None:
    """A size in a header is a claim."""
    info, _ = member("package/big")
    info.size = size
    (tmp_path / "a.tgz").write_bytes(zipped(tar_bytes([manifest(), (info, b"")], tarfile.GNU_FORMAT)))
    refused(tmp_path / "a.tgz", "cut off|damaged|negative")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "The archive has no package.json"),
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b'{"name": "a",}', r"not JSON: .*line 1, column 1\d"),
        (b"{'name': 'a'}", "not JSON"),
        (b'{"name": NaN}', "NaN"),
        (b'{"name": "a", "x": 1e999}', "1e999 is too large a number"),
        (b'{"name": "a", "x": "\\ud83d"}', "half a character"),
        (b'{"name": "a", "x": ' + b"[" * 200 + b"]" * 200 + b"}", "more than 100 levels"),
        (b'\xff\xfe{"name"}', "not UTF-8: byte 0 is 0xff"),
        (b"[]", "not an object"),
        (b'"name"', "not an object"),
        (b"{}", "has no name"),
        (b'{"name": ""}', "has no name"),
        (b'{"name": 7}', "npm refuses: 7"),
        (b'{"name": ".hidden"}', "npm refuses"),
        (b'{"name": "_x"}', "npm refuses"),
        (b'{"name": "a b"}', "npm refuses"),
        (b'{"name": "../x"}', "npm refuses"),
        (b'{"name": "@scope"}', "npm refuses"),
        (b'{"name": "@scope/"}', "npm refuses"),
        (b'{"name": "a/b"}', "npm refuses"),
        (b'{"name": "node_modules"}', "npm refuses"),
        (b'{"name": "' + b"n" * 215 + b'"}', "npm refuses"),
        (b'{"name": "a", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested"),
        (b'{"name": "a", "x": ' + b"9" * 5000 + b"}", "not JSON"),
        (b'{"name": "a", "x": "' + b"x" * 1_100_000 + b'"}', "larger than 1,048,576 bytes"),
    ],
)
def test_refuses_a_package_json(tmp_path: Path, data: bytes | None, reason: str) -> None:
    """Without a package.json that npm could use there is no app; the message says what is wrong with it."""
    entry = member("package/package.json", data) if data is not None else member("package/server.js", b"1")
    error = refusal(write_archive(tmp_path / "a.tgz", entry))
    assert error.code is Code.BAD_MANIFEST
    assert re.search(reason, error.message), error.message


@pytest.mark.parametrize("name", ["app", "My-App", "@scope/app", "a" * 214, "app.js", "socket.io", "it's"])
def test_takes_every_name_npm_takes(tmp_path: Path, name: str) -> None:
    """Capitals and scopes too: apps of 2013 have them."""
    assert inspect(write_app(tmp_path / "a.tgz", {"name": name}), ROOMY).manifest["name"] == name


def test_takes_a_package_json_with_a_byte_order_mark(tmp_path: Path) -> None:
    """Editors on Windows write one, and npm takes it."""
    archive = write_archive(tmp_path / "a.tgz", member("package/package.json", b'\xef\xbb\xbf{"name": "a"}'))
    assert inspect(archive, ROOMY).manifest == {"name": "a"}


@pytest.mark.parametrize(
    "entry", [link("package/package.json", "other.json"), folder("package/package.json")]
)
def test_package_json_is_a_file(tmp_path: Path, entry: tuple[tarfile.TarInfo, bytes]) -> None:
    """A link could point to anything."""
    error = refusal(write_archive(tmp_path / "a.tgz", member("package/other.json", b'{"name": "a"}'), entry))
    assert error.code is Code.BAD_MANIFEST
    assert "not a file" in error.message


def test_package_json_of_a_dependency_does_not_count(tmp_path: Path) -> None:
    """With two folders at the top there is no leading folder, and so no package.json."""
    archive = write_archive(tmp_path / "a.tgz", manifest("a/package.json"), manifest("b/package.json"))
    assert refusal(archive).message == "The archive has no package.json."


def test_does_not_touch_a_folder_that_is_there(tmp_path: Path) -> None:
    """A build folder is made, never merged into."""
    archive = write_app(tmp_path / "a.tgz", {"name": "a"})
    (tmp_path / "app").mkdir()
    (tmp_path / "app/mine").write_text("mine")
    with pytest.raises(PlatformError):
        unpack(archive, tmp_path / "app", ROOMY)
    assert [path.name for path in (tmp_path / "app").iterdir()] == ["mine"]


def test_stops_when_it_is_told_to(tmp_path: Path) -> None:
    """A cancelled build does not go on unpacking, and leaves nothing."""
    archive = write_app(tmp_path / "a.tgz", {"name": "a"}, {"big": os.urandom(2_000_000)})
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls > 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        unpack(archive, tmp_path / "out/app", ROOMY, check)
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.slow
def test_memory_stays_flat(tmp_path: Path) -> None:
    """A file of 300 MiB passes through in pieces."""
    archive = tmp_path / "a.tgz"
    block = os.urandom(1024 * 1024)
    with gzip.open(archive, "wb", compresslevel=1) as file:
        file.write(tar_bytes([manifest()], end=b""))
        info, _ = member("package/big")
        info.size = 300 * len(block)
        file.write(info.tobuf(tarfile.PAX_FORMAT))
        for _ in range(300):
            file.write(block)
        file.write(bytes(1024))
    script = (
        "import pathlib, resource, sys\n"
        "from jitsu_py.server.builder.unpack import Limits, unpack\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "unpack(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), Limits())\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, str(archive), str(tmp_path / "app")],
        capture_output=True,
        text=True,
        check=True,
    )
    grown = int(ran.stdout) / (1024 if sys.platform == "linux" else 1024**2)
    assert (tmp_path / "app/big").stat().st_size == 300 * len(block)
    assert grown < 16


GOOD = tar_bytes(
    [
        manifest(),
        folder("package/lib"),
        member("package/lib/a.js", b"1" * 700),
        member("package/" + "n" * 120, b"long", pax_headers={"comment": "x"}),
        link("package/lib/b", "a.js"),
        hard_link("package/c.js", "package/lib/a.js"),
        member("package/bin/www", b"#!", mode=0o755),
    ]
)

places = st.integers(0, len(GOOD) - 1)
edits = st.lists(
    st.one_of(
        st.tuples(st.just("set"), places, st.binary(min_size=1, max_size=8)),
        st.tuples(st.just("insert"), places, st.binary(min_size=1, max_size=600)),
        st.tuples(st.just("delete"), places, st.integers(1, 600)),
        st.tuples(st.just("repeat"), places, st.integers(1, 2048)),
        st.tuples(
            st.just("header"), st.integers(0, 12), st.tuples(st.integers(0, 511), st.binary(max_size=12))
        ),
    ),
    min_size=1,
    max_size=4,
)


def mutate(data: bytes, changes: list[tuple[str, int, Any]]) -> bytes:
    """Change a tar file; a "header" change repairs the checksum, so that it gets past the first gate."""
    tar = bytearray(data)
    for what, place, value in changes:
        if what == "set":
            tar[place : place + len(value)] = value
        elif what == "insert":
            tar[place:place] = value
        elif what == "delete":
            del tar[place : place + value]
        elif what == "repeat":
            tar[place:place] = tar[place : place + value]
        else:
            start = place * tarfile.BLOCKSIZE
            block = tar[start : start + tarfile.BLOCKSIZE].ljust(tarfile.BLOCKSIZE, b"\0")
            block[value[0] : value[0] + len(value[1])] = value[1]
            block = block[: tarfile.BLOCKSIZE]
            block[148:156] = b"        "
            block[148:155] = b"%06o\0" % sum(block)
            tar[start : start + tarfile.BLOCKSIZE] = block
    return bytes(tar)


def inside_or_refused(packed: bytes, root: Path) -> None:
    """Unpack; whatever happens, everything made is below the target, and the only error is the platform's."""
    archive = root / "a.tgz"
    archive.write_bytes(packed)
    around = {path.name for path in root.parent.iterdir()}
    code = None
    try:
        unpack(archive, root / "app", Limits(bytes=1024**2, files=500))
    except PlatformError as error:
        code = error.code
    assert code in (None, Code.BAD_ARCHIVE, Code.BAD_MANIFEST)
    assert {path.name for path in root.iterdir()} == ({"a.tgz"} if code else {"a.tgz", "app"})
    for path in (root / "app").rglob("*"):
        assert path.resolve().is_relative_to(root / "app")
    assert {path.name for path in root.parent.iterdir()} == around


@pytest.mark.slow
@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=edits)
def test_any_change_of_the_tar_stays_inside_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[str, int, Any]]
) -> None:
    """No mutation of a good archive gets out of its folder or ends in anything but a named error."""
    inside_or_refused(zipped(mutate(GOOD, changes)), tmp_path_factory.mktemp("fuzz").resolve())


@pytest.mark.slow
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    place=st.integers(0, len(zipped(GOOD)) - 1),
    data=st.binary(min_size=1, max_size=16),
    cut=st.booleans(),
)
def test_any_change_of_the_gzip_stays_inside_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, place: int, data: bytes, *, cut: bool
) -> None:
    """As for the tar inside."""
    packed = zipped(GOOD)
    changed = packed[:place] if cut else packed[:place] + data + packed[place + len(data) :]
    inside_or_refused(changed, tmp_path_factory.mktemp("fuzz").resolve())


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=2000))
def test_any_bytes_are_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """Bytes that are no archive at all, plain and gzip'd."""
    root = tmp_path_factory.mktemp("fuzz").resolve()
    inside_or_refused(data, root)
    inside_or_refused(zlib.compress(data, wbits=31), root)
    inside_or_refused(io.BytesIO(data).getvalue(), root)
