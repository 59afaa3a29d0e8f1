"""What a deploy would do. Everything here only reads."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from jitsu_py.deploy.findings import findings
from jitsu_py.deploy.options import DeployOptions, settle
from jitsu_py.deploy.settings import app_name, changes_of, cloud_of, update_of, wanted
from jitsu_py.errors import ConflictError, NotFoundError, UsageError
from jitsu_py.project import packlist, versions
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from jitsu_py.api import Client
    from jitsu_py.api.apps import App, Cloud
    from jitsu_py.deploy.findings import Finding
    from jitsu_py.deploy.settings import Change
    from jitsu_py.project.manifest import Manifest
    from jitsu_py.project.packlist import PackFile

MOST_TRIES = 5
"""Other subdomains that are tried before the choice is left to the person."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a deploy is about to do."""

    folder: Path
    """Of the project."""
    manifest: Manifest
    """As it will be, with the changes in it."""
    written: Mapping[str, Any]
    """The changes that go into package.json on disk, as a merge patch."""
    unwritten: bool
    """Whether the manifest says more than the one on disk will: defaults stand in for what is missing."""
    diff: str
    """What happens to package.json; empty: nothing."""
    user: str
    """Whose app it is."""
    app: str
    """Its name."""
    existing: App | None
    """The app as it is; None: it will be created."""
    subdomain: str
    """Under which it will answer."""
    snapshot: str
    """Id of the new snapshot."""
    chosen: bool
    """Whether a person chose that id: then it is not changed when it is taken meanwhile."""
    files: tuple[PackFile, ...] = field(repr=False)
    """What would be packed, sorted by path."""
    body: Mapping[str, Any] = field(repr=False)
    """What the create or update sends."""
    cloud: Cloud | None
    """Where and how much to run; None: as it is."""
    settings: tuple[Change, ...]
    """What changes in the app's settings; of a new app, nothing is listed."""
    notes: tuple[str, ...]
    """What a person should know, a sentence each."""
    fresh: bool = False
    """Whether the server installs the dependencies anew."""
    force: bool = False
    """Whether to build also where the server has built the very same before."""
    findings: tuple[Finding, ...] = ()
    """What a look at the code tells."""

    @property
    def key(self) -> str:
        """The app as `user/name`."""
        return f"{self.user}/{self.app}"

    @property
    def bytes(self) -> int:
        """Size of the files to pack, bytes."""
        return sum(file.size for file in self.files)

    def data(self) -> dict[str, Any]:
        """The plan for `--json`: shapes and names are an interface."""
        return {
            "app": self.app,
            "user": self.user,
            "exists": self.existing is not None,
            "subdomain": self.subdomain,
            "version": self.manifest.version,
            "snapshot": self.snapshot,
            "replaces": self.existing.running if self.existing else "",
            "files": [file.path for file in self.files],
            "bytes": self.bytes,
            "settings": [asdict(change) for change in self.settings],
            "manifest": {"changes": dict(self.written), "diff": self.diff},
            "notes": list(self.notes),
            "findings": [asdict(finding) for finding in self.findings],
        }


def plan(client: Client, options: DeployOptions) -> Plan:
    """Find out what a deploy would do; nothing is written, here or there.

    Args:
        client: of the server to deploy to.
        options: what the person wants, everything asked already.

    Raises:
        ProjectError: package.json cannot be used, or files cannot be read.
        ConflictError: the subdomain or the snapshot's id is taken; `details["free"]` is a free one.
        JitsuError: what the server says.
    """
    settled = settle(options)
    manifest = settled.manifest
    user, name = options.user or client.username, app_name(manifest)
    existing = _existing(client, user, name)
    body = wanted(manifest, options, existing)
    notes = choose_subdomain(client, user, body, manifest.subdomain, existing)
    survey = packlist.survey(options.folder, manifest)
    has = {*(body.get("env") or ())}
    if existing:
        has |= {*existing.env, *existing.database_variables}
    cloud, scaled = cloud_of(options, existing)
    if options.provider or options.datacenter:
        _check_place(client, options)
    update = update_of(body, existing) if existing else body
    return Plan(
        folder=options.folder,
        manifest=manifest,
        written=settled.written,
        unwritten=settled.changes != settled.written,
        diff=settled.diff,
        user=user,
        app=name,
        existing=existing,
        subdomain=str(body.get("subdomain") or (existing.subdomain if existing else "")),
        snapshot=_snapshot_id(client, user, options, manifest, existing),
        chosen=bool(options.snapshot),
        files=tuple(survey.files),
        body=update,
        cloud=cloud,
        settings=(changes_of(update, existing) if existing else ()) + scaled,
        notes=(*notes, *(notice.message for notice in survey.notices)),
        fresh=options.clear_cache,
        # Who names a snapshot wants one of that name.
        findings=findings(options.folder, survey.files, manifest, has) if options.analyze else (),
        force=options.force or options.clear_cache or bool(options.snapshot),
    )


