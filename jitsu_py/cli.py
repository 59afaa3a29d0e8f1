"""The command line: the table of commands, and the one place that shows errors.

No command is loaded before it is named.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

import click

from jitsu_py import grammar
from jitsu_py.errors import InterruptedByUserError, JitsuError, ReaderLeftError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jitsu_py.console import Console


class Entry(NamedTuple):
    """A command as the root knows it before it is loaded."""

    target: str
    """Module below `jitsu_py.commands`, a colon, the attribute."""
    summary: str
    """What `jitsu --help` says of it."""
    section: str
    """Under which head it stands there; empty: nowhere."""


APPS, MORE, ACCOUNT, MACHINE = "Apps", "Looking closer", "Account and settings", "This machine"

COMMANDS = {
    "deploy": Entry(
        "deploy:deploy", "Put the app of a folder live: pack, upload, build, start, switch over.", APPS
    ),
    "install": Entry("install:install", "Put a starter app into a folder, ready to deploy.", APPS),
    "create": Entry("apps:create", "Claim an app's name and subdomain, without a snapshot.", APPS),
    "list": Entry("apps:list_apps", "List the apps.", APPS),
    "view": Entry("apps:view", "Show everything about an app.", APPS),
    "start": Entry("apps:start", "Start an app.", APPS),
    "stop": Entry("apps:stop", "Stop an app.", APPS),
    "restart": Entry("apps:restart", "Replace an app's drones by new ones.", APPS),
    "scale": Entry(
        "apps:setdrones", "Run N processes of an app; a started one is brought up or down at once.", APPS
    ),
    "open": Entry("apps:browse", "Open an app in a browser, and print its URL.", APPS),
    "rollback": Entry(
        "snapshots.rollback:rollback",
        "Put an earlier snapshot live: the one before what runs, unless one is named.",
        APPS,
    ),
    "destroy": Entry("apps:destroy", "Remove an app with all its snapshots and logs.", APPS),
    "logs": Entry("logs:logs", "Show what an app printed.", APPS),
    "apps": Entry("apps:apps", "Everything about apps.", MORE),
    "snapshots": Entry("snapshots:snapshots", "The uploaded versions of an app.", MORE),
    "cloud": Entry(
        "apps:cloud",
        "Show or change where an app runs and how much of it; `cloud list` shows where apps can run.",
        MORE,
    ),
    "env": Entry("env:env", "The environment variables of an app.", MORE),
    "databases": Entry("databases:databases", "The databases of apps: redis, mongo, couch.", MORE),
    "package": Entry("package:package", "What a deploy would send.", MORE),
    "signup": Entry("users:create", "Sign up; a mail brings the code for `jitsu users confirm`.", ACCOUNT),
    "login": Entry("users:login", "Log in and keep a token on this machine.", ACCOUNT),
    "logout": Entry("users:logout", "Forget the token on this machine.", ACCOUNT),
    "whoami": Entry("users:whoami", "Say which account is in use.", ACCOUNT),
    "forgot": Entry("users:forgot", "Have a code mailed, or set a new password with it.", ACCOUNT),
    "users": Entry("users:users", "Everything about accounts.", ACCOUNT),
    "thirdparty": Entry(
        "thirdparty:thirdparty",
        "Tokens for GitHub, npm and the like: builds fetch private packages with them.",
        ACCOUNT,
    ),
    "tokens": Entry("tokens:tokens", "The tokens that scripts log in with.", ACCOUNT),
    "config": Entry("config:config", "The settings, each with its source.", ACCOUNT),
    "host": Entry("host:host", "Show or set the platform to talk to.", ACCOUNT),
    "server": Entry("server:server", "The platform on this machine.", MACHINE),
    "completion": Entry(
        "completion:completion", "Print the completion script of a shell, or install it.", MACHINE
    ),
}

ALIASES = {
    "d": "deploy",
    "push": "deploy",
    "publish": "deploy",
    "ls": "list",
    "l": "list",
    "v": "view",
    "init": "install",
    "conf": "config",
    "db": "databases",
    "dbs": "databases",
    "database": "databases",
}

EXIT_CODES = {
    0: "done",
    1: "a bug of ours",
    2: "usage",
    3: "not logged in, or refused",
    4: "not found",
    5: "conflict: name, subdomain or snapshot taken",
    6: "the project is wrong: package.json, no start script",
    7: "the build failed",
    8: "the start failed; the old version still serves",
    9: "the server cannot be reached",
    10: "timed out",
    11: "the server refused: disk, limits",
    130: "interrupted",
}


class Root(grammar.Group):
    """The root of the commands: knows all of them by name and loads the one that is meant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands' names, in the order of the table."""
        return [*COMMANDS, "help"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load the command of that name or alias."""
        name = self.aliases.get(cmd_name, cmd_name)
        entry = COMMANDS.get(name)
        if entry is None:
            return super().get_command(ctx, name)
        if name not in self.commands:
            from importlib import import_module

            module, _, attribute = entry.target.partition(":")
            command: click.Command = getattr(import_module(f"jitsu_py.commands.{module}"), attribute)
            self.commands[name] = grammar.take_global_flags(command, name)
        return self.commands[name]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table's summaries, section by section."""
        for section in dict.fromkeys(entry.section for entry in COMMANDS.values()):
            rows = [
                (_with_aliases(name), entry.summary)
                for name, entry in COMMANDS.items()
                if entry.section == section
            ]
            with formatter.section(section):
                formatter.write_dl(rows)


@click.command(
    cls=Root,
    aliases=ALIASES,
    add_help_option=False,
    params=grammar.global_flags(),
    epilog="\b\nExamples:\n  jitsu install helloworld && jitsu deploy helloworld\n  jitsu logs helloworld",
)
def root() -> None:
    """Deploy Node.js apps with one command: `jitsu deploy` in the app's folder.

    Commands: jitsu help COMMAND. Exit codes: jitsu help exit-codes. What --json answers: jitsu help json.
    """


@root.command(
    "help",
    add_help_option=False,
    params=grammar.global_flags(),
    epilog="\b\nExamples:\n  jitsu help env set\n  jitsu help exit-codes\n  jitsu help json",
)
@click.argument("words", nargs=-1, metavar="[COMMAND]...")
@click.pass_context
def help_command(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Show the help of a command, or of a topic: exit-codes, json."""
    if words == ("json",):
        from jitsu_py import answers

        click.echo(answers.page())
        return
    if words == ("exit-codes",):
        click.echo("\n".join(f"{code:>3}  {meaning}" for code, meaning in EXIT_CODES.items()))
        return
    here = ctx.find_root()
    for word in words:
        if not isinstance(here.command, click.Group):
            raise click.UsageError(f"{here.command_path} has no commands", ctx)
        name, command, _ = here.command.resolve_command(here, [word])
        assert command is not None
        here = grammar.Here(command, parent=here, info_name=name)
    click.echo(here.get_help())


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    import signal

    words = list(sys.argv[1:] if args is None else args)
    # Whoever ends us from outside (a CI system, a closed terminal) gets the same order as ^C.
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    code = run(words)
    sys.exit(code)


def run(words: list[str]) -> int:
    """Run a command line; returns its exit code, having shown what went wrong."""
    opened: list[click.Context] = []
    try:
        return _invoke(words, opened)
    except click.ClickException as error:
        return _misused(error, words, opened)
    except (KeyboardInterrupt, click.Abort):
        return _show(InterruptedByUserError("interrupted"), words, opened)
    except JitsuError as error:
        return _show(error, words, opened)
    except (BrokenPipeError, ReaderLeftError):
        # Whoever read our answer has seen enough (`| head`): the work is done.
        _drop_stdout()
        return 0
    except Exception as error:
        return _bug(error, words, opened)


def _invoke(words: list[str], opened: list[click.Context]) -> int:
    """Run the command that the words name, and see its answer written; `opened` gets its context."""
    code = 0
    try:
        with root.make_context("jitsu", words.copy() or ["--help"]) as ctx:
            opened.append(ctx)
            root.invoke(ctx)
    except click.exceptions.Exit as done:
        code = done.exit_code
    if sys.stdout is not None:
        sys.stdout.flush()
    return code


def _show(error: JitsuError, words: list[str], opened: list[click.Context]) -> int:
    try:
        console = _console(words, opened)
        if error.__cause__ is not None:
            console.trace(error)
        console.error(error)
    except OSError:
        # Nobody reads our words; the code still tells.
        pass
    return error.exit_code


def _console(words: list[str], opened: list[click.Context]) -> Console:
    """The run's own console, which knows its secrets; another where the run did not come as far as that."""
    from jitsu_py.console import Console

    if opened and opened[0].obj is not None:
        console = opened[0].obj.console
        assert isinstance(console, Console)
        return console
    # The flags were not read whole: these are looked for in the words themselves.
    flags = {"json": "--json" in words, "debug": "--debug" in words}
    flags["quiet"] = not {"-q", "--quiet"}.isdisjoint(words)
    return Console(flags, color="never" if "--no-colors" in words else "auto")


def _misused(error: click.ClickException, words: list[str], opened: list[click.Context]) -> int:
    """Show Click's own complaint about the command line; for a group without a verb its page."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    path, message = context.command_path if context else "jitsu", error.format_message()
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        if "--json" not in words:
            click.echo(message, err=True)
            return error.exit_code
        message = f"{path} needs a command"
    return _show(UsageError(message, hint=f"{path} --help"), words, opened)


def _bug(error: Exception, words: list[str], opened: list[click.Context]) -> int:
    """Say that something went wrong that we did not foresee; the trace only with --debug."""
    if isinstance(error, OSError) and not isinstance(error, ConnectionError):
        _drop_stdout()
        what = f"{error.filename or 'the answer'}: {error.strerror}" if error.strerror else str(error)
        return _show(JitsuError(what, code="system"), words, opened)
    if isinstance(error.__cause__, KeyboardInterrupt):
        # ^C while a class was made: until Python 3.12, what comes out of `__set_name__` is wrapped.
        return _show(InterruptedByUserError("interrupted"), words, opened)
    name = f"{type(error).__name__}: {error}".splitlines()[0]
    hint = "" if "--debug" in words else "run it again with --debug, and report what it prints"
    bug = JitsuError(f"jitsu has a bug here ({name})", hint=hint, code="bug")
    bug.__cause__ = error
    return _show(bug, words, opened)


def _drop_stdout() -> None:
    """Let what is still buffered go nowhere: the interpreter would try to write it again, and complain."""
    import os

    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _with_aliases(name: str) -> str:
    others = [alias for alias, meant in ALIASES.items() if meant == name]
    return ", ".join([name, *others])
