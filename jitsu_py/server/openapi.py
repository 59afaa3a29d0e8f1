"""The API's description for programs: what FastAPI knows of the routes, and what only we know.

Answers are plain objects, made by `routes.views` without a model in between; so their shapes stand here, and
a test holds what the server really answers against them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fastapi.openapi.utils import get_openapi

from jitsu_py import wire
from jitsu_py.server.openapi_shapes import SHAPES, array, obj, ref, wish
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from fastapi import FastAPI

OPEN: Final = frozenset(
    {
        *("GET /", "GET /health", "GET /endpoints", "POST /users/email/taken", "GET /users/{user}/available"),
        *("POST /users/{user}", "POST /users/{user}/confirm", "POST /users/{user}/forgot"),
    }
)
"""Operations that need no login."""

_APP: Final = obj(app=ref("App"))
_DATABASE: Final = obj(database=ref("Database"))
_DONE: Final = obj(ok={"const": True}, id={"type": "string"})
_CREATED: Final = obj(
    {"type": "string"}, operation={"enum": ["insert", "update"]}
)  # the token stands under its name
_LINES: Final = array(ref("Line"))
_ENTRIES: Final = obj(data=array(ref("Entry")), numFound={"type": "integer"}, context={"type": "object"})

_JSON: Final[dict[str, Any]] = {
    "GET /": obj(service={"const": "jitsu"}, version={"type": "string"}, router={"type": "string"}),
    "GET /health": obj(status={"type": "string"}),
    "GET /endpoints": obj(endpoints={"type": "object"}),
    "GET /auth": obj(authorized={"const": True}, user={"type": "string"}, via={"type": "string"}),
    "GET /apps/{user}": obj(apps=array(ref("App"))),
    "POST /apps/{user}": _APP,
    "PUT /apps/{user}": _APP,
    "GET /apps/{user}/{app}": _APP,
    "POST /apps/{user}/{app}": _APP,
    "PUT /apps/{user}/{app}": _APP,
    "PATCH /apps/{user}/{app}/env": _APP,
    "DELETE /apps/{user}/{app}": _DONE,
    "POST /apps/{user}/{app}/start": _APP,
    "POST /apps/{user}/{app}/stop": _APP,
    "POST /apps/{user}/{app}/restart": _APP,
    "POST /apps/{user}/{app}/rollback": _APP,
    "POST /apps/{user}/{app}/available": ref("Available"),
    "GET /apps/{user}/{app}/cloud": array(ref("Cloud")),
    "POST /apps/{user}/{app}/cloud": array(ref("Cloud")),
    "GET /apps/{user}/{app}/drones": obj(drones=array(ref("Drone"))),
    "GET /apps/{user}/{app}/metrics": ref("Metrics"),
    "GET /apps/{user}/{app}/certs": obj(certificates=array(ref("Certificate"))),
    "PUT /apps/{user}/{app}/certs/{ref}": obj(certificate=ref("Certificate"), warning={"type": "string"}),
    "DELETE /apps/{user}/{app}/certs/{ref}": _DONE,
    "POST /apps/{user}/{app}/certs/{ref}/retry": obj(certificate=ref("Certificate")),
    "GET /apps/{user}/{app}/snapshots": obj(snapshots=array(ref("Snapshot"))),
    "GET /apps/{user}/{app}/snapshots/{ref}": obj(snapshot=ref("Snapshot")),
    "POST /apps/{user}/{app}/snapshots/{ref}/activate": _APP,
    "DELETE /apps/{user}/{app}/snapshots/{ref}": _DONE,
    "POST /apps/{user}/snapshots/{ref}": _APP,
    "POST /users/email/taken": obj(taken={"type": "boolean"}),
    "GET /users/{user}/available": obj(available={"type": "boolean"}),
    "POST /users/{user}": {"anyOf": [obj(ok={"const": True}, user=ref("User")), ref("Confirmed")]},
    "POST /users/{user}/confirm": ref("Confirmed"),
    "POST /users/{user}/forgot": obj(ok={"const": True}, message={"type": "string"}),
    "GET /users/{user}": obj(user=ref("User")),
    "PUT /users/{user}": obj(user=ref("User")),
    "DELETE /users/{user}": _DONE,
    "GET /users/{user}/tokens": obj(apiTokens={"type": "object"}, tokens=array(ref("Token"))),
    "PUT /users/{user}/tokens": _CREATED,
    "POST /users/{user}/tokens": _CREATED,
    "PUT /users/{user}/tokens/{name}": _CREATED,
    "DELETE /users/{user}/tokens/{name}": _DONE,
    "GET /users/{user}/thirdparty": obj(thirdPartyTokens={"type": "object"}),
    "POST /users/{user}/thirdparty": obj(ok={"const": True}, thirdPartyToken=ref("ThirdParty")),
    "DELETE /users/{user}/thirdparty/{ref}": _DONE,
    "GET /databases/{user}": obj(databases=array(ref("Database"))),
    "POST /databases/{user}/{name}": _DATABASE,
    "GET /databases/{user}/{name}": _DATABASE,
    "PUT /databases/{user}/{name}": _DATABASE,
    "DELETE /databases/{user}/{name}": _DONE,
    "PUT /databases/{user}/{name}/apps/{app}": _DATABASE,
    "DELETE /databases/{user}/{name}/apps/{app}": _DATABASE,
    "POST /databases/{user}/{name}/rotate": _DATABASE,
    "POST /databases/{user}/{name}/start": _DATABASE,
    "POST /databases/{user}/{name}/stop": _DATABASE,
    "POST /databases/{user}/{name}/backups": obj(backup=ref("Backup")),
    "GET /databases/{user}/{name}/backups": obj(backups=array(ref("Backup"))),
    "DELETE /databases/{user}/{name}/backups/{ref}": _DONE,
    "POST /databases/{user}/{name}/restore": _DATABASE,
    "GET /logs/{user}/{app}": _LINES,
    "GET /logs/{user}/{app}/{rows}": _LINES,
    "POST /logs/{user}": _ENTRIES,
    "GET /drains/{user}": obj(drains=array(ref("Drain"))),
    "POST /drains/{user}": obj(drain=ref("Drain"), warning={"type": "string"}),
    "DELETE /drains/{user}/{ref}": _DONE,
    "POST /logs/{user}/{app}": _ENTRIES,
}
"""JSON answers of success."""

_OTHER: Final = {
    "GET /metrics": ("text/plain",),
    "GET /databases/{user}/{name}/backups/{ref}": ("application/octet-stream",),
    "GET /apps/{user}/{app}/snapshots/{ref}.tgz": ("application/octet-stream",),
    "GET /apps/{user}/{app}/snapshots/{ref}/log": ("text/plain",),
    "POST /apps/{user}/{app}/snapshots/{ref}": ("text/plain", wire.NDJSON),
    "POST /apps/{user}/{app}/start": (wire.NDJSON,),
    "GET /logs/{user}": (wire.NDJSON,),
    "GET /logs/{user}/{app}/tail": (wire.NDJSON,),
}
"""Answers of success that are no JSON."""

_BODIES: Final[dict[str, Any]] = {
    "POST /apps/{user}": ref("Manifest"),
    "PUT /apps/{user}": ref("Manifest"),
    "POST /apps/{user}/{app}": ref("Manifest"),
    "PUT /apps/{user}/{app}": ref("Manifest"),
    "PATCH /apps/{user}/{app}/env": ref("EnvChange"),
    "POST /apps/{user}/{app}/available": ref("Manifest"),
    "POST /apps/{user}/{app}/rollback": ref("RollbackWish"),
    "PUT /apps/{user}/{app}/certs/{ref}": ref("CertificateWish"),
    "POST /apps/{user}/{app}/cloud": array(ref("CloudWish")),
    "POST /users/email/taken": ref("Email"),
    "POST /users/{user}": {"anyOf": [ref("SignUp"), ref("Confirm")]},
    "POST /users/{user}/confirm": ref("Confirm"),
    "POST /users/{user}/forgot": ref("Forgot"),
    "PUT /users/{user}": ref("UserChange"),
    "PUT /users/{user}/tokens": ref("TokenWish"),
    "POST /users/{user}/tokens": ref("TokenWish"),
    "PUT /users/{user}/tokens/{name}": ref("TokenWish"),
    "POST /users/{user}/thirdparty": ref("ThirdPartyWish"),
    "POST /databases/{user}/{name}": ref("DatabaseWish"),
    "PUT /databases/{user}/{name}": ref("DatabaseChange"),
    "POST /databases/{user}/{name}/restore": wish(backup={"type": "string"}),
    "POST /drains/{user}": ref("DrainWish"),
    "POST /logs/{user}": ref("LogQuery"),
    "POST /logs/{user}/{app}": ref("LogQuery"),
}
_ARCHIVES: Final = frozenset({"POST /apps/{user}/{app}/snapshots/{ref}", "POST /apps/{user}/snapshots/{ref}"})
"""Operations whose body is a gzip tar."""

_FILTERS: Final = ("since", "until", "grep", "stream", "drone", "snapshot", "redact")
_QUERIES: Final = {
    "PUT /databases/{user}/{name}/apps/{app}": ("as",),
    "POST /databases/{user}/{name}/rotate": ("restart",),
    "GET /logs/{user}": (*_FILTERS, "rows", "after"),
    "GET /logs/{user}/{app}": (*_FILTERS, "rows", "newest"),
    "GET /logs/{user}/{app}/{rows}": (*_FILTERS, "newest"),
    "GET /logs/{user}/{app}/tail": (*_FILTERS, "rows", "after"),
}


def describe(app: FastAPI) -> None:
    """Have the application describe itself so."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _schema(app)
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


