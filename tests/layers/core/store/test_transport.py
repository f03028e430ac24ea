from __future__ import annotations

import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from covey.insight import meter
from covey.store.connection import BrokenError, Connection, Endpoint
from covey.store.faults import (
    ConditionFailed,
    Contended,
    RequestRefused,
    ServiceDown,
    TableMissing,
    Throttled,
    TransactionCancelled,
    fault_of,
)
from covey.store.signing import Credentials
from covey.store.transport import Attempts, LeanTransport, Transport, endpoint

KEY = {"pk": {"S": "a.0"}, "sk": {"S": "1"}}
TARGET = "X-Amz-Target: DynamoDB_20120810."


# ── both transports against the engine ────────────────────────────────────────────────────────


def test_an_item_goes_in_and_out_unchanged(wire: Transport, table: str) -> None:
    item = {**KEY, "d": {"M": {"B": {"B": "AAH/"}, "é": {"S": "ü"}}}, "b": {"B": "AAH/"}}
    wire.call("PutItem", {"TableName": table, "Item": item})
    assert wire.call("GetItem", {"TableName": table, "Key": KEY})["Item"] == item


def test_what_a_call_costs_is_metered(wire: Transport, table: str) -> None:
    meter.reset()
    wire.call("PutItem", {"TableName": table, "Item": KEY})
    wire.call("GetItem", {"TableName": table, "Key": KEY, "ConsistentRead": True})
    spent = meter.read()
    assert (spent.rru, spent.wru, spent.calls) == (1.0, 1.0, 2)
    assert spent.db_ms > 0
    assert spent.usd == pytest.approx(0.75e-6)


