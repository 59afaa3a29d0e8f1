"""Archives on their way in: streamed to disk, hashed on the way."""

from __future__ import annotations

import asyncio
import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@dataclass(frozen=True)
class Upload:
    """An archive on disk that belongs to no snapshot yet."""

    path: Path
    size: int
    md5: str
    sha256: str


class Receiver:
    """Takes uploads.

    Args:
        folder: where they lie until they belong to a snapshot.
        limit: largest archive, bytes.
        patience: seconds for which one may stand still; slow ones that go on may take all the time they need.
    """

    def __init__(self, folder: Path, limit: int, patience: float) -> None:
        self._folder = folder
        self._limit = limit
        self._patience = patience

    async def receive(self, stream: AsyncIterator[bytes], *, sha256: str | None) -> Upload:
        """Write an uploaded archive to disk, hashing it on the way.

        Args:
            sha256: hex, what the client says that it sends; None: it does not say.

        Raises:
            PlatformError: TOO_LARGE, INCOMPLETE, STALLED, DISK_FULL; nothing stays on disk then.
        """
        path = self._folder / f"upload-{os.urandom(8).hex()}.tgz"
        try:
            upload = await self._write(stream, path)
            if sha256 is not None and sha256.lower() != upload.sha256:
                raise PlatformError(
                    Code.INCOMPLETE, "The archive arrived damaged: its SHA-256 differs. Send it again."
                )
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return upload

    async def _write(self, stream: AsyncIterator[bytes], path: Path) -> Upload:
        md5, sha256, size = hashlib.md5(usedforsecurity=False), hashlib.sha256(), 0
        try:
            with path.open("xb") as file:
                async for chunk in self._moving(stream):
                    size += len(chunk)
                    if size > self._limit:
                        raise too_large(self._limit)
                    await asyncio.to_thread(_take, chunk, file.write, md5.update, sha256.update)
        except OSError as error:
            raise PlatformError(
                Code.DISK_FULL, f"The archive could not be written: {error.strerror}.", blame=Blame.SYSTEM
            ) from error
        return Upload(path, size, md5.hexdigest(), sha256.hexdigest())

    async def _moving(self, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The chunks as they come, until none comes for too long."""
        while True:
            try:
                async with asyncio.timeout(self._patience):
                    chunk = await anext(stream, None)
            except TimeoutError as error:
                raise PlatformError(
                    Code.STALLED, f"Nothing of the archive arrived for {self._patience:g} s. Send it again."
                ) from error
            if chunk is None:
                return
            yield chunk


def too_large(limit: int) -> PlatformError:
    """The refusal of an archive over the limit (bytes)."""
    return PlatformError(
        Code.TOO_LARGE,
        f"The archive is larger than {limit // 2**20} MiB. Leave files out with .npmignore, "
        "or raise [builds] archive in the server's server.toml.",
    )


def _take(chunk: bytes, *sinks: Any) -> None:
    for sink in sinks:
        sink(chunk)
