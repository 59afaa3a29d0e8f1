"""The shapes of what the API takes and gives, as JSON Schema; what they mean stands in `routes.views`."""

from __future__ import annotations

from typing import Any, Final

from jitsu_py import wire

TEXT: Final = {"type": "string"}
FLAG: Final = {"type": "boolean"}
WHOLE: Final = {"type": "integer"}
NUMBER: Final = {"type": "number"}
TIME: Final = {"type": "string", "format": "date-time"}


def ref(name: str) -> dict[str, Any]:
    """The shape of that name."""
    return {"$ref": f"#/components/schemas/{name}"}


def array(items: dict[str, Any]) -> dict[str, Any]:
    """A list of these."""
    return {"type": "array", "items": items}


def maybe(shape: dict[str, Any]) -> dict[str, Any]:
    """This, or null."""
    return {"anyOf": [shape, {"type": "null"}]}


def obj(others: dict[str, Any] | None = None, /, **required: dict[str, Any]) -> dict[str, Any]:
    """An object with these keys.

    Args:
        others: the shape of further keys; None: anything.
    """
    shape: dict[str, Any] = {"type": "object", "properties": required, "required": list(required)}
    return shape if others is None else {**shape, "additionalProperties": others}


def wish(**optional: dict[str, Any]) -> dict[str, Any]:
    """An object that may have these keys, and others."""
    return {"type": "object", "properties": optional}