def test_a_condition_that_fails_tells_what_stood_there(wire: Transport, table: str) -> None:
    put = {"TableName": table, "Item": KEY, "ConditionExpression": "attribute_not_exists(pk)"}
    put["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    wire.call("PutItem", put)
    with pytest.raises(ConditionFailed) as refused:
        wire.call("PutItem", put)
    assert refused.value.item == KEY
    assert not refused.value.uncertain
    with pytest.raises(TransactionCancelled) as cancelled:
        wire.call("TransactWriteItems", {"TransactItems": [{"Put": put}]})
    assert [(r.code, r.item) for r in cancelled.value.reasons] == [("ConditionalCheckFailed", KEY)]


def test_faults_are_told_apart(wire: Transport, table: str) -> None:
    with pytest.raises(TableMissing):
        wire.call("GetItem", {"TableName": "there-is-no-such-table", "Key": KEY})
    with pytest.raises(RequestRefused):
        wire.call("GetItem", {"TableName": table, "Key": {"pk": {"S": "a"}}})


# ── the lean transport against a server that misbehaves ───────────────────────────────────────


Script = Callable[[socket.socket, str], None]


def answer(link: socket.socket, body: str = "{}", status: int = 200, head: str = "") -> None:
    data = body.encode()
    link.sendall(
        f"HTTP/1.1 {status} x\r\n{head}Content-Length: {len(data)}\r\n\r\n".encode() + data
    )


def fails(status: int, code: str) -> Script:
    return lambda link, _: answer(link, f'{{"__type":"x#{code}"}}', status)


def hangs_up(link: socket.socket, _: str) -> None:
    link.close()


def serves(link: socket.socket, _: str) -> None:
    answer(link)


@contextmanager
def server(*script: Script) -> Iterator[tuple[LeanTransport, list[str]]]:
    """A transport to a server that does one thing after the other, and what was asked of it."""
    asked: list[str] = []
    left = list(script)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(link: socket.socket) -> None:
        with link:
            while left:
                request = b""
                while b"\r\n\r\n" not in request:
                    more = link.recv(65_536)
                    if not more:
                        return
                    request += more
                head = request.split(b"\r\n\r\n")[0].decode()
                asked.append(head.split(TARGET)[1].split("\r\n")[0])
                step = left.pop(0)
                step(link, head)
                if step is hangs_up:
                    return

    def run() -> None:
        while left:
            try:
                link, _ = listener.accept()
            except OSError:
                return
            serve(link)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    port = listener.getsockname()[1]
    transport = LeanTransport(
        f"http://127.0.0.1:{port}",
        "us-east-1",
        lambda: Credentials("a", "b"),
        read_timeout=0.5,
        sleep=lambda seconds: None,
    )
    try:
        yield transport, asked
    finally:
        listener.close()


THROTTLED = fails(400, "ProvisionedThroughputExceededException")
DOWN = fails(500, "InternalServerError")
CONDITION = fails(400, "ConditionalCheckFailedException")


@pytest.mark.parametrize(
    ("operation", "request_", "script", "tries"),
    [
        ("GetItem", {}, [hangs_up, serves], 2),
        ("GetItem", {}, [DOWN, DOWN, serves], 3),
        ("PutItem", {}, [THROTTLED, THROTTLED, serves], 3),
        ("PutItem", {}, [hangs_up, serves], 2),
        ("UpdateItem", {}, [THROTTLED, serves], 2),
        ("UpdateItem", {"ConditionExpression": "v = :v"}, [hangs_up, serves], 2),
        ("TransactWriteItems", {}, [hangs_up, DOWN, serves], 3),
        (
            "TransactWriteItems",
            {},
            [fails(400, "TransactionInProgressException")] * 9 + [serves],
            10,
        ),
    ],
)
def test_a_passing_failure_is_tried_again(
    operation: str, request_: dict[str, str], script: list[Script], tries: int
) -> None:
    with server(*script) as (transport, asked):
        assert transport.call(operation, request_) == {}
    assert asked == [operation] * tries


def test_an_update_that_may_have_happened_is_not_sent_twice() -> None:
    for failure in (hangs_up, DOWN):
        with server(failure, serves) as (transport, asked), pytest.raises(ServiceDown) as down:
            transport.call("UpdateItem", {})
        assert asked == ["UpdateItem"]
        assert down.value.uncertain


@pytest.mark.parametrize(("first", "uncertain"), [(hangs_up, True), (THROTTLED, False)])
def test_a_condition_that_fails_on_a_repeated_send_says_whether_it_may_have_met_itself(
    first: Script, uncertain: bool
) -> None:
    with server(first, CONDITION) as (transport, _), pytest.raises(ConditionFailed) as refused:
        transport.call("PutItem", {"ConditionExpression": "attribute_not_exists(pk)"})
    assert refused.value.uncertain is uncertain


def test_throttling_without_end_is_reported() -> None:
    with server(*[THROTTLED] * 9) as (transport, asked), pytest.raises(Throttled):
        transport.call("GetItem", {})
    assert len(asked) == 5


def test_what_is_our_own_fault_is_not_tried_again() -> None:
    refusing = fails(400, "ValidationException")
    with server(refusing, serves) as (transport, asked), pytest.raises(RequestRefused):
        transport.call("GetItem", {})
    assert asked == ["GetItem"]


def test_a_connection_closed_while_idle_is_replaced_before_an_update_is_sent() -> None:
    def serve_and_close(link: socket.socket, _: str) -> None:
        answer(link)
        link.shutdown(socket.SHUT_RDWR)

    with server(serve_and_close, serves) as (transport, asked):
        transport.call("UpdateItem", {})
        time.sleep(0.05)
        transport.call("UpdateItem", {})
    assert asked == ["UpdateItem"] * 2


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: nine\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nx-amz-crc32: 5\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n}{",
        b"220 mail.example.com ESMTP\r\n\r\n",
        b"HTTP/1.1 200" + b"x" * 70_000,
        b"",
    ],
)
def test_an_answer_that_cannot_be_understood_is_a_broken_connection(data: bytes) -> None:
    def say(link: socket.socket, _: str) -> None:
        link.sendall(data)
        link.shutdown(socket.SHUT_WR)

    with server(say) as (transport, _), pytest.raises(ServiceDown):
        transport.call("UpdateItem", {})


def test_a_damaged_answer_is_noticed_and_a_whole_one_taken() -> None:
    body = '{"a":1}'
    stated = f"X-Amz-Crc32: {zlib.crc32(body.encode())}\r\n"
    with server(lambda link, _: answer(link, body, head=stated)) as (transport, _):
        assert transport.call("UpdateItem", {}) == {"a": 1}


def test_an_answer_in_pieces_is_put_together() -> None:
    def dribble(link: socket.socket, _: str) -> None:
        for byte in b'HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\n{"a":1}':
            link.sendall(bytes([byte]))

    with server(dribble, serves) as (transport, _):
        assert transport.call("GetItem", {}) == {"a": 1}


def test_a_server_that_is_silent_is_given_up() -> None:
    def silent(link: socket.socket, _: str) -> None:
        time.sleep(0.7)

    with server(silent) as (transport, _), pytest.raises(ServiceDown):
        transport.call("UpdateItem", {})


def test_a_database_that_hangs_is_given_up_before_a_functions_time_ends() -> None:
    now = 0.0
    attempts = Attempts(sleep=lambda _: None, clock=lambda: now)
    tries = 0
    with pytest.raises(ServiceDown):
        while True:
            tries += 1
            now += 8.0  # the time-out of a read
            attempts.after(ServiceDown("Connection", "timed out"), sent=True)
    assert tries == 2


