"""The grammar every command shares: aliases, did-you-mean, and global flags wherever they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FLAGS = "jitsu_py.flags"
"""Key in `click.Context.meta`: the global flags given so far, by name, wherever they stood."""

WHOLE = 1000
"""Characters of a sentence that are shown of it: all."""


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if value is not None and value is not False and param.name:
        ctx.meta.setdefault(FLAGS, {})[param.name] = value


def _help(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        click.echo(ctx.get_help())
        ctx.exit()


def _version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        from jitsu_py import __version__

        click.echo(f"jitsu {__version__}")
        ctx.exit()


def _flag(*names: str, summary: str, **more: Any) -> click.Option:
    return click.Option(
        names, help=summary, is_flag=True, expose_value=False, is_eager=True, callback=_keep, **more
    )


def _value(*names: str, summary: str, metavar: str, **more: Any) -> click.Option:
    return click.Option(
        names, help=summary, metavar=metavar, expose_value=False, is_eager=True, callback=_keep, **more
    )


def global_flags() -> list[click.Option]:
    """The flags that every command takes, before or after its name."""
    return [
        _flag("--json", summary="The answer as JSON, alone on stdout; errors as JSON on stderr."),
        _flag("-q", "--quiet", summary="No words on stderr but errors."),
        _flag("--debug", summary="Requests and timings on stderr, secrets starred."),
        _flag("yes", "-y", "--yes", "-c", "--confirm", summary="Answer yes to every question of yes or no."),
        _flag("--no-input", summary="Never ask; an error names the flag that answers."),
        _value(
            "--color",
            metavar="WHEN",
            summary="auto, always or never.",
            type=click.Choice(["auto", "always", "never"]),
        ),
        click.Option(
            ["color", "--no-colors", "--no-color"],
            flag_value="never",
            expose_value=False,
            is_eager=True,
            callback=_keep,
            help="The same as --color never.",
        ),
        _value("-j", "--jitsuconf", metavar="FILE", summary="Read this .jitsuconf of jitsu 0.x."),
        _flag("--localconf", summary="Read the .jitsuconf in this folder or above it."),
        _value("--profile", metavar="NAME", summary="Use the settings of this profile."),
        _value("--host", metavar="URL", summary="The platform to talk to; none: the one on this machine."),
        _value("--timeout", metavar="SECONDS", summary="How long an answer may take."),
        _value("--cacert", metavar="FILE", summary="Certificates of a private authority."),
        click.Option(
            ["-h", "--help"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_help,
            help="Show this.",
        ),
        click.Option(
            ["-V", "-v", "--version"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_version,
            help="Show the version.",
        ),
    ]


def take_global_flags(command: click.Command, path: str) -> click.Command:
    """Let `command`, and the verbs of a group, take the global flags too; its own of the same name win.

    Args:
        path: the words that lead to it, "apps list"; its help ends with their examples.
    """
    command.add_help_option = False
    command.context_class = Here
    taken = {name for param in command.params for name in param.opts}
    for flag in global_flags():
        flag.opts = [name for name in flag.opts if name not in taken]
        if flag.opts:
            flag.hidden = flag.name != "help"
            command.params.append(flag)
    if command.epilog is None:
        command.epilog = _epilog(path)
    if isinstance(command, click.Group):
        for name, verb in command.commands.items():
            take_global_flags(verb, f"{path} {name}")
    return command


def _epilog(path: str) -> str:
    from jitsu_py import examples

    lines = "".join(f"\n  {one.does}\n    {one.line}" for one in examples.of(path))
    told = f"\b\nExamples:{lines}\n\n" if lines else ""
    return f"{told}Global flags such as --json, --quiet and --host work here too: see jitsu --help."


class Page(click.HelpFormatter):
    """A page of help as wide as the terminal, 80 columns at most; asks for that without loading `shutil`."""

    def __init__(self, indent_increment: int = 2, width: int | None = None, max_width: int | None = None):
        super().__init__(indent_increment, width or max(min(_columns(), max_width or 80) - 2, 30), max_width)

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write names and what they mean, side by side where there is room."""
        super().write_dl(rows, col_max if self.width >= 60 else self.width // 3, col_spacing)


class Here(click.Context):
    """Where a page of help is made."""

    formatter_class = Page


def _columns() -> int:
    """The terminal's columns, as `shutil.get_terminal_size` finds them."""
    import os
    import sys

    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given) > 0:
        return int(given)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or 80 if sys.__stdout__ else 80
    except (OSError, ValueError):
        return 80


class Group(click.Group):
    """A group whose verbs have aliases and which names the nearest verb when it knows none.

    Args:
        aliases: the other names of its verbs, by alias.
    """

    context_class = Here

    def __init__(self, *args: Any, aliases: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.aliases = dict(aliases or {})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb of that name or alias."""
        return super().get_command(ctx, self.aliases.get(cmd_name, cmd_name))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb that the words name; a usage error with the nearest one when there is none."""
        word = args[0]
        command = self.get_command(ctx, word)
        if command is None and not word.startswith("-"):
            ctx.fail(self.unknown(ctx, word))
        name, found, rest = super().resolve_command(ctx, args)
        # Not the command's own name: `jitsu signup` is `users create`, and its page must not say `create`.
        return (self.aliases.get(word, word) if found else name), found, rest

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs' first sentences, whole."""
        verbs = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, verb.get_short_help_str(WHOLE)) for name, verb in verbs if verb and not verb.hidden]
            )

    def unknown(self, ctx: click.Context, word: str) -> str:
        """What to say of a word that is no verb here."""
        import difflib

        near = difflib.get_close_matches(word, [*self.list_commands(ctx), *self.aliases], 3, 0.6)
        did_you_mean = f"; did you mean {' or '.join(near)}?" if near else ""
        return f"{ctx.command_path} has no command {word!r}{did_you_mean}"
