"""Which snapshot of which app the words behind `jitsu snapshots VERB` mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jitsu_py.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from jitsu_py.api.snapshots import Snapshot
    from jitsu_py.context import Context


def named(
    context: Context, app: str | None, snapshot: str | None, folder: str | None
) -> tuple[str, str | None]:
    """The app and, where the words name one, the snapshot.

    A single word is a snapshot where the app of this folder has one of that id, else an app.

    Raises:
        NotFoundError: it is neither, in the folder of an app.
    """
    if app and snapshot:
        return context.app_name(app), snapshot
    if app and (own := _folder_app(context, folder)):
        if _is_snapshot(context, own, app):
            return own, app
        if folder or _is_no_app(context, app):
            raise unknown(own, app)
    return context.app_name(app, folder), None


def one_of(
    context: Context, app: str | None, snapshot: str | None, folder: str | None
) -> tuple[str, Snapshot]:
    """The app and the snapshot that the words mean; the newest where they name none."""
    name, chosen = named(context, app, snapshot, folder)
    listed = listed_of(context, name)
    if chosen is None:
        if not listed:
            raise NotFoundError(f"{name} has no snapshots yet", hint="`jitsu deploy` makes one")
        return name, listed[-1]
    for one in listed:
        if one.id == chosen:
            return name, one
    raise unknown(name, chosen)


def listed_of(context: Context, name: str) -> list[Snapshot]:
    """The snapshots of an app, oldest first."""
    client = context.client
    with context.console.waiting(f"Asking for the snapshots of {name}"), context.naming(name):
        return client.snapshots.list(name)


def asked(context: Context, name: str, ids: list[str]) -> str:
    """Let one of these be chosen; the newest by default."""
    if not ids:
        raise NotFoundError(f"{name} has no such snapshot yet", hint="`jitsu deploy` makes one")
    context.console.say(f"Snapshots of {name}: {', '.join(ids)}")
    chosen = context.console.questions.ask("Which one", flag="its id behind the app", default=ids[-1])
    if chosen not in ids:
        raise UsageError(f"{name} has no snapshot {chosen} here", hint=f"there are {', '.join(ids)}")
    return chosen


def unknown(name: str, snapshot: str) -> NotFoundError:
    """The error for an id that the app does not have."""
    return NotFoundError(
        f"{name} has no snapshot {snapshot}", hint=f"`jitsu snapshots list {name}` shows them"
    )


def _folder_app(context: Context, folder: str | None) -> str | None:
    """The app of this folder, if its package.json names one."""
    from jitsu_py.errors import ProjectError

    try:
        return context.app_name(None, folder)
    except (UsageError, ProjectError):
        if folder:
            raise
        return None


def _is_snapshot(context: Context, name: str, word: str) -> bool:
    try:
        return word in {one.id for one in context.client.snapshots.list(name)}
    except NotFoundError:
        return False


def _is_no_app(context: Context, word: str) -> bool:
    """Whether a word that begins as versions do, with a digit, names no app."""
    if not word[:1].isdigit():
        return False
    try:
        context.client.apps.get(word)
    except NotFoundError:
        return True
    return False
