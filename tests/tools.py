"""Programs that a test needs and that no Python package brings."""

from __future__ import annotations

import os
import shutil

import pytest


def need(program: str, package: str) -> str:
    """The path of a program.

    Where it is missing the test is skipped; in CI, where apt could have installed its package, it fails.
    """
    if found := shutil.which(program):
        return found
    installable = shutil.which("apt-get") and os.geteuid() == 0
    if os.environ.get("CI") and installable:
        pytest.fail(f"{program} is missing: apt-get install {package}")
    pytest.skip(f"{program} is not installed ({package})")
