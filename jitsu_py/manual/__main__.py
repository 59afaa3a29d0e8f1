"""`python -m jitsu_py.manual`: make completions/, man/ and README's tables anew in this checkout."""

from __future__ import annotations

import sys
from pathlib import Path

import jitsu_py
from jitsu_py.manual import write

if __name__ == "__main__":
    for path in write(Path(jitsu_py.__file__).parents[1]):
        sys.stdout.write(f"{path}\n")