def _schema(app: FastAPI) -> dict[str, Any]:
    schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    error = obj(
        error={"type": "string", "enum": [code.value for code in Code]},
        message={"type": "string"},
        blame={"enum": [blame.value for blame in wire.Blame]},
    )
    schema["components"] = {
        "schemas": {**SHAPES, "Error": error},
        "securitySchemes": {"basic": {"type": "http", "scheme": "basic"}},
    }
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            _complete(f"{method.upper()} {path}", operation)
    return schema


def _complete(name: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    responses.pop("422", None)
    codes = ["200", "201"] if name == "POST /users/{user}" else [next(iter(responses))]
    success = {"application/json": {"schema": _JSON[name]}} if name in _JSON else {}
    other = {kind: {"schema": {"type": "string"}} for kind in _OTHER.get(name, ())}
    operation["responses"] = {
        **{code: {"description": "Done.", "content": {**success, **other}} for code in codes},
        "default": {
            "description": "Refused or failed; `error` is a stable code, `message` says what to do.",
            "content": {"application/json": {"schema": ref("Error")}},
        },
    }
    operation["security"] = [] if name in OPEN else [{"basic": []}]
    if name in _BODIES:
        operation["requestBody"] = {"content": {"application/json": {"schema": _BODIES[name]}}}
    if name in _ARCHIVES:
        archive = {"schema": {"type": "string", "format": "binary"}}
        operation["requestBody"] = {"content": {"application/octet-stream": archive}}
    for query in _QUERIES.get(name, ()):
        parameter = {"name": query, "in": "query", "required": False, "schema": {"type": "string"}}
        operation.setdefault("parameters", []).append(parameter)
