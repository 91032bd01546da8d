"""Whatever a client sends, the answer is one the schema promises, and never a 5xx."""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts.models import User
from soc_portal.wsgi import application
from tests.api.places import set_api_stage
from tests.factories.api import token_of
from tests.factories.people import person

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
# A few random requests for each operation in every run; with SOC_FUZZ=100 that many, and every boundary of the schema.
DEPTH = int(os.environ.get("SOC_FUZZ", "0"))
EXAMPLES = DEPTH or 4
PHASES = [Phase.explicit, Phase.generate] if DEPTH else [Phase.generate]


@pytest.fixture(autouse=True)
def one_connection() -> Iterator[None]:
    """The requests see what the test has not committed, as Django's own test client arranges it."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def stage(ada: User, rita: User, adam: User) -> dict[str, Any]:
    return set_api_stage(ada, rita, adam)


@pytest.fixture(params=["reader", "admin"])
def bearer(request: pytest.FixtureRequest, stage: dict[str, Any]) -> dict[str, str]:
    """One of the roles; a token that may all its person may."""
    secret = token_of(person("sam", request.param), may_decide=True)[1]
    return {"Authorization": f"Bearer {secret}"}


schema = schemathesis.openapi.from_dict(json.loads(json.dumps(SchemaGenerator().get_schema(public=True))))
schema.app = application


@pytest.mark.slow
@pytest.mark.django_db
@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    phases=PHASES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_every_operation_keeps_its_promise(case: Any, bearer: dict[str, str], stage: dict[str, Any]) -> None:
    if "id" in case.path_parameters:
        resource = case.path.removeprefix("/api/v1/").partition("/")[0]
        case.path_parameters["id"] = str(stage[f"{resource}.pk"])
    case.call_and_validate(checks=CHECKS, headers=bearer)
