"""The manual pages: jitsu(1), one for each command, jitsu-config(5), jitsu-exit-codes(7), jitsu-json(7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jitsu_py import answers, examples
from jitsu_py.manual import topics
from jitsu_py.manual.roff import Page, escaped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jitsu_py.tree import Flag, Node

CONFIG = ("jitsu-config", 5)
EXIT_CODES = ("jitsu-exit-codes", 7)
JSON = ("jitsu-json", 7)
ALWAYS = [("jitsu", 1), CONFIG, EXIT_CODES, JSON]


@dataclass(frozen=True)
class Source:
    """What the pages are made from."""

    tree: Node
    sections: Mapping[str, str]
    """The heads of jitsu(1)'s commands, by command."""
    exit_codes: Mapping[int, str]
    version: str


def pages(source: Source) -> dict[str, str]:
    """All pages, by their file below `man/`: "man1/jitsu.1"."""
    found = [_root(source), _config(source), _exit_codes(source), _json(source)]
    found += [_command(node, source) for node in source.tree.verbs]
    return {f"man{page.section}/{page.name}.{page.section}": page.finished() for page in found}


def _root(source: Source) -> Page:
    page = Page("jitsu", 1, "deploy Node.js apps with one command", source.version)
    page.head("Synopsis")
    page.synopsis("jitsu", source.tree.usage)
    page.head("Description")
    page.text(source.tree.summary)
    page.text(
        "The answer of a command is all that it writes to stdout. Progress, notes, questions and errors go "
        "to stderr. Questions are asked on a terminal only, all of them before anything is changed."
    )
    page.text(source.tree.description)
    page.head("Commands")
    for section in dict.fromkeys(source.sections.values()):
        page.sub(section)
        for node in source.tree.verbs:
            if source.sections.get(node.name) == section:
                page.item(_term(node), node.summary)
    page.head("Options")
    page.text("Every command takes these, before or after its name.")
    _flags(page, source.tree.flags)
    _environment(page)
    _files(page)
    _exit_status(page, source)
    _examples(page, "")
    page.see_also([*((f"jitsu-{node.name}", 1) for node in source.tree.verbs), CONFIG, EXIT_CODES, JSON])
    return page


def _command(node: Node, source: Source) -> Page:
    page = Page(f"jitsu-{node.name}", 1, node.summary, source.version)
    page.head("Synopsis")
    for one in _leaves(node):
        page.synopsis(f"jitsu {one.path}", one.usage)
    page.head("Description")
    page.text(node.summary)
    page.text(node.description)
    if node.aliases:
        page.text(f"Other names: {_code(node.aliases)}.")
    if node.verbs:
        page.head("Commands")
        for verb in _leaves(node):
            _verb(page, verb)
    page.head("Options")
    _flags(page, node.flags)
    page.text(
        "The options that all commands share are in `jitsu(1)`: `--json`, `--quiet`, `--host` and others."
    )
    if not node.verbs:
        _examples(page, node.path)
    _exit_status(page, source)
    page.see_also([*ALWAYS, *_related(node, source.tree)])
    return page


def _leaves(node: Node) -> list[Node]:
    """The commands below a group, those of a group in it included; of a command itself, itself."""
    return [one for one in node.walk() if not one.verbs]


def _verb(page: Page, verb: Node) -> None:
    """A verb of a group, within the group's page."""
    page.sub(f"{verb.path} {verb.usage.replace('[OPTIONS] ', '').replace('[OPTIONS]', '')}".rstrip())
    page.text(verb.summary)
    page.text(verb.description)
    if verb.aliases:
        page.text(f"Other names: {_code(verb.aliases)}.")
    _flags(page, verb.flags)
    for example in examples.of(verb.path):
        page.example(example.does, example.line)


