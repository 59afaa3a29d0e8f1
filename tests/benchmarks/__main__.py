"""`python -m tests.benchmarks [NAME…] [--small] [--json]`: run benchmarks and print their figures.

A benchmark is a module beside this one with `run(small: bool) -> list[dict]`. Its rows have `name`, `ours`
(seconds, unless `unit` names another), `other` (what it is held against), `other_s`, `ratio` and `target`:
the ratio wanted at most; None: none is set. `at_least` turns the target round: then more is better.
"""

from __future__ import annotations

import argparse
import json
import sys
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from jitsu_py.console.tables import plain


def known() -> list[str]:
    """Names of the benchmarks there are."""
    package = import_module("tests.benchmarks")
    names = sorted(module.name for module in iter_modules(package.__path__))
    return [name for name in names if hasattr(import_module(f"tests.benchmarks.{name}"), "run")]


def line(row: dict[str, Any]) -> list[str]:
    """A row as the table shows it."""
    unit = row.get("unit", "s")
    return [
        row["name"],
        _amount(row["ours"], unit),
        row.get("other") or "-",
        _amount(row.get("other_s"), unit),
        "-" if row.get("ratio") is None else f"{row['ratio']:.2f}",
        _target(row),
        verdict(row),
    ]


def verdict(row: dict[str, Any]) -> str:
    """Whether the target is met."""
    ratio, target = row.get("ratio"), row.get("target")
    if not isinstance(target, int | float) or ratio is None:
        return "-"
    met = ratio >= target if row.get("at_least") else ratio <= target
    return "met" if met else "MISSED"


def _target(row: dict[str, Any]) -> str:
    target = row.get("target")
    if target is None:
        return "-"
    return (
        f"{'>=' if row.get('at_least') else '<='} {target}"
        if isinstance(target, int | float)
        else str(target)
    )


def _amount(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    return f"{value * 1000:.0f} ms" if unit == "s" and value < 1 else f"{value:.2f} {unit}"


def main() -> int:
    """Run what is named, or all; 0 whatever the figures are, since a machine's noise is no failure."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Measure, and compare.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(known())}")
    parser.add_argument("--small", action="store_true", help="a short run, to see that it works")
    parser.add_argument("--json", action="store_true", help="the rows as JSON")
    given = parser.parse_args()
    if unknown := set(given.names) - set(known()):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(known())}")
    rows = []
    for name in given.names or known():
        sys.stderr.write(f"{name} …\n")
        rows += import_module(f"tests.benchmarks.{name}").run(small=given.small)
    heads = ["MEASURED", "OURS", "AGAINST", "THEIRS", "RATIO", "TARGET", ""]
    sys.stdout.write(json.dumps(rows, indent=2) if given.json else plain([heads, *map(line, rows)]))
    sys.stdout.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
