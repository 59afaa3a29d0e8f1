"""The report on a project's code: what is missing, what is read, what is secret."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitsu_py.project import analyzer, manifest, specifiers
from jitsu_py.project.analyzer import LONGEST, Report, Standing
from jitsu_py.project.leaks import leaks
from jitsu_py.project.packlist import packlist
from tests.unit.project import trees

if TYPE_CHECKING:
    from pathlib import Path


def _report(folder: Path, data: dict[str, Any] | None = None, **files: str | bytes) -> Report:
    read = trees.write(folder, {**trees.MINIMAL, **(data or {})}, **files)
    return analyzer.analyze(folder, packlist(folder, read), read)


def _missing(folder: Path, data: dict[str, Any] | None = None, **files: str | bytes) -> list[str]:
    return [found.name for found in _report(folder, data, **files).missing]


def test_an_undeclared_module_is_named_with_its_places(tmp_path: Path) -> None:
    """Each use has file, line and what stands there."""
    report = _report(
        tmp_path,
        {"dependencies": {"express": "4"}},
        **{"app.js": "require('express')\nrequire('lodash/fp')\n", "lib/b.mjs": "import _ from 'lodash'\n"},
    )

    (found,) = report.missing
    assert (found.name, found.standing, found.optional) == ("lodash", Standing.UNDECLARED, False)
    assert [(use.path, use.line, use.text) for use in found.uses] == [
        ("app.js", 2, "lodash/fp"),
        ("lib/b.mjs", 1, "lodash"),
    ]
    assert report.files == 2


@pytest.mark.parametrize(
    "specifier",
    [
        "fs",
        "node:fs",
        "node:sqlite",
        "fs/promises",
        "./b",
        "../b",
        ".",
        "/abs",
        "#inner",
        "app",
        "app/sub",
        "dep",
        "dep/x",
        "@s/dep/y",
        "opt",
        "peer",
        "@/alias",
        "~/alias",
        "https://x.y/z.js",
        "data:text/javascript,1",
        "",
    ],
)
def test_what_nobody_has_to_declare(tmp_path: Path, specifier: str) -> None:
    """Node's own modules, files, the package itself, whatever is declared, and what npm cannot bring."""
    data = {
        "dependencies": {"dep": "1", "@s/dep": "1"},
        "optionalDependencies": {"opt": "1"},
        "peerDependencies": {"peer": "1"},
    }

    assert _missing(tmp_path, data, **{"a.js": f"require({json.dumps(specifier)})"}) == []


def test_a_module_that_an_old_engine_lacks(tmp_path: Path) -> None:
    """Node's own modules are those of the engine that the app asks for."""
    source = {"a.js": "require('http2'); require('worker_threads'); require('http')"}

    assert _missing(tmp_path, {"engines": {"node": "0.10.x"}}, **source) == ["http2", "worker_threads"]
    assert _missing(tmp_path, {"engines": {"node": "8.x"}}, **source) == ["worker_threads"]
    assert _missing(tmp_path, {"engines": {"node": ">=18"}}, **source) == []
    assert _missing(tmp_path, {"engines": {"node": "nonsense"}}, **source) == []


def test_what_is_declared_for_development_only(tmp_path: Path) -> None:
    """It is missing where the app is known to run it, and in tests and tools it is not."""
    data = {"scripts": {"start": "node server.js"}, "devDependencies": {"mocha": "1", "pino": "1"}}
    files = {
        "server.js": "require('./lib/log')",
        "lib/log.js": "require('pino')",
        "test/a.js": "require('mocha'); require('undeclared')",
        "webpack.config.js": "require('pino'); require('also-undeclared')",
    }

    (found,) = _report(tmp_path, data, **files).missing

    assert (found.name, found.standing, found.uses[0].path) == ("pino", Standing.DEVELOPMENT, "lib/log.js")


def test_code_aside_counts_where_the_app_leads_to_it(tmp_path: Path) -> None:
    """A file in `test/` that the app itself requires is part of the app."""
    data = {"scripts": {"start": "node --enable-source-maps server"}}
    files = {
        "server.js": "require('./test/helper')",
        "test/helper.js": "require('gone')",
        "test/x.js": "require('y')",
    }

    assert _missing(tmp_path, data, **files) == ["gone"]


