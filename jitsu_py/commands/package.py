"""`jitsu package`: what a deploy would send, as a file and as a list."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from jitsu_py import grammar
from jitsu_py.console.fields import Field, size
from jitsu_py.context import Context, output_option, pass_context
from jitsu_py.errors import UsageError

if TYPE_CHECKING:
    from jitsu_py.project.manifest import Manifest
    from jitsu_py.project.packlist import PackFile

FIELDS: list[Field[PackFile]] = [
    Field("path", "PATH", lambda one: one.path),
    Field("size", "SIZE", lambda one: one.size, human=size),
    Field("mode", "MODE", lambda one: f"{one.mode:o}", listed=False),
    Field("why", "WHY", lambda one: one.why),
]

folder_argument = click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
other_folder = click.option(
    "--dir", "other", metavar="PATH", type=click.Path(path_type=Path), help="The same as DIR."
)


@click.group(cls=grammar.Group, aliases={"ls": "list"})
def package() -> None:
    """What a deploy would send."""


@package.command("list")
@folder_argument
@other_folder
@click.option("--why", metavar="PATH", help="Say of this path whether it is packed, and why.")
@pass_context
def list_files(context: Context, folder: Path | None, other: Path | None, why: str | None) -> None:
    """List the files that a deploy would send, their sizes and what put them in.

    --why asks for one path: exit code 0 where it is packed, 4 where not.
    """
    from jitsu_py.project import packlist

    place, manifest = _project(context, folder or other)
    if why is not None:
        _explain(context, place, manifest, why)
        return
    with context.console.waiting("Reading the folder"):
        found = packlist.survey(place, manifest)
    for notice in found.notices:
        context.console.warn(notice.message)
    if context.console.json:
        notices = [
            {"path": one.path, "about": str(one.about), "message": one.message} for one in found.notices
        ]
        rows = [{field.name: field.get(file) for field in FIELDS} for file in found.files]
        context.console.data({"files": rows, "count": len(rows), "size": found.size, "notices": notices})
        return
    context.console.table(found.files, FIELDS, empty="")
    context.console.say(f"{_counted(len(found.files))}, {size(found.size)} before packing")


@package.command()
@folder_argument
@other_folder
@output_option("Write it there; else NAME-VERSION.tgz here.")
@pass_context
def create(context: Context, folder: Path | None, other: Path | None, output: Path | None) -> None:
    """Pack the folder into the archive that a deploy would send.

    The same files give the same bytes. The archive appears whole or not at all.
    """
    from jitsu_py.project import archive, packlist

    place, manifest = _project(context, folder or other)
    shown = _target(context, manifest, output)
    target = context.cwd / shown
    if target.exists() and not context.console.confirm(f"{shown} exists. Replace it?"):
        raise UsageError(f"{shown} stays as it was")
    with context.console.waiting("Reading the folder"):
        found = packlist.survey(place, manifest)
    for notice in found.notices:
        context.console.warn(notice.message)
    # What lies in the folder already must not pack itself.
    files = [file for file in found.files if (place / file.path).resolve() != target.resolve()]
    total = sum(file.size for file in files)
    with context.console.progress(f"Packing {_counted(len(files))}", total) as advance:
        made = archive.pack(files, place, target, advance=advance)
    context.console.say(f"{_counted(made.files)}, {size(made.size)} packed from {size(total)}")
    answer = {"file": str(target), "files": made.files, "size": made.size, "sha256": made.sha256}
    context.console.answer(str(shown), answer | {"md5": made.md5})


def _project(context: Context, folder: Path | None) -> tuple[Path, Manifest]:
    from jitsu_py.project import manifest

    place = context.cwd / (folder or "")
    return place, manifest.read(place)


def _target(context: Context, manifest: Manifest, output: Path | None) -> Path:
    """Where the archive goes, as a person would write it."""
    if output is not None and not (context.cwd / output).is_dir():
        return output
    name = manifest.name.lstrip("@").replace("/", "-") or "package"
    return (output or Path()) / f"{'-'.join(word for word in (name, manifest.version) if word)}.tgz"


def _explain(context: Context, folder: Path, manifest: Manifest, path: str) -> None:
    from jitsu_py.project import packlist

    reason = packlist.explain(folder, manifest, path)
    words = f"{path} is {'packed' if reason.packed else 'not packed'}: {reason.why}"
    context.console.answer(words, {"path": path, "packed": reason.packed, "why": reason.why})
    if not reason.packed:
        click.get_current_context().exit(4)


def _counted(number: int) -> str:
    return f"{number} file{'' if number == 1 else 's'}"
