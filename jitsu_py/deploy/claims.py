"""What an app is called and set to, without a deploy: to claim it, and to send what differs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jitsu_py.deploy.options import DeployOptions
from jitsu_py.deploy.planning import choose_subdomain
from jitsu_py.deploy.settings import Change, changes_of, update_of, wanted
from jitsu_py.project import manifest as manifests
from jitsu_py.project import names

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jitsu_py.api import Client
    from jitsu_py.api.apps import App


@dataclass(frozen=True, slots=True)
class Claim:
    """An app to be created."""

    user: str
    """Whose it will be."""
    body: Mapping[str, Any]
    """What the create sends."""
    notes: tuple[str, ...]
    """What a person should know, a sentence each."""


def claim(client: Client, name: str, folder: Path | None, subdomain: str | None) -> Claim:
    """Settle what to create; nothing is written.

    Args:
        client: of the server.
        name: `name` or `user/name`.
        folder: of the project whose package.json comes along; None: the name alone.
        subdomain: under which it is to answer; None: as package.json says, or made of the name.

    Raises:
        ConflictError: the subdomain that is asked for is taken; `details["free"]` is one that is not.
        ProjectError: package.json cannot be used.
    """
    owner, _, plain = name.rpartition("/")
    user = owner or client.username
    body = {"name": plain} if folder is None else {**_body(folder, None), "name": plain}
    if subdomain:
        body["subdomain"] = subdomain
    notes = choose_subdomain(client, user, body, names.label(plain), None)
    return Claim(user, body, notes)


def difference(folder: Path, app: App) -> tuple[dict[str, Any], tuple[Change, ...]]:
    """Compare a project's package.json with its app.

    Returns:
        What to send, and the same for people: objects key by key, variables by name alone.

    Raises:
        ProjectError: package.json cannot be used.
    """
    body = update_of({**_body(folder, app), "name": app.name}, app)
    return body, tuple(found for change in changes_of(body, app) for found in _parted(change))


def _body(folder: Path, app: App | None) -> dict[str, Any]:
    body = wanted(manifests.read(folder), DeployOptions(folder), app)
    return {key: value for key, value in body.items() if value != ""}


def _parted(change: Change) -> list[Change]:
    """Give the keys in which two objects differ, a change each."""
    if not isinstance(change.new, dict) or not isinstance(change.old, dict | None):
        return [change]
    old, new = change.old or {}, change.new
    keys = [key for key in dict.fromkeys((*old, *new)) if old.get(key) != new.get(key)]
    return [Change(f"{change.key}.{key}", old.get(key), new.get(key)) for key in keys] or [change]
