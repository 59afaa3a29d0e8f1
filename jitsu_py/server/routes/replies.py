"""What a refusal looks like, as an answer to a request or instead of a web socket."""

from __future__ import annotations

from fastapi.responses import JSONResponse

from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Code


def refusal(error: PlatformError, status: int | None = None) -> JSONResponse:
    """The error as a response; its status is the code's own unless given."""
    headers = {"www-authenticate": 'Basic realm="jitsu"'} if error.code is Code.UNAUTHORIZED else {}
    if error.code is Code.STALLED:
        headers["connection"] = "close"  # whoever does not send may not read either
    return JSONResponse(error.body(), status_code=status or error.status, headers=headers)