def _config(source: Source) -> Page:
    from jitsu_py.settings.keys import KEYS

    page = Page(*CONFIG, "settings of jitsu", source.version)
    page.head("Description")
    page.text(topics.CONFIG)
    page.head("Settings")
    for name, key in KEYS.items():
        default = f" Default: `{key.default}`.".replace(".0`", "`") if key.default is not None else ""
        variable = f" Variable: `{key.environment}`." if key.environment else ""
        page.item(f"\\fB{name}\\fR", f"{key.summary[:1].upper()}{key.summary[1:]}.{default}{variable}")
    page.head("Profiles")
    page.text(topics.PROFILES)
    page.literal(topics.PROFILES_EXAMPLE)
    page.head("Credentials")
    page.text(topics.CREDENTIALS)
    page.head("The file of jitsu 0.x")
    page.text(topics.OLD_FILE)
    _environment(page)
    _files(page)
    page.see_also([("jitsu", 1), ("jitsu-config", 1), ("jitsu-host", 1), ("jitsu-login", 1)])
    return page


def _exit_codes(source: Source) -> Page:
    page = Page(*EXIT_CODES, "with which numbers jitsu ends", source.version)
    page.head("Description")
    page.text(topics.EXIT_CODES_INTRO)
    page.head("Exit status")
    for code, meaning in source.exit_codes.items():
        page.item(f"\\fB{code}\\fR", f"{meaning[:1].upper()}{meaning[1:]}.")
    page.head("Examples")
    page.example(
        "Go on only if the new version answers:", "url=$(jitsu deploy --no-input) && curl --fail $url"
    )
    page.see_also([("jitsu", 1), ("jitsu-deploy", 1), JSON])
    return page


def _json(source: Source) -> Page:
    page = Page(*JSON, "what jitsu answers with --json", source.version)
    page.head("Description")
    page.text(topics.JSON)
    page.text(answers.TYPES)
    page.head("Commands")
    page.text("The kind of object that each command answers; in brackets a list of it.")
    for path, answer in answers.given().items():
        page.item(f"\\fBjitsu {escaped(path)}\\fR", answer or "nothing")
    page.head("Kinds")
    for kind in answers.kinds():
        page.sub(kind.name)
        for fact in kind.facts:
            optional = ", may be left out" if fact.optional else ""
            page.item(f"\\fB{escaped(fact.key)}\\fR", f"{fact.type}{optional}: {fact.means}.")
    page.head("Examples")
    page.example("The names of the apps that are stopped:", topics.JSON_EXAMPLE)
    page.see_also([("jitsu", 1), EXIT_CODES])
    return page


def _flags(page: Page, flags: Iterable[Flag]) -> None:
    for flag in flags:
        names = ", ".join(f"\\fB{escaped(name)}\\fR" for name in flag.names)
        page.item(f"{names} \\fI{escaped(flag.metavar)}\\fR" if flag.metavar else names, flag.summary)


def _environment(page: Page) -> None:
    page.head("Environment")
    for name, meaning in topics.ENVIRONMENT.items():
        page.item(f"\\fB{escaped(name)}\\fR", meaning)


def _files(page: Page) -> None:
    page.head("Files")
    for name, meaning in topics.FILES.items():
        page.item(f"\\fI{escaped(name)}\\fR", meaning)


def _exit_status(page: Page, source: Source) -> None:
    page.head("Exit status")
    codes = ", ".join(f"{code} {meaning}" for code, meaning in source.exit_codes.items() if code < 4)
    page.text(f"{codes}, and more: see `jitsu-exit-codes(7)`.")


def _examples(page: Page, path: str) -> None:
    page.head("Examples")
    for example in examples.of(path):
        page.example(example.does, example.line)


def _term(node: Node) -> str:
    """A command's name with its aliases."""
    return ", ".join(f"\\fB{escaped(word)}\\fR" for word in (node.name, *node.aliases))


def _code(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _related(node: Node, tree: Node) -> Iterable[tuple[str, int]]:
    """Groups that have the command for a verb, and commands that are a verb of this group."""
    for other in tree.verbs:
        if other is not node and {node.name} & {verb.name for verb in other.verbs}:
            yield f"jitsu-{other.name}", 1
        if other.name in {verb.name for verb in node.verbs}:
            yield f"jitsu-{other.name}", 1
