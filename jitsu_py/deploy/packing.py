"""Pack a project with the package.json it is to have, whether that is on disk or not."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from jitsu_py.errors import ServerRefusedError
from jitsu_py.project import archive
from jitsu_py.project.manifest import FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jitsu_py.errors import JitsuError
    from jitsu_py.project.archive import Archive
    from jitsu_py.project.manifest import Manifest
    from jitsu_py.project.packlist import PackFile
    from jitsu_py.reporter import Reporter


def pack(
    folder: Path,
    files: Sequence[PackFile],
    manifest: Manifest,
    scratch: Path,
    reporter: Reporter,
    *,
    unwritten: bool,
) -> Archive:
    """Pack a folder into `scratch`.

    Args:
        folder: the project's.
        files: what to pack.
        manifest: what the archive's package.json is to say.
        scratch: an empty folder for the archive.
        reporter: told of the bytes.
        unwritten: whether package.json on disk says something else, and stays as it is.
    """
    try:
        if unwritten:
            files = [_as_it_will_be(file, manifest) for file in files]
            folder = _overlay(folder, files, manifest, scratch / "project")
        total = sum(file.size for file in files)
        with reporter.progress(f"Packing {len(files)} files", total) as advance:
            return archive.pack(files, folder, scratch / "snapshot.tgz", advance=advance)
    except OSError as error:
        raise _no_place(error) from error


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Make a folder for the archive, and remove it however the deploy ends."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="jitsu-deploy-", ignore_cleanup_errors=True)
    except OSError as error:
        raise _no_place(error) from error
    with folder as path:
        yield Path(path)


def _no_place(error: OSError) -> JitsuError:
    return ServerRefusedError(
        f"there is no place for the archive on this machine: {error.strerror or error}",
        hint="free space, or set TMPDIR to a folder that has some",
        code="no_space_here",
    )


def _as_it_will_be(file: PackFile, manifest: Manifest) -> PackFile:
    return replace(file, size=len(manifest.text.encode())) if file.path == FILE else file


def _overlay(folder: Path, files: Sequence[PackFile], manifest: Manifest, overlay: Path) -> Path:
    """Make a folder that shows the project with another package.json: the person's own is not touched."""
    overlay.mkdir()
    for name in {file.path.partition("/")[0] for file in files}:
        source = (folder / name).absolute()
        if source.is_dir():
            (overlay / name).symlink_to(source, target_is_directory=True)
        else:
            shutil.copyfile(source, overlay / name)
    (overlay / FILE).write_text(manifest.text, encoding="utf-8", newline="")
    return overlay
