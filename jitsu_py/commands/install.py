"""`jitsu install`: a starter app in a folder, ready to deploy."""

from __future__ import annotations

from pathlib import Path

import click

from jitsu_py.context import Context, pass_context
from jitsu_py.errors import NotFoundError


@click.command()
@click.argument("starter", required=False)
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@pass_context
def install(context: Context, starter: str | None, folder: Path | None) -> None:
    """Put a starter app into a folder, ready to deploy.

    The folder is named after the starter unless DIR says otherwise; it must be empty or new. The app is named
    after its folder.
    """
    from jitsu_py import starters
    from jitsu_py.project.names import package_name

    chosen = starter or _ask(context)
    target = context.cwd / (folder or chosen)
    name = package_name(target.resolve().name)
    files = starters.put(chosen, target, name)
    shown = str(folder or chosen)
    context.console.say(f"{len(files)} files put into {shown}. Next: cd {shown} && jitsu deploy")
    answer = {"starter": chosen, "folder": str(target), "name": name, "files": [str(file) for file in files]}
    context.console.answer(shown, answer)


def _ask(context: Context) -> str:
    from jitsu_py import starters

    known = starters.known()
    for one in known:
        context.console.say(f"  {one.name}  {one.description}")
    chosen = context.console.questions.ask("Which starter", flag="its name", default=known[0].name)
    if chosen not in {one.name for one in known}:
        raise NotFoundError(f"there is no starter {chosen}")
    return chosen
