"""`jitsu deploy`: parse, call, show. How it flows is `jitsu_py.deploy`'s business."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jitsu_py.context import Context, pass_context
from jitsu_py.errors import ConflictError, UsageError
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jitsu_py.console import Console
    from jitsu_py.deploy import Deployed, DeployOptions, Plan
    from jitsu_py.project.manifest import Manifest, Problem

MOST_FINDINGS = 10
"""How many things that a look at the code told are said; `--dry-run --json` has all."""


@click.command()
@click.argument(
    "folder", metavar="[DIR] | [PROVIDER DATACENTER]", required=False, type=click.Path(path_type=Path)
)
@click.argument("second", metavar="", required=False)
@click.option("--dir", "other", metavar="PATH", type=click.Path(path_type=Path), help="The same as DIR.")
@click.option(
    "-r",
    "--release",
    metavar="WHAT",
    default="",
    help="Bump package.json first: patch, minor, major, build, X.Y.Z.",
)
@click.option("--snapshot", metavar="ID", default="", help="Name the snapshot; else the version names it.")
@click.option("--drones", metavar="N", type=int, help="How many processes to run.")
@click.option("--ram", metavar="MiB", type=int, help="How much memory each may use.")
@click.option(
    "--provider", metavar="NAME", default="", help="Where to run; `jitsu cloud list` shows what there is."
)
@click.option("--datacenter", metavar="NAME", default="", help="Where to run.")
@click.option("--env", metavar="KEY=VALUE", multiple=True, help="Set a variable of the app; may be repeated.")
@click.option(
    "--clear-cache", is_flag=True, help="Install the dependencies anew, whatever earlier builds left."
)
@click.option(
    "--force", is_flag=True, help="Build also where nothing changed since a snapshot that is built."
)
@click.option("--dry-run", is_flag=True, help="Show what would be done, and stop.")
@click.option(
    "--detach", is_flag=True, help="Do not wait until the app is ready; its start goes on on the server."
)
@click.option("--open", "browse", is_flag=True, help="Open the app in a browser.")
@click.option("--noanalyze", is_flag=True, help="Do not look through the code first.")
@pass_context
def deploy(
    ctx: Context,
    folder: Path | None,
    second: str | None,
    other: Path | None,
    env: Sequence[str],
    dry_run: bool,
    detach: bool,
    browse: bool,
    noanalyze: bool,
    **wishes: Any,
) -> None:
    """Put the app of a folder live: pack, upload, build, start, switch over.

    What serves before goes on serving until the new version is proved ready. The URL is printed on stdout,
    alone; everything else on stderr. Where nothing changed since a snapshot that is built, that one is used.
    """
    from jitsu_py.deploy import START_TIMEOUT, DeployOptions, execute, settle

    if folder and second:  # as of old: provider and datacenter
        wishes |= {"provider": str(folder), "datacenter": second}
        folder = None
    place = folder or other or Path()
    wished = DeployOptions(folder=place, env=_variables(env), analyze=not noanalyze, **wishes)
    options = _ask(ctx.console, wished)
    # What is wrong with the project is said before a server is looked for, or started.
    settle(options)
    plan, options = _planned(ctx, options)
    for note in plan.notes:
        ctx.console.warn(note)
    _advise(ctx.console, plan)
    if not dry_run and _completed(ctx.console, plan):
        plan, _ = _planned(ctx, options)
    if dry_run:
        ctx.console.answer(_described(plan), plan.data())
        return
    # --timeout may lengthen the wait for the app, never shorten it below what a start takes.
    patience = max(START_TIMEOUT, ctx.settings.timeout.value)
    deployed = execute(
        plan, ctx.client, ctx.console, start_timeout=patience, detach=detach, revive=ctx.revive
    )
    _show(ctx.console, deployed)
    if browse and deployed.url:
        click.launch(deployed.url)


def _advise(console: Console, plan: Plan) -> None:
    """Say what a look at the code told; a project that is all wrong in one way does not fill the screen."""
    told = [finding.message for finding in plan.findings if finding.warning]
    for message in told[:MOST_FINDINGS]:
        console.warn(message)
    if len(told) > MOST_FINDINGS:
        console.warn(f"{len(told) - MOST_FINDINGS} more like these: `jitsu deploy --dry-run --json`")


def _variables(pairs: Sequence[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name.strip() or not equals:
            # The pair itself stays out of the message: it may be a secret with its name forgotten.
            raise UsageError("--env takes KEY=VALUE", hint="for instance --env NODE_ENV=production")
        found[name.strip()] = value
    return found


def _ask(console: Console, options: DeployOptions) -> DeployOptions:
    """Ask for what package.json lacks, all of it, and whether the answers may be written there."""
    if not console.interactive:
        return options
    from jitsu_py.project import manifest as manifests

    manifest = manifests.read(options.folder, check=False)
    answers: dict[str, Any] = {}
    for problem in manifests.problems(manifest, options.folder):
        if problem.needed:
            answers = _answered(console, manifest, problem, answers)
    return _agreed(console, options, answers) if answers else options


def _answered(
    console: Console, manifest: Manifest, problem: Problem, answers: dict[str, Any]
) -> dict[str, Any]:
    """Ask until the answer is one that package.json can take; returns `answers` with it."""
    from jitsu_py.project import manifest as manifests

    while True:
        question = f"{problem.message} {problem.field}"
        answer = console.questions.ask(question, flag=problem.field, default=problem.default)
        given = _merged(answers, problem.change(answer))
        after = manifests.parse(manifest.path, manifests.changed(manifest, given))
        again = [one for one in manifests.problems(after, manifest.folder) if one.field == problem.field]
        if not again:
            return given
        problem = again[0]


def _merged(answers: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    return {
        **answers,
        **{
            key: {**answers.get(key, {}), **value} if isinstance(value, dict) else value
            for key, value in more.items()
        },
    }


def _agreed(console: Console, options: DeployOptions, answers: dict[str, Any]) -> DeployOptions:
    """Show what the answers do to package.json, and take a yes or a no to writing them."""
    from jitsu_py.project import manifest as manifests

    console.say(manifests.diff(manifests.read(options.folder, check=False), answers).rstrip())
    write = console.confirm("Write this to package.json?", default=True)
    return replace(options, answers=answers, write=write)


def _completed(console: Console, plan: Plan) -> bool:
    """Offer to add the modules that package.json lacks; whether the project is another one now."""
    # --yes agrees to the deploy. It was given before anybody knew of these.
    if not console.interactive or console.yes or not plan.findings:
        return False
    from jitsu_py.deploy.additions import add, offered

    with console.waiting("Asking npm for what is missing"):
        additions = offered(plan.folder, plan.findings)
    if not additions or not console.confirm(f"Add {' '.join(map(str, additions))} to package.json?"):
        return False
    add(plan.folder, additions, console)
    return True


def _planned(ctx: Context, options: DeployOptions) -> tuple[Plan, DeployOptions]:
    """Plan; where the subdomain is taken, ask for another one before anything is written."""
    from jitsu_py.deploy import plan

    while True:
        try:
            return plan(ctx.client, options), options
        except ConflictError as error:
            if error.code != Code.SUBDOMAIN_TAKEN or not ctx.console.interactive:
                raise
            free = error.details.get("free")
            question = f"{error.message[:1].upper()}{error.message[1:]}. Another subdomain"
            answer = ctx.console.questions.ask(question, flag="subdomain", default=free)
            options = _agreed(ctx.console, options, {**options.answers, "subdomain": answer})


def _described(plan: Plan) -> str:
    """The plan for people."""
    from jitsu_py.console.fields import size

    before = plan.existing.running if plan.existing else ""
    lines = [
        f"app        {plan.key}{'' if plan.existing else ' (new)'}",
        f"subdomain  {plan.subdomain}",
        f"snapshot   {plan.snapshot}{f' instead of {before}' if before else ''}",
        f"files      {len(plan.files)}, {size(plan.bytes)} before packing",
        *(
            f"setting    {change.key}: {_shown(change.old)} -> {_shown(change.new)}"
            for change in plan.settings
        ),
    ]
    return "\n".join([*lines, *([plan.diff.rstrip()] if plan.diff else [])])


def _shown(value: Any) -> str:
    import json

    return "not set" if value is None else value if isinstance(value, str) else json.dumps(value)


def _show(console: Console, deployed: Deployed) -> None:
    """The URL on stdout, for eyes and for `url=$(jitsu deploy)`; the sentence beside it on stderr."""
    from dataclasses import asdict

    how = "is being started" if deployed.detached else "is live"
    console.say(f"{deployed.user}/{deployed.app} {deployed.snapshot} {how} after {deployed.seconds:.1f} s")
    console.answer(deployed.url, asdict(deployed))
