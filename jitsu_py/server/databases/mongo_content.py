"""The content of a mongo as a file: gzipped BSON documents, a head, collections, their documents, an end."""

from __future__ import annotations

import gzip
from collections import deque
from typing import IO, TYPE_CHECKING, Any, Final, cast

from jitsu_py.server.databases.addresses import mongo_name
from jitsu_py.server.databases.kinds import UnusableError
from jitsu_py.server.databases.mongo_session import session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jitsu_py.server.databases.kinds import Site

BATCH: Final = 500
"""Documents sent at a time."""


def dump(site: Site, target: Path) -> None:
    """Write all collections of a running server, with their options, indexes and documents.

    Raises:
        UnreachableError, RefusedError, UnusableError; OSError.
    """
    from bson import CodecOptions, encode
    from bson.raw_bson import RawBSONDocument

    raw: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
    count = 0
    with session(site, site.password) as client, gzip.open(target, "wb", compresslevel=3) as file:
        database = client[mongo_name(site.name)]
        file.write(encode({"jitsu": "mongo", "version": 1}))
        for facts in database.list_collections():
            name, options = facts["name"], facts.get("options", {})
            if name.startswith("system."):
                continue
            is_view = facts.get("type") == "view"
            indexes = [] if is_view else [dict(one) for one in database[name].list_indexes()]
            file.write(encode({"collection": name, "options": options, "indexes": indexes}))
            for document in () if is_view else database.get_collection(name, codec_options=raw).find():
                file.write(encode({"document": document}))
                count += 1
        file.write(encode({"end": count}))


def check(source: Path) -> None:
    """See that a file is whole.

    Raises:
        UnusableError.
    """
    last = deque(_documents(source), maxlen=1)
    if not last or "end" not in last[0]:
        raise UnusableError("its end is missing")


def _documents(source: Path) -> Iterator[dict[str, Any]]:
    from bson import CodecOptions, decode_file_iter
    from bson.errors import InvalidBSON
    from bson.raw_bson import RawBSONDocument

    raw: CodecOptions[Any] = CodecOptions(document_class=RawBSONDocument)
    try:
        with gzip.open(source, "rb") as file:
            first = True
            for document in decode_file_iter(cast("IO[bytes]", file), codec_options=raw):
                if first and document.get("jitsu") != "mongo":
                    raise UnusableError("this is no backup of MongoDB")
                first = False
                yield document
            if first:
                raise UnusableError("it is empty")
    except (EOFError, gzip.BadGzipFile, InvalidBSON, ValueError, OSError) as error:
        raise UnusableError(f"this is no backup of MongoDB, or damaged: {str(error)[:200]}") from error
    except Exception as error:
        if type(error).__module__ != "zlib":
            raise
        raise UnusableError("it is damaged") from error


def load(site: Site, source: Path) -> None:
    """Put what is in a file into a running server that has nothing yet.

    Raises:
        UnreachableError, RefusedError, UnusableError.
    """
    with session(site, site.password) as client:
        database = client[mongo_name(site.name)]
        collection, waiting = None, list[Any]()
        for entry in _documents(source):
            if "document" in entry:
                waiting.append(entry["document"])
            if collection is not None and waiting and ("document" not in entry or len(waiting) >= BATCH):
                collection.insert_many(waiting, ordered=True)
                waiting = []
            if "collection" in entry:
                collection = database[str(entry["collection"])]
                _make_collection(database, entry)


def _make_collection(database: Any, entry: Any) -> None:
    from bson import decode

    facts: dict[str, Any] = decode(entry.raw)
    options = {key: value for key, value in facts["options"].items() if key != "uuid"}
    database.command({"create": facts["collection"], **options})
    indexes = [
        {key: value for key, value in index.items() if key not in ("ns", "v")} for index in facts["indexes"]
    ]
    if wanted := [index for index in indexes if index["name"] != "_id_"]:
        database.command({"createIndexes": facts["collection"], "indexes": wanted})
