"""Every parameter of the API, with anything in it: never an error of the server, always what is described."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.console.desk import Desk, desk_over

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import schemathesis
    from schemathesis.core.result import Ok
    from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

# The token here is always a right one, whatever the first believes (wrong ones: `test_api.py`); and a schema
# cannot say all that is refused: a day before 1970, an override that ended already.
EXCLUDED = [ignored_auth, positive_data_acceptance]


@pytest.fixture(scope="module")
def desk_for_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder: Path = tmp_path_factory.mktemp("fuzz")
    made = desk_over(f"sqlite:///{folder / 'tierline.db'}", folder)
    yield made
    made.state.engine.dispose()


def operations(desk: Desk) -> dict[str, Any]:
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", desk.app)
    found = [each.ok() for each in schema.get_all_operations() if isinstance(each, Ok)]
    return {f"{each.method.upper()} {each.path}": each for each in found}


def tried(operation: Any, token: str) -> None:
    """Ask one operation with anything in its parameters."""

    @given(case=operation.as_strategy())
    @settings(max_examples=60, suppress_health_check=list(HealthCheck))
    def fuzz(case: Any) -> None:
        response = case.call(headers={"authorization": f"Bearer {token}"})
        assert response.status_code < 500, response.text
        case.validate_response(response, excluded_checks=EXCLUDED)

    fuzz()


@pytest.mark.slow
def test_no_parameter_breaks_the_api(desk_for_all: Desk) -> None:
    found = operations(desk_for_all)
    assert len(found) >= 10, sorted(found)
    for operation in found.values():
        tried(operation, desk_for_all.tokens["admin"])
