"""The API against its own description: whatever is sent, no answer is a defect and none is undocumented.

FOCAL_OMR_FUZZ=200 pytest tests/web/test_server_fuzz.py tries as many requests of each route.
"""

import os
import random
from collections.abc import Iterator

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from served import STAFF, read, served

pytestmark = pytest.mark.slow

EXAMPLES = int(os.environ.get("FOCAL_OMR_FUZZ", "4"))
LIKELY = 0.7
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with served(tmp_path_factory.mktemp("fuzz"), queued=10_000) as client:
        yield client


@pytest.fixture(scope="module")
def job(client: httpx.Client) -> str:
    return str(read(client, STAFF.read_bytes())["id"])


def test_no_answer_is_a_surprise(client: httpx.Client, job: str) -> None:
    schema = schemathesis.openapi.from_url(f"{client.base_url}/openapi.json")
    operations = [each.ok() for each in schema.get_all_operations()]
    assert len(operations) >= 16
    for operation in operations:

        @settings(
            max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), deadline=None, database=None
        )
        @given(operation.as_strategy())
        def no_answer_is_a_surprise(case: Case) -> None:
            if random.random() < LIKELY and case.method != "DELETE":
                make_likely(case, client, job)
            case.call_and_validate(checks=CHECKS)

        no_answer_is_a_surprise()


def make_likely(case: Case, client: httpx.Client, job: str) -> None:
    """Let a request be about what is there: else all of them are refused at the door."""
    if "id" in (case.path_parameters or {}):
        case.path_parameters["id"] = job
    if case.operation.path == "/api/jobs":
        data = bytearray(STAFF.read_bytes())
        for _ in range(random.randrange(20)):
            data[random.randrange(len(data))] = random.randrange(256)
        case.body = {"file": bytes(data)}
    elif isinstance(case.body, dict) and "revision" in case.body:
        case.body["revision"] = client.get(f"/api/jobs/{job}/overview").json()["revision"]
        if "staff" in case.body:
            case.body |= {"page": 1, "staff": 0, "symbol": random.randrange(30)}