def test_nobody_listening_is_safe_to_try_again() -> None:
    slept: list[float] = []
    transport = LeanTransport(
        "http://127.0.0.1:9", "us-east-1", lambda: Credentials("a", "b"), sleep=slept.append
    )
    with pytest.raises(ServiceDown) as down:
        transport.call("UpdateItem", {})
    assert len(slept) == 4
    assert not down.value.uncertain


def test_threads_do_not_share_a_connection(wire: Transport, table: str) -> None:
    def round_trip(number: int) -> bool:
        key = {"pk": {"S": f"a.{number}"}, "sk": {"S": "1"}}
        wire.call("PutItem", {"TableName": table, "Item": {**key, "n": {"N": str(number)}}})
        item = wire.call("GetItem", {"TableName": table, "Key": key})["Item"]
        return bool(item["n"]["N"] == str(number))

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(round_trip, range(200)))


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://127.0.0.1:8001", "127.0.0.1:8001"),
        ("https://dynamodb.eu-north-1.amazonaws.com", "dynamodb.eu-north-1.amazonaws.com"),
        ("https://example.com:443/", "example.com"),
        ("http://[::1]:80", "[::1]"),
    ],
)
def test_the_host_header_names_no_usual_port(url: str, host: str) -> None:
    assert Endpoint.of(url).host == host


@pytest.mark.parametrize("url", ["", "example.com", "file:///etc/passwd", "http://"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="not an http"):
        Endpoint.of(url)


def test_the_endpoint_is_the_environments_else_the_regions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL_DYNAMODB", raising=False)
    assert endpoint("eu-north-1") == "https://dynamodb.eu-north-1.amazonaws.com"
    assert endpoint("cn-north-1") == "https://dynamodb.cn-north-1.amazonaws.com.cn"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://all")
    assert endpoint("eu-north-1") == "http://all"
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://data")
    assert endpoint("eu-north-1") == "http://data"


def test_a_broken_connection_says_whether_anything_was_sent() -> None:
    connection = Connection(
        Endpoint.of("http://127.0.0.1:9"), None, connect_timeout=1, read_timeout=1
    )
    with pytest.raises(BrokenError) as broken:
        connection.post("", b"")
    assert not broken.value.sent


@pytest.mark.parametrize(
    ("codes", "kind"),
    [
        (["TransactionConflict", "None"], Contended),
        (["TransactionConflict", "ThrottlingError"], Throttled),
        (["ConditionalCheckFailed", "TransactionConflict"], TransactionCancelled),
        (["ValidationError"], TransactionCancelled),
        (["None"], TransactionCancelled),
    ],
)
def test_a_cancelled_transaction_is_worth_another_try_if_only_others_stopped_it(
    codes: list[str], kind: type
) -> None:
    reasons = [{"Code": code} for code in codes]
    body = {"__type": "x#TransactionCanceledException", "CancellationReasons": reasons}
    assert type(fault_of(400, body)) is kind


# ── over TLS, as in production ────────────────────────────────────────────────────────────────


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and a certificate of 127.0.0.1, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        signed.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@contextmanager
def tls_server(certificate: Path) -> Iterator[tuple[str, list[int]]]:
    """An address that answers every request, and one entry per connection that it took."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    listener = socket.create_server(("127.0.0.1", 0))
    connections: list[int] = []

    def run() -> None:
        with suppress(OSError):
            while True:
                raw, _ = listener.accept()
                with suppress(OSError), context.wrap_socket(raw, server_side=True) as link:
                    connections.append(1)
                    while b"\r\n\r\n" in link.recv(65_536):
                        answer(link)

    threading.Thread(target=run, daemon=True).start()
    try:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}", connections
    finally:
        listener.close()


def test_one_connection_over_tls_serves_many_calls(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    with tls_server(certificate) as (url, connections):
        transport = LeanTransport(url, "us-east-1", lambda: Credentials("a", "b"))
        for _ in range(5):
            assert transport.call("UpdateItem", {}) == {}
            time.sleep(0.01)
        assert connections == [1]


def test_a_certificate_that_nobody_vouches_for_is_refused(certificate: Path) -> None:
    with tls_server(certificate) as (url, _):
        transport = LeanTransport(
            url, "us-east-1", lambda: Credentials("a", "b"), sleep=lambda seconds: None
        )
        with pytest.raises(ServiceDown, match="CERTIFICATE_VERIFY_FAILED"):
            transport.call("GetItem", {})