SHAPES: Final[dict[str, Any]] = {
    "App": obj(
        _id=TEXT,
        name=TEXT,
        user=TEXT,
        resource={"const": "App"},
        state={"enum": ["started", "stopped"]},
        condition={"enum": [condition.value for condition in wire.Condition]},
        subdomain=TEXT,
        domains=array(TEXT),
        urls=array(TEXT),
        env={"type": "object", "additionalProperties": TEXT},
        drones=WHOLE,
        maxDrones=WHOLE,
        config=obj(cloud=array(ref("Cloud"))),
        cloud=array(ref("Cloud")),
        snapshots=array(ref("Snapshot")),
        databases=array(TEXT),
        databaseVariables=array(TEXT),
        ctime=TIME,
        mtime=TIME,
    ),
    "Drone": obj(
        id=TEXT,
        number=WHOLE,
        state={"enum": ["booting", "ready", "sick", "backing-off", "stopping", "exited"]},
        snapshot=TEXT,
        pid=maybe(WHOLE),
        port=WHOLE,
        started=maybe(TIME),
        restarts=WHOLE,
        memory=maybe(WHOLE),
        memoryLimit=maybe(WHOLE),
        cpu=maybe(NUMBER),
        cpuSeconds=maybe(NUMBER),
        processes=WHOLE,
        requests=WHOLE,
    ),
    "Metrics": obj(
        since=TIME,
        requests=WHOLE,
        statuses={"type": "object", "additionalProperties": WHOLE},
        latency={"type": "object", "additionalProperties": maybe(WHOLE)},
        drones=array({"type": "object"}),
    ),
    "Cloud": obj(provider=TEXT, datacenter=TEXT, drones=WHOLE, ram=maybe(WHOLE)),
    "Snapshot": obj(
        id={"type": "string", "pattern": f"^{wire.SNAPSHOT_ID}$"},
        filename=TEXT,
        ctime=TIME,
        md5=TEXT,
        sha256=TEXT,
        size=WHOLE,
        state={"enum": ["building", "ready", "failed"]},
        active=FLAG,
        running=FLAG,
        served=FLAG,
    ),
    "Available": obj(available=FLAG, appname=FLAG, subdomain=FLAG),
    "User": obj(
        username=TEXT,
        email=maybe(TEXT),
        confirmed=FLAG,
        hasPassword=FLAG,
        limits={"type": "object"},
        ctime=TIME,
        mtime=TIME,
        resource={"const": "User"},
    ),
    "Confirmed": obj(message=TEXT, hasPassword=FLAG),
    "Token": obj(
        name=TEXT,
        prefix=TEXT,
        scope={"enum": ["full", "deploy", "read"]},
        app=maybe(TEXT),
        ctime=TIME,
        lastUsed=maybe(TIME),
        expires=maybe(TIME),
    ),
    "ThirdParty": obj(id=TEXT, provider=TEXT, url=TEXT, ctime=TIME),
    "Database": obj(
        id=TEXT,
        name=TEXT,
        type={"enum": ["couch", "redis", "mongo", "mongohq", "redistogo"]},
        user=TEXT,
        resource={"const": "Database"},
        metadata=obj(host=TEXT, port=WHOLE, password=maybe(TEXT)),
        url=maybe(TEXT),
        state={"enum": ["starting", "running", "slow", "stopped", "failed", "full"]},
        why=maybe(TEXT),
        size=WHOLE,
        memory=WHOLE,
        server=maybe(TEXT),
        limits=maybe(TEXT),
        apps=array(obj(name=TEXT, variables=array(TEXT))),
        schedule=obj(every=maybe({"enum": ["hourly", "daily", "weekly"]}), keep=WHOLE),
        ctime=TIME,
        mtime=TIME,
    ),
    "Backup": obj(id=TEXT, ctime=TIME, size=WHOLE, sha256=TEXT, server=TEXT, scheduled=FLAG),
    "Certificate": obj(
        host=TEXT,
        state={"enum": ["valid", "expired", "none", "waiting"]},
        source={"enum": ["own", "acme", "local", ""]},
        issuer=TEXT,
        begins=maybe(TIME),
        ends=maybe(TIME),
        error=TEXT,
        again=maybe(TIME),
    ),
    "CertificateWish": {**wish(certificate=TEXT, key=TEXT), "required": ["certificate", "key"]},
    "Drain": obj(
        id=TEXT,
        url=TEXT,
        app=maybe(TEXT),
        redact=FLAG,
        state={"enum": ["starting", "waiting", "shipping", "failing", "off"]},
        error=TEXT,
        shipped=WHOLE,
        skipped=WHOLE,
        waiting=WHOLE,
        ctime=TIME,
    ),
    "DrainWish": {**wish(url=TEXT, app=TEXT, redact=FLAG), "required": ["url"]},
    "Line": obj(id=WHOLE, time=NUMBER, service=TEXT, description=TEXT, host=TEXT, metric=WHOLE, meta={}),
    "Entry": obj(id=WHOLE, timestamp=TIME, isjson=FLAG, inputid=TEXT, json={"type": "object"}),
    "EnvChange": {
        "type": "object",
        "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
    },
    "Manifest": wish(
        name=TEXT,
        version=TEXT,
        subdomain=TEXT,
        domains=array(TEXT),
        env={"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}},
        scripts={"type": "object", "additionalProperties": TEXT},
    ),
    "CloudWish": wish(
        drones={"type": "integer", "minimum": 1, "maximum": 64},
        ram=maybe({"type": "integer", "minimum": 16}),
        provider=TEXT,
        datacenter=TEXT,
    ),
    "RollbackWish": {**wish(snapshot=TEXT, env=FLAG), "required": ["snapshot"]},
    "Email": obj(email=TEXT),
    "SignUp": obj(email=TEXT),
    "Confirm": obj(inviteCode=TEXT),
    "Forgot": wish(shake=TEXT, **{"new-password": TEXT}),
    "UserChange": wish(password=TEXT, email=TEXT, revokeTokens=FLAG),
    "TokenWish": wish(expires=TIME, scope={"enum": ["full", "deploy", "read"]}, app=TEXT),
    "DatabaseWish": {
        **wish(
            type={"enum": ["couch", "redis", "mongo", "mongohq", "redistogo"]},
            attach=TEXT,
            memory=maybe({"type": "integer", "minimum": 128}),
        ),
        "required": ["type"],
    },
    "DatabaseChange": wish(
        schedule=wish(
            every=maybe({"enum": ["hourly", "daily", "weekly"]}),
            keep={"type": "integer", "minimum": 1, "maximum": 1000},
        ),
        memory={"type": "integer", "minimum": 128},
    ),
    "ThirdPartyWish": {
        **wish(token=TEXT, provider=TEXT, id=TEXT, url=TEXT),
        "required": ["token", "provider"],
    },
    "LogQuery": wish(
        **{"from": TEXT, "until": TEXT, "rows": WHOLE, "grep": TEXT, "stream": TEXT, "redact": FLAG}
    ),
}
