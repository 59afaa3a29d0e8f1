"""How long the look through a project's code takes before it is sent."""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

FILES = 2_000
LIMIT = 0.5
"""Seconds that the look may take."""

_LOOK = """
import sys, time
from pathlib import Path
from jitsu_py.project import manifest, packlist
folder = Path(sys.argv[1])
read = manifest.read(folder)
files = packlist.packlist(folder, read)
start = time.perf_counter()
from jitsu_py.project import analyzer
report = analyzer.analyze(folder, files, read)
assert [found.name for found in report.missing] == ["undeclared"], report.missing
print(time.perf_counter() - start)
"""

_MODULE = """'use strict';
// {name}: one of many; require('nothing') in a comment is nothing.
const {{ join }} = require('node:path');
const express = require('express');
const {{ pick }} = require('lodash');
{links}

const limit = Number(process.env.LIMIT_{number} || 100) / 2;
const pattern = /^['"]?require\\('([^']+)'\\)$/;

/** Answers what it is asked. */
class Service{number} {{
  constructor(options = {{}}) {{
    this.options = pick(options, ['name', 'limit']);
    this.names = `service ${{options.name}} of {number}`;
  }}

  async find(request, response) {{
    try {{
      const rows = await this.query(`select * from t where id = ${{request.params.id}} limit ${{limit}}`);
      response.json(rows.map((row) => ({{ id: row.id, text: row.text.replace(pattern, '') }})));
    }} catch (error) {{
      response.status(500).send(error.message);
    }}
  }}
}}

{filler}
module.exports = {{ Service{number}, router: express.Router(), path: join(__dirname, 'x') }};
"""


def run(small: bool = False) -> list[dict[str, Any]]:
    """Measure a fresh process, the loading of the parser included.

    Args:
        small: a twentieth of the files and one turn, to see that it works.

    Returns:
        A row with name, ours (seconds), other (the limit), other_s, ratio, target.
    """
    files, turns = (FILES // 20, 1) if small else (FILES, 7)
    with tempfile.TemporaryDirectory(prefix="jitsu-analyzing-") as place:
        size = _write(Path(place), files)
        taken = [_look(place) for _ in range(turns + 1)][1:]
    ours = statistics.median(taken)
    return [
        {
            "name": f"analyzing {files:,} files, {size / 1_000_000:.1f} MB",
            "ours": ours,
            "other": "the limit",
            "other_s": LIMIT,
            "ratio": ours / LIMIT,
            "target": 1.0,
        }
    ]


def _write(folder: Path, files: int) -> int:
    chance = random.Random(2013)
    manifest = {"name": "measured", "version": "1.0.0", "dependencies": {"express": "4", "lodash": "4"}}
    (folder / "package.json").write_text(json.dumps(manifest))
    (folder / "server.js").write_text("require('./lib/0/0');\nrequire('undeclared');\n")
    size = 0
    for number in range(files):
        inner = folder / "lib" / str(number % 40)
        inner.mkdir(parents=True, exist_ok=True)
        others = [chance.randrange(files) for _ in range(3)]
        links = "\n".join(f"const m{other} = require('../{other % 40}/{other}');" for other in others)
        lines = chance.randrange(10, 60)
        filler = "\n".join(f"const value{line} = {{ a: {line}, b: 'text {line}' }};" for line in range(lines))
        text = _MODULE.format(name=inner.name, number=number, links=links, filler=filler)
        size += (inner / f"{number}.js").write_text(text)
    return size


def _look(folder: str) -> float:
    done = subprocess.run([sys.executable, "-c", _LOOK, folder], check=True, capture_output=True, text=True)
    return float(done.stdout)
