"""The content of a couch as a file: gzipped lines of JSON, a head, databases, their documents, an end.

All revisions that are nobody's ancestors are in it, with their attachments; deleted documents are not. A
document that is written meanwhile is in it as it was before or after.
"""

from __future__ import annotations

import gzip
import json
import zlib
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from jitsu_py.server.databases.addresses import couch_name
from jitsu_py.server.databases.couch_http import AnswerError, Couch
from jitsu_py.server.databases.kinds import UnusableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jitsu_py.server.databases.kinds import Site

PAGE: Final = 100
"""Documents asked for at a time, without their attachments."""

BATCH: Final = 2 * 2**20
"""Bytes of documents sent at a time, if one alone is not longer."""

LONGEST: Final = 256 * 2**20
"""Bytes of a line: a document with all its attachments."""


def dump(site: Site, target: Path) -> None:
    """Write the content of a running server to a file.

    Raises:
        UnreachableError, RefusedError, UnusableError; OSError.
    """
    count, main = 0, couch_name(site.name)
    with Couch(site) as couch, gzip.open(target, "wb", compresslevel=3) as file:
        _write(file, {"jitsu": "couch", "version": 1})
        for name in couch.ask("GET", "/_all_dbs"):
            if name.startswith("_"):
                continue
            security = couch.ask("GET", f"{_path(name)}/_security")
            # The database itself has no name here: it may be taken back into one that is called otherwise.
            _write(file, {"database": None if name == main else name, "security": security})
            for document in _documents(couch, name):
                _write(file, {"document": document})
                count += 1
        _write(file, {"end": count})


def check(source: Path) -> None:
    """See that a file is whole.

    Raises:
        UnusableError.
    """
    count, ended = 0, False
    for entry in _entries(source):
        ended = "end" in entry
        if ended and entry["end"] != count:
            raise UnusableError("some of its documents are missing")
        count += "document" in entry
    if not ended:
        raise UnusableError("its end is missing")


def load(site: Site, source: Path) -> None:
    """Write what is in a file to a running server that has nothing yet.

    Raises:
        UnreachableError, RefusedError, UnusableError.
    """
    name, waiting, size = couch_name(site.name), list[str](), 0
    with Couch(site) as couch:
        for entry in _entries(source):
            text = json.dumps(entry["document"]) if "document" in entry else ""
            if waiting and (not text or size + len(text) > BATCH):
                _send(couch, name, waiting)
                waiting, size = [], 0
            if text:
                waiting.append(text)
                size += len(text)
            elif "database" in entry:
                name = _make(couch, entry, couch_name(site.name))


def _make(couch: Couch, entry: dict[str, Any], main: str) -> str:
    """Have a database of the file; its name on the server."""
    name = main if entry["database"] is None else str(entry["database"])
    if entry["database"] is not None:
        if name == main:
            raise UnusableError(f"it has a database {name} beside its own, and this one is called so too")
        couch.ask("PUT", _path(name))
    if entry.get("security"):
        couch.ask("PUT", f"{_path(name)}/_security", json.dumps(entry["security"]).encode())
    return name


def _send(couch: Couch, name: str, documents: list[str]) -> None:
    body = f'{{"new_edits":false,"docs":[{",".join(documents)}]}}'
    answer = couch.ask("POST", f"{_path(name)}/_bulk_docs", body.encode())
    wrong = [one for one in answer if isinstance(one, dict) and "error" in one]
    if wrong:
        raise UnusableError(f"the server does not take a document: {json.dumps(wrong[0])[:300]}")


def _documents(couch: Couch, name: str) -> Iterator[dict[str, Any]]:
    """All revisions of a database's documents that are nobody's ancestors."""
    path, after = f"{_path(name)}/_all_docs?include_docs=true&conflicts=true&limit={PAGE}", ""
    while rows := couch.ask("GET", path + after)["rows"]:
        for row in rows:
            document = row.get("doc")
            if document is not None:
                others = document.pop("_conflicts", ())
                yield from _revisions(couch, name, document, others)
        after = f"&skip=1&startkey={quote(json.dumps(rows[-1]['id']), safe='')}"


def _revisions(
    couch: Couch, name: str, document: dict[str, Any], others: list[str]
) -> Iterator[dict[str, Any]]:
    path = f"{_path(name)}/{quote(document['_id'], safe='')}?attachments=true&rev="
    if "_attachments" not in document:
        yield document
        wanted = [*others]
    else:
        wanted = [document["_rev"], *others]
    for revision in wanted:
        try:
            yield couch.ask("GET", path + quote(revision, safe=""))
        except AnswerError as error:
            if error.status != 404:  # it was removed meanwhile, or compacted away
                raise


def _entries(source: Path) -> Iterator[dict[str, Any]]:
    try:
        with gzip.open(source, "rb") as file:
            entry = _read(file)
            if entry is None or entry.get("jitsu") != "couch":
                raise UnusableError("this is no backup of CouchDB")
            while (entry := _read(file)) is not None:
                yield entry
    except (EOFError, OSError, ValueError, zlib.error) as error:
        raise UnusableError(f"this is no backup of CouchDB, or damaged: {str(error)[:200]}") from error


def _read(file: gzip.GzipFile) -> dict[str, Any] | None:
    line = file.readline(LONGEST)
    if not line:
        return None
    if not line.endswith(b"\n"):
        raise UnusableError("it is damaged: a line has no end")
    entry = json.loads(line)
    if not isinstance(entry, dict):
        raise UnusableError("it is damaged: a line is no object")
    return entry


def _write(file: gzip.GzipFile, entry: dict[str, Any]) -> None:
    file.write(json.dumps(entry, separators=(",", ":")).encode() + b"\n")


def _path(name: str) -> str:
    return f"/{quote(name, safe='')}"