def test_typescript_markup_and_aliases(tmp_path: Path) -> None:
    """Types are no modules; a compiler's aliases and its base folder are none either."""
    files = {
        "tsconfig.json": '{ // comments\n "compilerOptions": '
        '{ "baseUrl": "src", "paths": { "@app/*": ["x"], "conf": [], }, } }',
        "src/a.ts": "import type { T } from 'types'; import x from '@app/b'; import 'conf'; "
        "import y from 'utils/y'",
        "src/utils/y.ts": "import z from 'zod'",
        "src/c.tsx": "import React from 'react'; export default () => <p>it's</p>",
        "src/d.d.ts": "import q from 'declared-elsewhere'",
    }

    assert _missing(tmp_path, None, **files) == ["react", "zod"]


def test_packages_in_the_project_have_manifests_of_their_own(tmp_path: Path) -> None:
    """The nearest package.json counts, the project's too; workspaces know each other by name."""
    files = {
        "client/package.json": '{"name": "client", "dependencies": {"react": "1"}}',
        "client/a.js": "require('react'); require('dep'); require('gone')",
        "b.js": "require('react'); require('@w/one')",
        "packages/one/package.json": '{"name": "@w/one", "version": "1.0.0"}',
        "packages/one/index.js": "",
    }

    assert _missing(tmp_path, {"dependencies": {"dep": "1"}, "workspaces": ["packages/*"]}, **files) == [
        "gone",
        "react",
    ]


def test_modules_that_are_sent_along_are_there(tmp_path: Path) -> None:
    """What is packed in a node_modules further down is found by Node, and is not looked into."""
    files = {"lib/a.js": "require('sent')", "lib/node_modules/sent/index.js": "require('not-our-business')"}

    assert _missing(tmp_path, None, **files) == []


def test_the_manifests_imports_are_followed(tmp_path: Path) -> None:
    """A package behind `#name` has to be declared as well."""
    data = {"imports": {"#db": {"node": "pg", "default": "./db.js"}, "#a": "./a.js", "#fs": "node:fs"}}

    report = _report(tmp_path, data, **{"a.js": "import '#db'"})

    assert [(found.name, found.uses[0].path) for found in report.missing] == [("pg", "package.json")]


def test_a_module_that_the_code_copes_without(tmp_path: Path) -> None:
    """Optional is what is asked for within `try` everywhere."""
    report = _report(
        tmp_path,
        None,
        **{
            "a.js": "try { require('one') } catch (e) {}\ntry { require('two') } catch (e) {}",
            "b.js": "require('two')",
        },
    )

    assert [(found.name, found.optional) for found in report.missing] == [("one", True), ("two", False)]


def test_variables_are_listed_with_their_places(tmp_path: Path) -> None:
    """One entry a name; a default counts where the code has it everywhere."""
    report = _report(
        tmp_path,
        None,
        **{
            "a.js": "process.env.ONE\nprocess.env.TWO || 2\nprocess.env.PORT",
            "b.js": "process.env.ONE\nprocess.env.TWO",
            "test/c.js": "process.env.THREE",
        },
    )

    assert [
        (found.name, found.default, [(use.path, use.line) for use in found.uses])
        for found in report.variables
    ] == [
        ("ONE", False, [("a.js", 1), ("b.js", 1)]),
        ("PORT", False, [("a.js", 3)]),
        ("TWO", False, [("a.js", 2), ("b.js", 2)]),
    ]
    assert [found.name for found in report.unset({"ONE"})] == ["TWO"]


def test_what_cannot_be_told_and_what_is_too_large(tmp_path: Path) -> None:
    """Both are said, so that silence means something."""
    report = _report(
        tmp_path, None, **{"a.js": "\nrequire(plugin)", "big.js": "require('x')\n" + " " * LONGEST}
    )

    assert [(use.path, use.line, use.text) for use in report.dynamic] == [("a.js", 2, "plugin")]
    assert [use.path for use in report.skipped] == ["big.js"]
    assert report.missing == []