def _check_place(client: Client, options: DeployOptions) -> None:
    """See that the platform has such a provider and datacenter, before anything is built for them."""
    places = [(one, name) for one, names in client.system.endpoints().items() for name in names]
    if not any(options.provider in ("", one) and options.datacenter in ("", name) for one, name in places):
        asked = " ".join(filter(None, (options.provider, options.datacenter)))
        raise UsageError(f"the platform has no {asked}", hint="`jitsu cloud list` shows where apps can run")


def _existing(client: Client, user: str, name: str) -> App | None:
    try:
        return client.apps.get(name, user)
    except NotFoundError:
        return None


def taken_ids(client: Client, user: str, name: str, app: App | None) -> list[str]:
    """List the ids of an app's snapshots; those the app came with, where it came with them."""
    if app is None:
        return []
    known = app.snapshots if "snapshots" in app.raw else client.snapshots.list(f"{user}/{name}")
    return [snapshot.id for snapshot in known]


def _snapshot_id(
    client: Client, user: str, options: DeployOptions, manifest: Manifest, app: App | None
) -> str:
    taken = taken_ids(client, user, app_name(manifest), app)
    if not options.snapshot:
        return versions.next_id(manifest.version, taken)
    if options.snapshot in taken:
        free = versions.next_id(manifest.version, taken)
        raise ConflictError(
            f"there is a snapshot {options.snapshot} of {app_name(manifest)} already",
            hint=f"--snapshot {free} is free; without --snapshot it is used",
            code=Code.SNAPSHOT_EXISTS,
            details={"snapshot": options.snapshot, "free": free},
        )
    return options.snapshot


def choose_subdomain(
    client: Client, user: str, body: dict[str, Any], default: str, app: App | None
) -> tuple[str, ...]:
    """Make sure that the subdomain is free; where package.json names none, take one that is.

    Raises:
        ConflictError: package.json names one that is taken; `details["free"]` is one that is not.
    """
    named = "subdomain" in body
    if app is not None and (not named or body["subdomain"] == app.subdomain):
        return ()
    wish = str(body.get("subdomain") or default)
    body["subdomain"] = wish
    if _is_free(client, user, body, wish):
        return ()
    free = next((other for other in _others(wish, user) if _is_free(client, user, body, other)), "")
    if named or not free:
        raise _subdomain_taken(wish, free)
    body["subdomain"] = free
    return (f"the subdomain {wish} is taken; the app answers under {free}",)


def _is_free(client: Client, user: str, body: Mapping[str, Any], subdomain: str) -> bool:
    return client.apps.available({"name": body["name"], "subdomain": subdomain}, user).subdomain


def _others(wish: str, user: str) -> Iterator[str]:
    """Suggest subdomains beside the one that is taken; a label has at most 63 characters."""
    owner = "".join(mark if mark.isalnum() else "-" for mark in user).strip("-")
    endings = [owner, *(str(number) for number in range(2, MOST_TRIES + 1))]
    return (f"{wish[: 62 - len(ending)].rstrip('-')}-{ending}" for ending in endings if 0 < len(ending) < 40)


def _subdomain_taken(wish: str, free: str) -> ConflictError:
    offer = f'"subdomain": "{free}" in package.json is free' if free else "choose another in package.json"
    return ConflictError(
        f"the subdomain {wish} is taken",
        hint=offer,
        code=Code.SUBDOMAIN_TAKEN,
        details={"subdomain": wish} | ({"free": free} if free else {}),
    )
