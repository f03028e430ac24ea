"""A request to another server, whatever that does."""

from __future__ import annotations

import ssl
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from covey.outbound import resolving
from covey.outbound.addresses import Reach
from covey.outbound.client import Answer, Client, Unreachable
from covey.testing.receiver import Behaviour, Received, Receiver, Write, answering

HOST = "hooks.example"


class Names:
    """A resolver that says what it is told to, and how often it was asked."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.asked: list[str] = []

    def __call__(self, host: str, port: int, seconds: float) -> Sequence[str]:
        self.asked.append(host)
        return self.addresses


def client(names: Names | None = None, **options: Any) -> Client:
    options = {"total_s": 1.0, "connect_s": 0.5, "max_bytes": 1_000, **options}
    return Client(Reach.LOOPBACK, resolve=names or Names("127.0.0.1"), **options)


def post(receiver: Receiver, **options: Any) -> Answer:
    return client(**options).send("POST", f"{receiver.url}/in?a=b", {"X-One": "1"}, b"body")


def test_a_request_arrives_as_it_was_made_and_the_answer_comes_back() -> None:
    with Receiver(answering(202, b"thanks", X_Told="yes")) as receiver:
        answer = post(receiver)
        (received,) = receiver.received
    assert (answer.status, answer.body, answer.cut) == (202, b"thanks", "")
    assert answer.headers["x-told"] == "yes"
    assert (received.method, received.path, received.body) == ("POST", "/in?a=b", b"body")
    assert received.headers["x-one"] == "1"
    assert received.headers["host"] == f"127.0.0.1:{receiver.port}"


def test_the_name_is_asked_for_once_and_the_connection_goes_where_it_said() -> None:
    names = Names("127.0.0.1")
    with Receiver() as receiver:
        url = f"http://{HOST}:{receiver.port}/"
        assert client(names).send("POST", url, {}, b"x").status == 204
        assert receiver.received[0].headers["host"] == f"{HOST}:{receiver.port}"
    assert names.asked == [HOST]


@pytest.mark.parametrize(
    "addresses",
    [
        ("169.254.169.254",),
        ("8.8.8.8", "10.0.0.1"),
        ("127.0.0.1", "192.168.0.1"),
        ("::ffff:169.254.169.254",),
        ("64:ff9b::a9fe:a9fe",),
        ("fd00:ec2::254",),
        ("2002:7f00:1::",),
        (),
    ],
)
def test_a_name_with_any_private_address_is_not_called(addresses: tuple[str, ...]) -> None:
    for scheme in ("https", "http"):
        with pytest.raises(Unreachable) as raised:
            client(Names(*addresses)).send("POST", f"{scheme}://{HOST}:8443/", {}, b"x")
        assert raised.value.refused


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/",
        "https://127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://2130706433:{port}/",
        "http://0x7f.1:{port}/",
        "http://0177.0.0.1:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://[::1]:{port}/",
        "http://0:{port}/",
    ],
)
def test_this_machine_is_not_called_in_earnest_however_it_is_written(url: str) -> None:
    with Receiver() as receiver:
        with pytest.raises(Unreachable) as raised:
            Client(Reach.PUBLIC, total_s=1).send("POST", url.format(port=receiver.port), {}, b"x")
        assert receiver.received == []
    assert raised.value.refused or "Error" in str(raised.value)


def test_a_redirect_is_an_answer_and_leads_nowhere() -> None:
    with Receiver() as inner:
        with Receiver(answering(307, Location=f"{inner.url}/secret")) as receiver:
            assert post(receiver).status == 307
        assert inner.received == []


def test_plain_http_reaches_no_other_machine() -> None:
    with pytest.raises(Unreachable) as raised:
        client(Names("8.8.8.8")).send("POST", f"http://{HOST}/", {}, b"x")
    assert raised.value.refused


def test_the_next_address_is_tried_where_nobody_listens_at_the_first() -> None:
    names = Names("127.0.0.9", "127.0.0.1")
    with Receiver() as receiver:
        assert client(names).send("POST", f"http://{HOST}:{receiver.port}/", {}, b"").status == 204


# ---- receivers that stall, lie and never end


def stalls(request: Received, write: Write) -> None:
    time.sleep(3)


def drips_its_head(request: Received, write: Write) -> None:
    write(b"HTTP/1.1 200 OK\r\n")
    for _ in range(100):
        write(b"X-Drip: 1\r\n")
        time.sleep(0.03)


def endless_head(request: Received, write: Write) -> None:
    write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    for _ in range(200):
        write(b"x" * 65_536)


def endless_interim(request: Received, write: Write) -> None:
    for _ in range(20_000):
        write(b"HTTP/1.1 100 Continue\r\n\r\n")


def nonsense(request: Received, write: Write) -> None:
    write(b"\x00\xff nonsense\r\n\r\n")


def silence(request: Received, write: Write) -> None:
    return


@pytest.mark.parametrize(
    "behaviour", [stalls, drips_its_head, endless_head, endless_interim, nonsense, silence]
)
def test_whoever_gives_no_answer_is_given_up_in_time(behaviour: Behaviour) -> None:
    with Receiver(behaviour) as receiver:
        began = time.monotonic()
        with pytest.raises(Unreachable) as raised:
            post(receiver, total_s=0.5)
        assert time.monotonic() - began < 2
    assert not raised.value.refused


def drips_its_body(request: Received, write: Write) -> None:
    write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(100):
        write(b".")
        time.sleep(0.03)


def endless_body(request: Received, write: Write) -> None:
    write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(2_000):
        write(b"400\r\n" + b"x" * 1024 + b"\r\n")


def lies_about_its_length(request: Received, write: Write) -> None:
    write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nshort")


def bad_chunks(request: Received, write: Write) -> None:
    write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")


@pytest.mark.parametrize(
    ("behaviour", "cut"),
    [
        (drips_its_body, "too slow"),
        (endless_body, "too long"),
        (lies_about_its_length, "it broke off"),
        (bad_chunks, "IncompleteRead"),
        (answering(200, b"x" * 1_001), "too long"),
        (answering(200, b"x" * 1_000), ""),
    ],
)
def test_a_body_that_does_not_end_is_cut_and_the_answer_counts(
    behaviour: Behaviour, cut: str
) -> None:
    with Receiver(behaviour) as receiver:
        began = time.monotonic()
        answer = post(receiver, total_s=0.5)
        assert time.monotonic() - began < 2
    assert (answer.status, answer.cut) == (200, cut)
    assert len(answer.body) <= 1_000


def test_a_long_body_of_which_all_is_wanted_is_whole() -> None:
    with Receiver(answering(200, b"y" * 300_000)) as receiver:
        answer = post(receiver, max_bytes=400_000)
    assert (len(answer.body), answer.cut) == (300_000, "")


def test_nobody_listens() -> None:
    with pytest.raises(Unreachable, match="nobody listens"):
        client().send("POST", "http://127.0.0.1:1025/", {}, b"x")


def test_a_header_cannot_be_ended_by_its_value() -> None:
    with Receiver() as receiver:
        with pytest.raises(Unreachable):
            client().send("POST", receiver.url, {"X-A": "1\r\nX-B: 2"}, b"x")
        assert receiver.received == []


def test_a_name_that_nobody_answers_for_is_given_up() -> None:
    def slow(host: str, port: int, seconds: float) -> Sequence[str]:
        raise TimeoutError

    with pytest.raises(Unreachable, match="too slow"):
        Client(Reach.PUBLIC, resolve=slow).send("POST", f"https://{HOST}/", {}, b"x")


def test_the_systems_resolver_knows_this_machine_and_not_what_there_is_not() -> None:
    assert "127.0.0.1" in resolving.system("localhost", 80, 2.0)
    with pytest.raises(OSError):
        resolving.system("nothing.invalid", 80, 5.0)


# ---- certificates


@pytest.fixture
def certified(tmp_path: Path) -> tuple[ssl.SSLContext, Any]:
    """A server's side for HOST, and trust in it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    public, private = tmp_path / "public.pem", tmp_path / "private.pem"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(public, private)
    return server, lambda: ssl.create_default_context(cafile=str(public))


def test_the_certificate_is_the_hosts_though_the_connection_goes_to_an_address(
    certified: tuple[ssl.SSLContext, Any],
) -> None:
    server, trust = certified
    with Receiver(context=server) as receiver:
        url = f"https://{HOST}:{receiver.port}/"
        assert client(trust=trust).send("POST", url, {}, b"x").status == 204
        other = f"https://other.example:{receiver.port}/"
        with pytest.raises(Unreachable, match="certificate"):
            client(trust=trust).send("POST", other, {}, b"x")
        with pytest.raises(Unreachable, match="certificate"):
            client().send("POST", url, {}, b"x")
        assert len(receiver.received) == 1


def test_a_handshake_that_never_ends_is_given_up(certified: tuple[ssl.SSLContext, Any]) -> None:
    _, trust = certified
    with Receiver(stalls) as receiver:  # which speaks no TLS
        began = time.monotonic()
        with pytest.raises(Unreachable):
            client(trust=trust, total_s=0.5).send(
                "POST", f"https://{HOST}:{receiver.port}/", {}, b"x"
            )
        assert time.monotonic() - began < 2
