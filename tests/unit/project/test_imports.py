"""What it costs to import the project's modules: nothing but the standard library."""

from __future__ import annotations

import subprocess
import sys

_SCRIPT = """
import sys
before = set(sys.modules)
from jitsu_py.project import analyzer, archive, manifest, packlist, syntax, versions
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(sorted(new - set(sys.stdlib_module_names)))
"""


def test_no_package_is_loaded_before_it_is_needed() -> None:
    """Parsers, patterns and compression load where they are used."""
    done = subprocess.run([sys.executable, "-c", _SCRIPT], check=True, capture_output=True, text=True)

    assert done.stdout.strip() == "['jitsu_py']"
