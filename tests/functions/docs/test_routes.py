"""/, /docs, /openapi.json, /health."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from app import app
from covey.errors import Unavailable
from covey.wiring import services
from infra.build import openapi


@pytest.mark.parametrize("who", ["guest", "user", "administrator"])
def test_the_document_is_valid_openapi(api: Any, who: str) -> None:
    token = {"guest": None, "user": api.token("ada"), "administrator": api.token("r", "admin")}[who]
    document = api("GET", "/openapi.json", token=token).json
    OpenAPIV31SpecValidator(document).validate()
    assert document["openapi"] == "3.1.0"
    assert document["servers"] == [{"url": services().settings.public_url}]


def test_the_file_is_what_the_routes_say() -> None:
    assert openapi.TARGET.read_text("utf-8") == openapi.text(), "run: python -m infra.build.openapi"


def test_every_route_is_documented() -> None:
    described = {(one.path, one.method) for one in app.operations}
    served = {(path, method) for path, methods in app.routes.items() for method in methods}
    assert served == described
    assert all(one.summary and one.tag for one in app.operations)
    names = [f"{one.tag}.{one.name}" for one in app.operations]
    assert len(names) == len(set(names))


def test_a_body_that_may_be_left_out_is_not_required(api: Any) -> None:
    paths = api("GET", "/openapi.json").json["paths"]
    required = {
        (path, method): operation["requestBody"]["required"]
        for path, methods in paths.items()
        for method, operation in methods.items()
        if "requestBody" in operation
    }
    assert {key for key, must in required.items() if not must} == {
        ("/auth/refresh", "post"),
        ("/auth/sign-out", "post"),
        ("/auth/anonymous", "post"),
        ("/auth/passkeys/options", "post"),
        ("/auth/passkeys/{id}", "delete"),
    }


def test_every_schema_that_is_named_is_there() -> None:
    named = set(re.findall(r'"#/components/schemas/(\w+)"', openapi.text()))
    assert named <= {*app.schemas, "Problem"}


def test_collections_appear_with_their_fields(api: Any) -> None:
    document = api("GET", "/openapi.json").json
    assert document["paths"]["/records/posts/{id}"]["get"]["operationId"] == "posts.read_record"
    values = document["components"]["schemas"]["posts.Values"]
    assert values["required"] == ["title"]
    assert values["properties"]["title"]["maxLength"] == 200
    listed = document["paths"]["/records/posts"]["get"]["responses"]["200"]["content"]
    assert listed["application/json"]["schema"] == {
        "anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in ("posts.Page", "Plan")]
    }


def test_the_document_tells_no_secrets(api: Any) -> None:
    for token in (None, api.token("ada")):
        for path in ("/openapi.json", "/docs"):
            assert "ledger" not in api("GET", path, token=token).text
        schemas = api("GET", "/openapi.json", token=token).json["components"]["schemas"]
        own = {name: schema for name, schema in schemas.items() if name.startswith("posts.")}
        assert own
        assert "secret" not in json.dumps(own)  # a field of posts
    told = api("GET", "/openapi.json", token=api.token("root", "admin"))
    assert "ledger.Record" in told.text
    assert "secret" in told.json["components"]["schemas"]["posts.Values"]["properties"]
    assert told.headers["Cache-Control"] == "no-store"


def test_the_page_lists_every_operation_and_loads_nothing(api: Any) -> None:
    page = api("GET", "/docs")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    for operation in app.operations:
        assert operation.path in page.text
    assert "<script" not in page.text
    assert not re.findall(r"(?:src|href)=[\"']?(?:https?:)?//", page.text)
    style = re.search(r"<style>(.*?)</style>", page.text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page.headers["Content-Security-Policy"]


def test_the_page_is_safe_from_what_collections_say(api: Any) -> None:
    root = api.token("root", "admin")
    sly = {"fields": {}, "description": "<script>alert(1)</script>", "rules": {"read": "true"}}
    assert api("PUT", "/admin/collections/sly", body=sly, token=root).status == 201
    assert "<script" not in api("GET", "/docs").text


def test_health(api: Any) -> None:
    well = api("GET", "/health")
    assert (well.status, well.json["status"], well.json["catalog"]) == (200, "ok", 4)
    assert well.headers["Cache-Control"] == "no-store"


def test_health_says_when_the_database_is_away(api: Any) -> None:
    class Away:
        def load(self) -> Any:
            raise Unavailable("The database does not answer.", retry_after=2)

    services().__dict__["catalog_store"] = Away()
    ill = api("GET", "/health")
    assert (ill.status, ill.code, ill.headers["Retry-After"]) == (503, "unavailable", "2")


def test_the_index_points_to_the_rest(api: Any) -> None:
    index = api("GET", "/").json
    assert {index["docs"], index["openapi"], index["health"]} == {"docs", "openapi.json", "health"}
    for path in ("docs", "openapi.json", "health"):
        assert api("HEAD", f"/{path}").status == 200


@pytest.mark.parametrize("path", ["/", "/health", "/docs", "/openapi.json"])
def test_only_get_and_head(api: Any, path: str) -> None:
    answer = api("POST", path, body={})
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


def test_parameters_are_refused(api: Any) -> None:
    assert api("GET", "/docs?x=1").code == "invalid_parameter"