def test_a_file_that_vanished_is_no_error(tmp_path: Path) -> None:
    """Packing will say it."""
    read = trees.write(tmp_path, None, **{"a.js": "require('x')"})
    files = packlist(tmp_path, read)
    (tmp_path / "a.js").unlink()

    assert analyzer.analyze(tmp_path, files, read).missing == []


GITHUB = "ghp_" + "a1B2" * 9
STRIPE = "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("key = 'AKIA" + "IOSFODNN7ABCDEFG'", "an AWS access key"),
        (f"// {GITHUB}", "a GitHub token"),
        (f"stripe('{STRIPE}')", "a Stripe key"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAabcdefghijklmnopqrstuv\n", "a private key"),
        ("connect('postgres://app:s3cr3tpw@db.internal.net/x')", "a password in a URL"),
        ("const dbPassword = 'hT7!kq29LmZx4'", "a secret by its name"),
        ('{"api_key": "9f8e7d6c5b4a39281706f5e4"}', "a secret by its name"),
    ],
)
def test_a_secrets_shape_is_told(source: str, kind: str) -> None:
    """Kind, line and the first characters: enough to find it, not enough to use it."""
    (found,) = leaks("a.js", b"\n\n" + source.encode())

    assert (found.kind, found.path) == (kind, "a.js")
    assert found.line >= 3
    assert len(found.shown) <= 7


@pytest.mark.parametrize(
    "source",
    [
        "password = process.env.PASSWORD",
        "const password = 'password123'",
        "apiKey: 'YOUR_API_KEY_HERE_1234'",
        "token: '${TOKEN}'",
        "secret: 'xxxxxxxxxxxx1234'",
        "redis://user:pass@localhost:6379",
        "https://example.com/a:b@c",
        "postgres://user:${password}@host/db",
        "-----BEGIN PRIVATE KEY-----\\nXXXX\\n-----END PRIVATE KEY-----",
        "passwordField.placeholder = 'Enter the password'",
        "token('identifier-name')",
    ],
)
def test_what_only_looks_like_one_is_not(source: str) -> None:
    """Placeholders, examples, words and what runs on one's own machine."""
    assert list(leaks("a.js", source.encode())) == []


def test_secrets_are_found_in_all_texts_that_travel(tmp_path: Path) -> None:
    """Configuration and tests as well as code; not in lockfiles, and not in what stays at home."""
    files = {
        "config/prod.json": f'{{"t": "{GITHUB}"}}',
        "test/a.js": f"x = '{GITHUB}'",
        "package-lock.json": f'{{"x": "{GITHUB}"}}',
        "private.js": f"x = '{GITHUB}'",
        ".gitignore": "private.js\n",
    }

    assert [found.path for found in _report(tmp_path, None, **files).secrets] == [
        "config/prod.json",
        "test/a.js",
    ]


@pytest.mark.parametrize(
    ("specifier", "package"),
    [
        ("lodash", "lodash"),
        ("lodash/fp", "lodash"),
        ("@s/p", "@s/p"),
        ("@s/p/x/y.js", "@s/p"),
        ("JSONStream", "JSONStream"),
        ("socket.io", "socket.io"),
        ("@s", None),
        ("@/x", None),
        ("./x", None),
        ("/x", None),
        ("#x", None),
        ("node:fs", None),
        ("bun:test", None),
        ("C:\\x", None),
        ("a b", None),
        ("$lib/x", None),
    ],
)
def test_the_package_of_a_specifier(specifier: str, package: str | None) -> None:
    """The first part, or the first two behind a scope."""
    assert specifiers.package_of(specifier) == package


@given(st.text(max_size=40))
def test_any_specifier_has_a_package_or_none(text: str) -> None:
    """No text makes it stumble, and a package is the beginning of what was asked for."""
    found = specifiers.package_of(text)
    assert found is None or text.startswith(found)


@given(st.binary(max_size=400))
def test_any_bytes_can_be_looked_through(data: bytes) -> None:
    """Whatever a file holds, the look for secrets ends."""
    assert all(found.line >= 1 for found in leaks("x", data))


def test_analyze_false_is_the_manifests_word(tmp_path: Path) -> None:
    """The switch is read, for the deploy to obey."""
    trees.write(tmp_path, {**trees.MINIMAL, "analyze": False})

    assert manifest.read(tmp_path).analyze is False
