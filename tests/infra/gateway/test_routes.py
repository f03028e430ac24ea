"""Which resource a path names."""

from __future__ import annotations

import pytest

from infra.gateway.city import HttpRoute
from infra.gateway.routes import Routes

PATHS = ["/", "/a", "/a/{x}", "/a/special", "/a/{x}/b", "/a/special/{rest+}", "/g/{rest+}"]
ROUTES = Routes(HttpRoute("ANY", path, path) for path in PATHS)


@pytest.mark.parametrize(
    ("path", "resource", "parameters"),
    [
        ("/", "/", None),
        ("/a", "/a", None),
        ("/a/", "/a", None),
        ("/a/1", "/a/{x}", {"x": "1"}),
        ("/a/special", "/a/special", None),
        ("/a/special/b", "/a/special/{rest+}", {"rest": "b"}),
        ("/a/1/b", "/a/{x}/b", {"x": "1"}),
        ("/a/%2F/b", "/a/{x}/b", {"x": "%2F"}),
        ("/g/1/2/3", "/g/{rest+}", {"rest": "1/2/3"}),
        ("/g/1//3", "/g/{rest+}", {"rest": "1//3"}),
        ("/g", None, None),
        ("/b", None, None),
        ("/a//b", None, None),
        ("/a/1/c", None, None),
    ],
)
def test_the_most_specific_resource_is_chosen(path, resource, parameters):
    match = ROUTES.match(path)
    assert (match.resource if match else None) == resource
    assert (match.parameters if match else None) == parameters


def test_a_method_of_its_own_comes_before_any():
    routes = Routes([HttpRoute("ANY", "/", "any"), HttpRoute("GET", "/", "get")])
    match = routes.match("/")
    assert match.route("GET").function == "get"
    assert match.route("PUT").function == "any"
    assert match.route("TRACE") is None


def test_values_of_a_branch_that_failed_are_forgotten():
    paths = ["/{a}/x/{b}/end", "/{rest+}"]
    match = Routes(HttpRoute("ANY", path, path) for path in paths).match("/1/x/2/other")
    assert match.resource == "/{rest+}"
    assert match.parameters == {"rest": "1/x/2/other"}
