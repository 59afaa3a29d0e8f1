"""The API's description of itself: complete, and true whatever is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.contract.routes import STREAMS
from tests.platforms import archive, hello

if TYPE_CHECKING:
    from tests.platforms import LocalPlatform

pytestmark = pytest.mark.slow

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]

LEFT_OUT = {*STREAMS, ("DELETE", "/users/{user}")}
"""The streams have no end, and the account itself must outlive the test."""

SLOWED = {"/users/{user}", "/users/{user}/confirm", "/users/{user}/forgot"}
"""Here each wrong guess waits longer than the one before."""


@pytest.fixture(scope="module")
def described(shared_platform: LocalPlatform) -> schemathesis.BaseSchema:
    """The description that the server gives, with an app that its examples can name."""
    user = shared_platform.user
    shared_platform.call("POST", f"/apps/{user}", {"name": "known"})
    shared_platform.call("POST", f"/apps/{user}/known/snapshots/0.1.0", data=archive(hello("known")))
    shared_platform.call("POST", f"/databases/{user}/known", {"type": "redis"})
    document = shared_platform.call("GET", "/openapi.json", auth=None).json()
    # The other types' servers take long to fetch and to start.
    document["components"]["schemas"]["DatabaseWish"]["properties"]["type"] = {"enum": ["redis", "nosuch"]}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                _steer(path, parameter, user)
    return schemathesis.openapi.from_dict(document)


def _steer(path: str, parameter: dict[str, Any], user: str) -> None:
    """Make most generated paths name what there is; else all answers would be refusals."""
    known = {"user": [user, "somebody"], "app": ["known", "unknown", "ünknown"], "ref": ["0.1.0", "0.2.0"]}
    if path.startswith("/databases/"):
        known["name"] = ["known", "unknown", "ünknown"]
    if parameter["name"] in known and not path.startswith("/users/{user}/thirdparty"):
        parameter["schema"] = {"enum": known[parameter["name"]]}


def test_every_operation_keeps_its_word(
    described: schemathesis.BaseSchema, shared_platform: LocalPlatform
) -> None:
    """No 5xx, no status, type or shape outside the description, for generated requests to every operation."""
    tried = 0
    for result in described.get_all_operations():
        assert isinstance(result, Ok), result
        operation = result.ok()
        if (operation.method.upper(), operation.path) in LEFT_OUT:
            continue
        _try(operation, shared_platform)
        tried += 1
    assert tried > 35


def _try(operation: schemathesis.APIOperation[Any, Any, Any, Any], platform: LocalPlatform) -> None:
    examples = 3 if operation.path in SLOWED else 20

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    def attempt(case: schemathesis.Case[Any]) -> None:
        auth = (platform.user, platform.token)
        response = case.call(base_url=platform.status.api, auth=auth, timeout=30)
        case.validate_response(response, checks=CHECKS)

    given(case=operation.as_strategy())(attempt)()


def test_every_answer_has_a_shape(shared_platform: LocalPlatform) -> None:
    """An operation without a described answer of success is forgotten in `openapi`."""
    document = shared_platform.call("GET", "/openapi.json", auth=None).json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            success = [answer for code, answer in operation["responses"].items() if code.startswith("2")]
            assert success, (method, path)
            assert all(answer["content"] for answer in success), (method, path)


def test_it_is_readable(shared_platform: LocalPlatform) -> None:
    """A page for people stands at /docs."""
    answer = shared_platform.call("GET", "/docs", auth=None)
    assert answer.status_code == 200
    assert "openapi.json" in answer.text
