"""The gateway over HTTP, with functions that do what each test asks."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import shutil
import signal
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

# Events ---------------------------------------------------------------------------------------


def test_an_event_is_api_gateways(gateway):
    answer = gateway.http.post(
        "/echo/a%20b/c?x=1&x=2&empty=&q=%C3%A9+b",
        content=b'{"text":"\xc3\xa9"}',
        headers=[("X-User", "ann"), ("X-User", "ben"), ("Content-Type", "application/json")],
    ).json()
    event = answer["event"]
    context = event.pop("requestContext")
    headers, several = event.pop("headers"), event.pop("multiValueHeaders")

    assert event == {
        "resource": "/echo/{proxy+}",
        "path": "/echo/a%20b/c",
        "httpMethod": "POST",
        "queryStringParameters": {"x": "2", "empty": "", "q": "é b"},
        "multiValueQueryStringParameters": {"x": ["1", "2"], "empty": [""], "q": ["é b"]},
        "pathParameters": {"proxy": "a%20b/c"},
        "stageVariables": {"colour": "green"},
        "body": '{"text":"é"}',
        "isBase64Encoded": False,
    }
    assert headers["X-User"] == "ben"
    assert several["X-User"] == ["ann", "ben"]
    assert headers["X-Forwarded-For"] == "127.0.0.1"
    assert headers["X-Forwarded-Proto"] == "http"
    assert headers["X-Amzn-Trace-Id"].startswith("Root=1-")
    assert set(context) == {
        "accountId",
        "apiId",
        "deploymentId",
        "domainName",
        "domainPrefix",
        "extendedRequestId",
        "httpMethod",
        "identity",
        "path",
        "protocol",
        "requestId",
        "requestTime",
        "requestTimeEpoch",
        "resourceId",
        "resourcePath",
        "stage",
    }
    assert context["identity"]["sourceIp"] == "127.0.0.1"
    assert context["identity"]["userAgent"].startswith("python-httpx")
    assert context["resourcePath"] == "/echo/{proxy+}"
    assert context["stage"] == "live"
    assert context["requestId"] == answer["context"]["request_id"]
    assert time.strptime(context["requestTime"], "%d/%b/%Y:%H:%M:%S +0000")
    assert abs(context["requestTimeEpoch"] / 1000 - time.time()) < 60


def test_what_is_absent_is_null(gateway):
    event = gateway.http.get("/").json()["event"]
    names = ["queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "body"]
    assert {name: event[name] for name in names} == dict.fromkeys(names)


def test_a_caller_cannot_choose_its_address(gateway):
    event = gateway.http.get("/", headers={"X-Forwarded-For": "10.0.0.1"}).json()["event"]
    assert event["requestContext"]["identity"]["sourceIp"] == "127.0.0.1"
    assert event["headers"]["X-Forwarded-For"] == "10.0.0.1, 127.0.0.1"


def test_a_worker_has_lambdas_context_and_environment(gateway):
    answer = gateway.http.get("/").json()
    assert answer["context"]["function_name"] == "Echo"
    assert answer["context"]["memory"] == "256"
    assert answer["context"]["arn"].endswith(":function:covey-Echo")
    assert 0 < answer["context"]["remaining"] <= 10_000
    environment = answer["environment"]
    assert environment["TABLE"] == "covey-records"
    assert environment["OWN"] == "1"
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "Echo"
    assert environment["AWS_ENDPOINT_URL_SQS"].startswith("http://127.0.0.1:")
    assert "VIRTUAL_ENV" not in environment


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="shown by Linux only")
def test_no_key_of_the_shell_is_in_a_process_that_runs_functions(gateway):
    assert os.environ["AWS_SECRET_ACCESS_KEY"] == "testing"  # the gateway's own shell has it
    gateway.http.get("/")
    started_with = [Path(f"/proc/{pid}/environ").read_bytes() for pid in gateway.family()]
    assert started_with
    assert not any(b"testing" in environment for environment in started_with)


@pytest.mark.parametrize(
    ("media_type", "encoded"),
    [("image/png", True), ("application/octet-stream; x=y", True), ("text/plain", False)],
)
def test_a_body_of_a_binary_type_arrives_in_base64(gateway, media_type, encoded):
    body = b"\x89PNG\x00\xff" if encoded else b"text"
    answer = gateway.http.post("/echo/x", content=body, headers={"Content-Type": media_type})
    event = answer.json()["event"]
    assert event["isBase64Encoded"] is encoded
    assert event["body"] == (base64.b64encode(body).decode() if encoded else "text")


# Answers --------------------------------------------------------------------------------------


def test_a_body_that_is_not_utf_8_arrives_as_it_was_sent(gateway):
    body = b'{"text":"\xff"}'
    headers = {"Content-Type": "application/json"}
    event = gateway.http.post("/echo/a", content=body, headers=headers).json()["event"]
    assert (base64.b64decode(event["body"]), event["isBase64Encoded"]) == (body, True)


def test_what_is_no_http_is_refused_with_a_problem(gateway):
    parts = urlsplit(gateway.url)
    with socket.create_connection((parts.hostname, parts.port), 20) as connection:
        connection.sendall(b"FROB / HTTP/1.1\r\nHost: x\r\n\r\n")
        heard = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, told = heard.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/problem+json" in head
    problem = json.loads(told)
    assert (problem["status"], problem["code"]) == (400, "bad_request")


def returned(gateway, value, **headers):
    return gateway.http.post("/say", json={"return": value}, headers=headers)


def test_base64_becomes_bytes_for_who_accepts_the_type(gateway):
    body = base64.b64encode(b"\x00\xff").decode()
    answer = {"statusCode": 200, "body": body, "isBase64Encoded": True}
    assert returned(gateway, answer, Accept="image/png, */*").content == b"\x00\xff"
    assert returned(gateway, answer, Accept="text/html").text == body


def test_headers_repeat(gateway):
    answer = returned(
        gateway,
        {
            "statusCode": "201",
            "headers": {"X-One": 1, "X-Both": "a"},
            "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"], "X-Both": ["a", "b"]},
        },
    )
    assert answer.status_code == 201
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert answer.headers.get_list("x-both") == ["a", "b"]
    assert answer.headers["x-one"] == "1"
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "value",
    [
        None,
        "text",
        {},
        {"statusCode": "ok"},
        {"statusCode": True},
        {"statusCode": 100},
        {"statusCode": 200, "body": {"not": "text"}},
        {"statusCode": 200, "more": 1},
        {"statusCode": 200, "isBase64Encoded": "yes"},
        {"statusCode": 200, "headers": ["no"]},
        {"statusCode": 200, "headers": {"X": {"no": 1}}},
        {"statusCode": 200, "headers": {"X": "a\r\nInjected: b"}},
        {"statusCode": 200, "headers": {"X Y": "a"}},
        {"statusCode": 200, "multiValueHeaders": {"X": "no list"}},
    ],
    ids=str,
)
def test_a_malformed_answer_is_502(gateway, value):
    answer = returned(gateway, value)
    assert answer.status_code == 502
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "function_failed"
    assert "injected" not in answer.headers


def test_no_body_where_none_belongs(gateway):
    answer = returned(gateway, {"statusCode": 204, "body": "x"})
    assert answer.content == b""
    assert "content-length" not in answer.headers


def test_head_has_headers_only(gateway):
    answer = gateway.http.head("/noop")
    assert answer.status_code == 200
    assert answer.content == b""


# Routes ---------------------------------------------------------------------------------------


def test_the_literal_route_wins(gateway):
    assert gateway.http.get("/things/special").json()["event"]["resource"] == "/things/special"
    other = gateway.http.get("/things/%2Fodd").json()["event"]
    assert other["resource"] == "/things/{id}"
    assert other["pathParameters"] == {"id": "%2Fodd"}


@pytest.mark.parametrize("path", ["/nothing", "/echo", "/things/a/b", "/noop/x"])
def test_no_such_path_is_a_404_problem(gateway, path):
    answer = gateway.http.get(path)
    assert answer.status_code == 404


def test_another_method_is_a_405_problem_with_allow(gateway):
    answer = gateway.http.delete("/things/1")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, PUT"
    assert answer.json()["code"] == "method_not_allowed"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert gateway.http.request("PROPFIND", "/noop").status_code == 405


def test_preflight_is_the_gateways(gateway):
    answer = gateway.http.options("/things/1", headers={"Origin": "https://example.org"})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-methods"] == "GET,POST"
    assert answer.headers["access-control-allow-headers"] == "Authorization,Content-Type"
    assert answer.headers["access-control-max-age"] == "600"
    assert gateway.http.options("/nothing").status_code == 404


# Limits ---------------------------------------------------------------------------------------


def test_a_body_over_ten_megabytes_is_413(gateway):
    url = urlsplit(gateway.url)
    with socket.create_connection((url.hostname, url.port)) as link:  # nothing is sent in vain
        link.sendall(b"POST /echo/x HTTP/1.1\r\nHost: x\r\nContent-Length: 10485761\r\n\r\n")
        head = link.recv(65_536).decode()
    assert head.startswith("HTTP/1.1 413")
    assert "connection: close" in head


def test_a_chunked_body_over_the_limit_is_413(gateway):
    chunks = (b"x" * 1_048_576 for _ in range(11))
    with contextlib.suppress(httpx.WriteError):
        assert gateway.http.post("/echo/x", content=chunks).status_code == 413
    assert gateway.http.get("/noop").status_code == 200


def test_an_event_over_six_megabytes_is_413(gateway):
    answer = gateway.http.post("/noop", content=b"x" * 6_400_000)
    assert answer.status_code == 413


def test_an_answer_over_six_megabytes_is_502(gateway):
    assert gateway.say({"size": 6_300_000}).status_code == 502
    assert len(gateway.say({"size": 6_000_000}).content) == 6_000_000


def test_long_headers_are_431(gateway):
    assert gateway.http.get("/noop", headers={"X-Long": "x" * 10_300}).status_code == 431
    with pytest.raises(httpx.HTTPError):
        httpx.get(gateway.url, headers={"X-Long": "x" * 300_000}).raise_for_status()
    assert gateway.http.get("/noop").status_code == 200


def test_a_body_that_arrives_with_its_head_is_not_taken_for_one(gateway):
    url = urlsplit(gateway.url)
    with socket.create_connection((url.hostname, url.port)) as link:
        link.sendall(
            b"POST /noop HTTP/1.1\r\nhost: x\r\ncontent-length: 200000\r\n\r\n" + b"x" * 200_000
        )
        assert b" 200 " in link.recv(65_536)


def test_nonsense_is_a_400_and_others_go_on(gateway):
    url = urlsplit(gateway.url)
    with socket.create_connection((url.hostname, url.port)) as link:
        link.sendall(b"\x00\x01 nonsense\r\n\r\n")
        assert b" 400 " in link.recv(65_536)
    assert gateway.http.get("/noop").status_code == 200


# Failures -------------------------------------------------------------------------------------


def test_what_a_handler_raises_is_502_and_logged(gateway):
    answer = gateway.say({"raise": "a secret detail"})
    assert answer.status_code == 502
    assert "secret" not in answer.text
    assert "a secret detail" in gateway.log.read_text()
    assert gateway.say({"return": {"statusCode": 200}}).status_code == 200


@pytest.mark.parametrize("way", ["kill", "exit"])
def test_a_worker_that_dies_in_a_request_is_502_and_replaced(gateway, way):
    assert gateway.say({"die": way}).status_code == 502
    assert gateway.say({"return": {"statusCode": 200}}).status_code == 200


def test_a_function_over_its_time_is_504_and_killed(gateway):
    before = set(gateway.family())
    started = time.monotonic()
    answer = gateway.say({"sleep": 30})
    assert answer.status_code == 504
    assert time.monotonic() - started < 20  # far from the 30 s that the handler would take
    assert answer.json()["code"] == "function_timeout"
    assert gateway.say({"return": {"statusCode": 200}}).status_code == 200
    assert len(before - set(gateway.family())) <= 1


def test_a_function_that_cannot_be_imported_is_502_each_time(gateway):
    for _ in range(2):
        answer = gateway.http.get("/broken")
        assert answer.status_code == 502
        assert "a_module" not in answer.text
    assert "No module named 'a_module_that_is_not_there'" in gateway.log.read_text()


def test_an_idle_worker_that_was_killed_is_replaced(gateway):
    pid = gateway.http.get("/").json()["pid"]
    os.kill(pid, signal.SIGKILL)
    time.sleep(0.1)
    answer = gateway.http.get("/")
    assert answer.status_code == 200
    assert answer.json()["pid"] != pid


def test_lines_of_a_handler_are_logged_with_its_request(gateway):
    answer = gateway.say({"print": "a line of the handler", "return": {"statusCode": 200}})
    (line,) = [x for x in gateway.log.read_text().splitlines() if "a line of the handler" in x]
    assert json.loads(line)["request_id"] == answer.headers["x-amzn-requestid"]


def test_reserved_concurrency_is_kept(gateway):
    async def both() -> list[float]:
        async with httpx.AsyncClient(base_url=gateway.url) as client:
            order = {"sleep": 0.3, "return": {"statusCode": 200}}
            started = time.monotonic()
            answers = await asyncio.gather(*(client.post("/single", json=order) for _ in range(2)))
            assert [answer.status_code for answer in answers] == [200, 200]
            return [time.monotonic() - started]

    assert asyncio.run(both())[0] > 0.6


# Concurrency ----------------------------------------------------------------------------------


def test_no_request_of_many_sees_another(gateway):
    async def all_of_them() -> list[tuple[str, str]]:
        gate = asyncio.Semaphore(64)  # httpx's own queue grows slow with its length
        async with httpx.AsyncClient(base_url=gateway.url, timeout=60) as client:

            async def one(number: int) -> tuple[str, str]:
                user = f"user-{number % 50}"
                async with gate:
                    answer = await client.get("/echo/x?sleep=0.005", headers={"X-User": user})
                assert answer.status_code == 200, answer.text
                return user, answer.json()["caller"]

            return await asyncio.gather(*(one(number) for number in range(500)))

    assert [pair for pair in asyncio.run(all_of_them()) if pair[0] != pair[1]] == []


def test_hundreds_of_callers_who_leave_take_no_worker_with_them(gateway):
    url = urlsplit(gateway.url)
    order = json.dumps({"sleep": 0.05, "return": {"statusCode": 200}}).encode()
    head = f"POST /say HTTP/1.1\r\nHost: x\r\nContent-Length: {len(order)}\r\n\r\n".encode()
    for _ in range(100):
        with socket.create_connection((url.hostname, url.port)) as link:
            link.sendall(head + order)
    assert gateway.say({"return": {"statusCode": 200}}).status_code == 200


# Reload ---------------------------------------------------------------------------------------


@pytest.fixture
def editable(tmp_path, launch):
    shutil.copytree(Path(__file__).parent / "house", tmp_path / "house")
    running = launch(tmp_path, tmp_path / "house" / "template.yaml", "--reload")
    yield running, tmp_path / "house"
    running.end()


def until(ask, expected, seconds=5.0):
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        answer = ask()
        if answer == expected:
            return time.monotonic() - started
        time.sleep(0.02)
    raise AssertionError(answer)


def test_changes_take_effect_and_mistakes_do_not(editable):
    gateway, house = editable

    def ask() -> str:
        return gateway.http.get("/changing").text

    source = house / "functions" / "changing.py"
    first = source.read_text()
    assert ask() == "first"
    source.write_text(first.replace("first", "second"))
    assert until(ask, "second") < 1.5

    source.write_text("def handler(:\n")
    until(lambda: "functions/changing.py:1:" in gateway.log.read_text(), True)
    assert ask() == "second"

    source.write_text("raise ValueError('at import')\n")
    until(lambda: gateway.http.get("/changing").status_code, 502)
    assert "at import" in ask()  # a developer's own machine may say so

    source.write_text(first.replace("first", "third"))
    until(ask, "third")

    template = house / "template.yaml"
    template.write_text(template.read_text().replace("Path: /noop", "Path: /other"))
    until(lambda: gateway.http.get("/other").status_code, 200)
    assert gateway.http.get("/noop").status_code == 404

    template.write_text("Resources: [")
    until(lambda: "The version before goes on" in gateway.log.read_text(), True)
    assert ask() == "third"


def test_a_call_under_way_ends_on_the_code_it_began_with(editable):
    gateway, house = editable
    gateway.say({"return": {"statusCode": 200}})

    async def call_and_change() -> int:
        async with httpx.AsyncClient(base_url=gateway.url) as client:
            order = {"sleep": 0.9, "return": {"statusCode": 200}}
            call = asyncio.create_task(client.post("/say", json=order))
            await asyncio.sleep(0.2)
            source = house / "functions" / "say.py"
            source.write_text(source.read_text() + "\n")
            return (await call).status_code

    assert asyncio.run(call_and_change()) == 200
    assert "Reloaded" in gateway.log.read_text()


# Ends -----------------------------------------------------------------------------------------


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_outlives_the_gateway(tmp_path, launch, number):
    running = launch(tmp_path, Path(__file__).parent / "house" / "template.yaml")
    try:
        assert running.http.get("/noop").status_code == 200
        family = running.family()
        assert len(family) >= 3
        running.process.send_signal(number)
        running.process.wait(10)
        until(lambda: [pid for pid in family if alive(pid)], [])
    finally:
        running.end()


def test_the_parent_of_workers_is_started_again(tmp_path, launch):
    running = launch(tmp_path, Path(__file__).parent / "house" / "template.yaml")
    try:
        assert running.http.get("/noop").status_code == 200
        os.kill(running.family()[0], signal.SIGKILL)
        until(lambda: running.http.get("/noop").status_code, 200)
    finally:
        running.end()


def test_a_second_gateway_on_the_same_data_says_what_to_do(tmp_path, launch):
    running = launch(tmp_path, Path(__file__).parent / "house" / "template.yaml")
    try:
        with pytest.raises(AssertionError, match=r"(?s)already runs on .*process \d+.*DATA="):
            launch(tmp_path, Path(__file__).parent / "house" / "template.yaml")
    finally:
        running.end()


def test_a_taken_port_says_what_to_do(tmp_path, launch, gateway):
    port = str(urlsplit(gateway.url).port)
    with pytest.raises(AssertionError, match=f"PORT={int(port) + 1}"):
        launch(tmp_path, Path(__file__).parent / "house" / "template.yaml", "--port", port)
