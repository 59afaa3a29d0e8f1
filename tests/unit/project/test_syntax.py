"""What a source file asks for and reads, found by parsing, and by the faster way where that is sure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitsu_py.project import quickscan, syntax

if TYPE_CHECKING:
    from jitsu_py.project.facts import Facts


def _specifiers(source: str, suffix: str = ".js") -> list[str]:
    return [found.specifier for found in syntax.parse(source.encode(), suffix).imports]


def _env(source: str, suffix: str = ".js") -> list[tuple[str, bool]]:
    return [(found.name, found.default) for found in syntax.parse(source.encode(), suffix).env]


@pytest.mark.parametrize(
    ("source", "asked"),
    [
        ('const a = require("a")', ["a"]),
        ("require('@s/b/x.js').y()", ["@s/b/x.js"]),
        ("require(`c`)", ["c"]),
        ('import d from "d"', ["d"]),
        ('import "e"', ["e"]),
        ('import * as f from "f"; import g, { h as i } from "g"', ["f", "g"]),
        ('export * from "j"; export { k } from "k"; export * as l from "l"', ["j", "k", "l"]),
        ('const m = await import("m")', ["m"]),
        ('require.resolve("n"); module.require("o"); import.meta.resolve("p")', ["n", "o", "p"]),
        ("const load = createRequire(import.meta.url); load('q')", ["q"]),
        ("const $r = module.createRequire(__filename); $r('r')", ["r"]),
        ("const r = require; r('s')", ["s"]),
        (r'require("t\u0074")', ["tt"]),
        ('require(/* webpackChunkName: "x" */ "u")', ["u"]),
        ("const v = <div>Don't {require('v')}</div>", ["v"]),
        ("// require('w')\n/* require('x') */ \"require('y')\"; /require('z')/", []),
        ("`require('a')`; `${require('b')}`", ["b"]),
        ("define(function (require) { require('amd') })", []),
        ("(function e(t, n, require) { require('bundled') })()", []),
        ("foo.require('c'); require_('d'); myrequire('e')", []),
        ("require(name); import(name)", []),
        ("import type from 'real'", ["real"]),
        ("type A = { b: string }; const a: A = require('flow')", ["flow"]),
    ],
)
def test_what_javascript_asks_for(source: str, asked: list[str]) -> None:
    """Every way to ask for a module counts, and nothing that only looks like one."""
    assert sorted(_specifiers(source)) == sorted(asked)


@pytest.mark.parametrize(
    ("source", "asked"),
    [
        ('import type { A } from "a"; import { type B, type C } from "b"', []),
        ('import { type D, e } from "d"; import f, { type G } from "f"', ["d", "f"]),
        ('import h = require("h"); export type { I } from "i"; export { j } from "j"', ["h", "j"]),
        ('let k: import("k").L; declare module "m" {}', []),
        ("const n = require('n') as string; const o = <any>require('o')", ["n", "o"]),
    ],
)
def test_what_typescript_asks_for(source: str, asked: list[str]) -> None:
    """What is only types is gone when it runs."""
    assert sorted(_specifiers(source, ".ts")) == asked


def test_markup_in_typescript() -> None:
    """A .tsx file is read as one."""
    source = "import React from 'react'; const a = <A<string> b={require('c')}>it's</A>; x = process.env.Y!"

    assert _specifiers(source, ".tsx") == ["react", "c"]
    assert _env(source, ".tsx") == [("Y", False)]


@pytest.mark.parametrize(
    ("source", "optional"),
    [
        ("try { require('a') } catch (e) {}", True),
        ("try { if (x) { require('a') } } catch { y() }", True),
        ("try { x() } catch (e) { require('a') }", False),
        ("try { require('a') } finally { x() }", False),
        ("try { x() } catch (e) {} require('a')", False),
    ],
)
def test_what_the_code_copes_without(source: str, optional: bool) -> None:
    """A module asked for within `try` is optional where errors are caught."""
    parsed, quick = syntax.parse(source.encode(), ".js"), quickscan.scan(source.encode())

    assert [found.optional for found in parsed.imports] == [optional]
    assert quick == parsed


@pytest.mark.parametrize(
    ("source", "read"),
    [
        ("process.env.A", [("A", False)]),
        ("process.env['B'] + process.env[\"C\"]", [("B", False), ("C", False)]),
        ("process.env.D || 'd'; process.env.E ?? 1", [("D", True), ("E", True)]),
        ("process.env.F ||= 'x'", [("F", True)]),
        ("x || process.env.G; x || process.env.H || 'h'", [("G", False), ("H", True)]),
        ("process.env.I = 1; delete process.env.J", []),
        (
            "const { K, L: l, M = 1, N: n = 2, ...rest } = process.env",
            [("K", False), ("L", False), ("M", True), ("N", True)],
        ),
        ("const env = process.env; env.O; env['P']", [("O", False), ("P", False)]),
        ("const { env } = process; env.Q", [("Q", False)]),
        ("import { env as e } from 'node:process'; e.R", [("R", False)]),
        ("const { env: f } = require('process'); f.S", [("S", False)]),
        ("// process.env.T\n'process.env.U'; `process.env.V ${process.env.W}`", [("W", False)]),
        ("process.env[name]; Object.keys(process.env); 'X' in process.env", []),
        ("globalThis.process.env.Y", [("Y", False)]),
        ("env.Z; my.process.env.Z", []),
    ],
)
def test_what_is_read_of_the_environment(source: str, read: list[tuple[str, bool]]) -> None:
    """Members, keys, destructuring and other names for it; with a default or without; not what is written."""
    assert sorted(_env(source)) == sorted(read)


@pytest.mark.parametrize(
    ("source", "expressions"),
    [
        ("require(name)", ["name"]),
        ("import('lib-' + x)", ["'lib-' + x"]),
        ("require(f(a, b), c)", ["f(a, b)"]),
        (
            (
                "require('./' + x); require(path.join(__dirname, x)); require(__dirname + '/x'); "
                "require(`../${x}`)"
            ),
            [],
        ),
    ],
)
def test_what_nobody_can_tell(source: str, expressions: list[str]) -> None:
    """An expression is told, unless it can only name a file of the project."""
    parsed, quick = syntax.parse(source.encode(), ".js"), quickscan.scan(source.encode())

    assert [found.expression for found in parsed.dynamic] == expressions
    assert quick is not None
    assert [found.expression for found in quick.dynamic] == expressions


def test_lines_count_from_one() -> None:
    """Through comments and texts of several lines, in both ways."""
    source = b"#!/usr/bin/env node\n/*\n\n*/\nconst a = `\n${process.env.A}\n`\nrequire('b')\n"

    for facts in (syntax.parse(source, ".js"), quickscan.scan(source)):
        assert facts is not None
        assert [found.line for found in facts.env] == [6]
        assert [found.line for found in facts.imports] == [8]


@pytest.mark.parametrize(
    "source",
    [
        "const a = <p>Don't</p>; require('a')",
        "const a = <br/>; require('a')",
        "function f() {} /x'/.test(y); require('a')",
        "const load = createRequire(import.meta.url); load('a')",
        "const r = require; r('a')",
        "const { env } = process; env.A",
        "const env = process.env; env.A",
        "define(function (require) { require('a') })",
        'require("a\\x62")',
        "'unterminated\nrequire('a')",
    ],
)
def test_what_is_in_doubt_is_parsed(source: str) -> None:
    """The fast way gives up where it could be wrong."""
    assert quickscan.scan(source.encode()) is None


_PIECES = [
    *(
        "require('a')",
        'require("@s/b/c")',
        "require(`d`)",
        "import e from 'e'",
        "import 'f'",
        "export * from 'g'",
    ),
    *(
        "import('h')",
        "require.resolve('i')",
        "process.env.A",
        "process.env['B']",
        "process.env.C || 'c'",
        "!process.env.D",
    ),
    *(
        "process.env.E = 1",
        "delete process.env.F",
        "require(x + 'y')",
        "import(z)",
        "process.exit(1)",
        "process.env[x]",
    ),
    *(
        "// require('no')\n",
        "/* require('no')\n process.env.NO */",
        "'require(\\'no\\')'",
        '"process.env.NO"',
        "`a ${1} b`",
    ),
    *(
        "`x ${process.env.G} y`",
        "`${`${require('j')}`}`",
        "a / b / c",
        "x = /['\"`]require('no')/g",
        "f(/[/'\"]/)",
    ),
    *(
        "return /'/",
        "(a + b) / 2",
        "if (a) /'/.test(b)",
        "i++ / 2",
        "a[0] / 'x'",
        "{ a: 1 }",
        "try { require('k') } catch (e) {}",
    ),
    *(
        "({ require: 1, process: 2 })",
        "foo.require('no')",
        "x.process",
        "typeof process",
        "/* ' */",
        "// it's\n",
        "''",
        "é / 2",
    ),
    *(
        "const { P, Q = 1 } = process.env",
        "y = process.env",
        "const { env } = process",
        "module.require('l')",
        "<a/>",
    ),
]


@given(st.lists(st.sampled_from(_PIECES), max_size=12), st.sampled_from([";\n", "; ", ";\n\n"]))
@settings(max_examples=600, deadline=None)
def test_both_ways_find_the_same(pieces: list[str], between: str) -> None:
    """Wherever the fast way gives an answer, it is the parser's."""
    source = between.join(pieces).encode()
    quick = quickscan.scan(source)
    if quick is None:
        return
    parsed = syntax.parse(source, ".js")

    def key(facts: Facts) -> tuple[object, ...]:
        imports = sorted((found.specifier, found.line) for found in facts.imports)
        return imports, sorted((found.name, found.line) for found in facts.env), len(facts.dynamic)

    assert key(quick) == key(parsed)


@given(st.binary(max_size=300), st.sampled_from([".js", ".ts", ".tsx"]))
@settings(deadline=None)
def test_any_bytes_can_be_read(data: bytes, suffix: str) -> None:
    """A file that is no source at all makes neither way stumble."""
    quickscan.scan(data)
    syntax.parse(data, suffix)
