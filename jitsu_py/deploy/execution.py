"""Make a plan come true: every step a function, in the order of the manual, and what ^C leaves is said."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jitsu_py.api.apps import START_TIMEOUT
from jitsu_py.deploy import scripts
from jitsu_py.deploy.builds import Upload
from jitsu_py.deploy.deployed import Deployed
from jitsu_py.deploy.journal import Journal
from jitsu_py.deploy.packing import pack, scratch_folder
from jitsu_py.deploy.starting import Start
from jitsu_py.deploy.unchanged import twin
from jitsu_py.errors import (
    ConflictError,
    InterruptedByUserError,
    ProjectError,
    UsageError,
)
from jitsu_py.project import manifest as manifests
from jitsu_py.project import packlist, versions
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from jitsu_py.api import Client
    from jitsu_py.api.apps import App
    from jitsu_py.deploy.planning import Plan
    from jitsu_py.deploy.unchanged import Twin
    from jitsu_py.project.archive import Archive
    from jitsu_py.reporter import Reporter

RACES = 5
"""How often the next id is taken when somebody else was quicker."""


def execute(
    plan: Plan,
    client: Client,
    reporter: Reporter,
    *,
    start_timeout: float = START_TIMEOUT,
    detach: bool = False,
    revive: Callable[[], None] = lambda: None,
) -> Deployed:
    """Carry out a plan.

    Args:
        plan: what to do.
        client: of the server that it was made with.
        reporter: told of what happens.
        start_timeout: seconds that the app may take to start.
        detach: do not wait for the start; then no postdeploy script runs.
        revive: called when the server cannot be reached any more: starts it, where that is ours to do.

    Raises:
        ProjectError: the predeploy script failed, or a file cannot be packed; nothing was uploaded.
        BuildFailedError: with the build's last lines; what served before still does.
        StartFailedError: with the app's last lines, and whether an older version serves.
        InterruptedByUserError: ^C; the message says what was done and what goes on.
        JitsuError: what the server says.
    """
    journal = Journal(plan.key, plan.snapshot)
    run = _Run(plan, client, reporter, start_timeout, detach, journal, revive)
    try:
        with scratch_folder() as scratch:
            return run.all(scratch)
    except KeyboardInterrupt as stopped:
        raise InterruptedByUserError(**run.journal.interrupted()) from stopped


def build(plan: Plan, client: Client, reporter: Reporter) -> str:
    """Carry out a plan as far as its snapshot: packed, uploaded and built, neither active nor started.

    Returns:
        Id of the snapshot.

    Raises:
        JitsuError: as `execute`.
    """
    run = _Run(plan, client, reporter, START_TIMEOUT, False, Journal(plan.key, plan.snapshot))
    try:
        with scratch_folder() as scratch:
            run.upload(run.packed(scratch))
    except KeyboardInterrupt as stopped:
        raise InterruptedByUserError(**run.journal.interrupted()) from stopped
    return run.journal.snapshot


@contextmanager
def _project_at_fault() -> Iterator[None]:
    """What a server refuses of what package.json says is wrong there, not on the command line."""
    try:
        yield
    except UsageError as error:
        if "field" not in error.details:
            raise
        raise ProjectError(
            f"{manifests.FILE}: {error.message}", request_id=error.request_id, details=error.details
        ) from error


@dataclass
class _Run:
    """The steps of one deploy."""

    plan: Plan
    client: Client
    reporter: Reporter
    start_timeout: float
    detach: bool
    journal: Journal
    revive: Callable[[], None] = lambda: None

    def all(self, scratch: Path) -> Deployed:
        """Do them in order."""
        step = self.journal.step
        with step("manifest"):
            self.write_manifest()
        with step("create"):
            self.create()
        archive = self.packed(scratch)
        same = twin(self.client, self.plan, archive)
        if same is None:
            self.upload(archive)
            with step("update"):
                self.update()
        else:
            self.journal.snapshot = same.id
            self.reporter.step(same.sentence)
        if same is None or not same.active:
            with step("activate"):
                self.client.snapshots.activate(self.plan.key, self.journal.snapshot)
        # Of what serves already, a start does nothing, unless its variables changed since.
        with step("start"):
            app = self.start()
        seconds = self.journal.total
        with step("postdeploy"):
            failed = "" if self.detach or (same and same.running) else self.postdeploy()
        return self.deployed(app, archive, seconds, failed, same)

    def packed(self, scratch: Path) -> Archive:
        """Do those that end with an archive."""
        step = self.journal.step
        with step("predeploy"):
            self.predeploy()
        with step("pack"):
            return self.pack(scratch)

    def write_manifest(self) -> None:
        """Put into package.json what was agreed: answers, a bump."""
        if self.plan.written:
            manifests.write(manifests.read(self.plan.folder, check=False), self.plan.written)
            self.reporter.step(f"Changed {manifests.FILE}: version {self.plan.manifest.version}")

    def create(self) -> None:
        """Create the app if there is none of its name."""
        if self.plan.existing is None:
            self.reporter.step(f"Creating {self.plan.app}")
            with _project_at_fault():
                self.client.apps.create(self.plan.body, self.plan.user)

    def predeploy(self) -> None:
        """Run the predeploy script, if there is one."""
        if scripts.has(self.plan.manifest, "predeploy"):
            scripts.run(self.plan.folder, "predeploy", self.reporter)

    def pack(self, scratch: Path) -> Archive:
        """Pack what was planned, or what there is now, where something changed since."""
        plan, manifest, files = self.plan, self.plan.manifest, self.plan.files
        if scripts.has(manifest, "predeploy") and not plan.unwritten:
            manifest = manifests.read(plan.folder)
        if scripts.has(manifest, "predeploy") or plan.written:
            files = tuple(packlist.packlist(plan.folder, manifest))
        return pack(plan.folder, files, manifest, scratch, self.reporter, unwritten=plan.unwritten)

    def upload(self, archive: Archive) -> None:
        """Send the archive and wait for the build."""
        with self.journal.step("upload"):
            self.send(archive)

    def send(self, archive: Archive) -> None:
        """Send it; under the next id, where somebody else took ours meanwhile."""
        for race in range(RACES):
            upload = Upload(
                self.client,
                self.plan.key,
                self.journal.snapshot,
                archive,
                self.reporter,
                fresh=self.plan.fresh,
                revive=self.revive,
            )
            self.journal.upload = upload
            try:
                upload.run()
                return
            except ConflictError as error:
                last = race == RACES - 1
                if error.code != Code.SNAPSHOT_EXISTS or self.plan.chosen or last:
                    raise
            taken = [snapshot.id for snapshot in self.client.snapshots.list(self.plan.key)]
            self.journal.snapshot = versions.next_id(self.plan.manifest.version, taken)

    def update(self) -> None:
        """Send the settings in which the app differs, and where and how much of it to run."""
        if self.plan.existing is not None and self.plan.body:
            body = dict(self.plan.body)
            has, env = self.plan.existing.env, body.pop("env", {})
            if body:
                with _project_at_fault():
                    self.client.apps.update(self.plan.key, body)
            # One by one, so that nothing is lost of what `jitsu env` may have changed since the plan.
            if new := {key: value for key, value in env.items() if has.get(key) != value}:
                self.client.apps.change_env(self.plan.key, new)
        if self.plan.cloud is not None:
            self.client.apps.set_cloud(self.plan.key, [self.plan.cloud], timeout=self.start_timeout)

    def start(self) -> App:
        """Start what is active now: new drones prove themselves, then serve, then the old ones go."""
        existing = self.plan.existing
        return Start(
            self.client,
            self.plan.key,
            self.journal.snapshot,
            self.reporter,
            before=existing.active if existing else "",
            timeout=self.start_timeout,
            detach=self.detach,
            revive=self.revive,
            releases=scripts.releases(self.plan.manifest),
        ).run()

    def postdeploy(self) -> str:
        """Run the postdeploy script, if there is one; the app is live, so its failure is a warning."""
        if not scripts.has(self.plan.manifest, "postdeploy"):
            return ""
        try:
            scripts.run(self.plan.folder, "postdeploy", self.reporter)
        except ProjectError as error:
            self.reporter.warn(f"{error.message}; the app is live all the same")
            return error.message
        return ""

    def deployed(
        self, app: App, archive: Archive, seconds: float, failed: str, same: Twin | None
    ) -> Deployed:
        """Put together what was done."""
        before = self.plan.existing
        replaced = before.running if before else ""
        if app.running not in ("", self.journal.snapshot) and not self.detach:
            self.reporter.warn(f"{app.running} serves: it was deployed at the same time")
        return Deployed(
            app=app.name,
            user=app.user,
            snapshot=self.journal.snapshot,
            replaced="" if replaced == self.journal.snapshot else replaced,
            url=app.url,
            urls=app.urls,
            created=before is None,
            unchanged=same is not None,
            files=archive.files,
            size=archive.size,
            seconds=seconds,
            steps=dict(self.journal.seconds),
            detached=self.detach,
            postdeploy=failed,
        )
