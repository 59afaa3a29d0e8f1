"""The two ways to read a source file, over thousands of files that people wrote."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from jitsu_py.project import quickscan, syntax
from tests.e2e.npm import home

if TYPE_CHECKING:
    from jitsu_py.project.facts import Facts

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def _told(facts: Facts) -> tuple[Counter[object], Counter[object], Counter[object]]:
    return (
        Counter((found.specifier, found.line, found.optional) for found in facts.imports),
        Counter((found.name, found.line) for found in facts.env),
        Counter(found.expression for found in facts.dynamic),
    )


def test_the_fast_way_and_the_parser_agree_on_npms_own_code() -> None:
    """Of npm and the packages in it nine of ten files are read the fast way, and none differently."""
    quick = total = 0
    different = []
    for path in sorted((*home().rglob("*.js"), *home().rglob("*.cjs"), *home().rglob("*.mjs"))):
        data = path.read_bytes() if path.is_file() else b""
        total += 1
        fast = quickscan.scan(data)
        if fast is None:
            continue
        quick += 1
        if _told(fast) != _told(syntax.parse(data, path.suffix)):
            different.append(path.relative_to(home()).as_posix())

    assert different == []
    assert quick >= 0.9 * total > 1000
