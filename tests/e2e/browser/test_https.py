"""Behind TLS, as in production: the cookie that is bound to its host."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from playwright.sync_api import Browser

from tests.e2e.browser.conftest import Tab
from tests.e2e.running import PASSWORD, ROOT, Running

ADDRESS = ipaddress.ip_address("127.0.0.1")


def certificate(folder: Path) -> ssl.SSLContext:
    """A certificate for this machine, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "here")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ADDRESS)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    kind, no_password = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path = folder / "here.pem"
    path.write_bytes(key.private_bytes(pem, kind, no_password) + made.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


def carry(outside: socket.socket, context: ssl.SSLContext, port: int) -> None:
    """One connection, without its TLS, to the gateway and back."""
    with (
        contextlib.suppress(OSError),
        outside,
        socket.create_connection((str(ADDRESS), port)) as gateway,
        context.wrap_socket(outside, server_side=True) as inside,
    ):
        back = threading.Thread(target=pump, args=(gateway, inside))
        back.start()
        pump(inside, gateway)
        back.join()


def accept(listener: socket.socket, context: ssl.SSLContext, port: int) -> None:
    with contextlib.suppress(OSError):
        while True:
            outside, _ = listener.accept()
            threading.Thread(target=carry, args=(outside, context, port), daemon=True).start()


def free_port() -> int:
    with socket.create_server((str(ADDRESS), 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def secure_url(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Covey that people reach by HTTPS."""
    folder, inner = tmp_path_factory.mktemp("https"), free_port()
    listener = socket.create_server((str(ADDRESS), 0))
    url = f"https://{ADDRESS}:{listener.getsockname()[1]}"
    running = Running(
        folder,
        ROOT / "template.yaml",
        arguments=("--port", str(inner), "--public-url", url),
    ).start()
    running.url = f"http://{ADDRESS}:{inner}"
    taking = threading.Thread(target=accept, args=(listener, certificate(folder), inner))
    taking.start()
    running.sign_up("ann@example.org")
    yield url
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    taking.join()
    running.close()


@pytest.fixture
def trusting(chromium: Browser) -> Iterator[Tab]:
    """A browser that takes the certificate."""
    context = chromium.new_context(ignore_https_errors=True)
    yield Tab(context.new_page(), context, [])
    context.close()


def test_the_cookie_is_bound_to_its_host_and_works(trusting: Tab, secure_url: str) -> None:
    answer = trusting.page.goto(f"{secure_url}/auth/verify")
    assert answer is not None
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    signed_in(trusting, secure_url)
    (cookie,) = trusting.context.cookies()
    assert cookie["name"] == "__Host-covey"
    assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Strict")
    assert trusting.page.evaluate("document.cookie") == ""
    assert trusting.fetch("/auth/me")["status"] == 200
    assert trusting.send("/records/posts", '{"title": "By cookie"}')["status"] == 201
    assert trusting.fetch("/auth/refresh", method="POST")["status"] == 200
    assert trusting.fetch("/auth/sign-out", method="POST")["status"] == 204
    assert trusting.context.cookies() == []
    assert trusting.fetch("/auth/me")["status"] == 401


def signed_in(tab: Tab, url: str) -> None:
    tab.page.goto(f"{url}/auth/verify")
    body = json.dumps({"email": "ann@example.org", "password": PASSWORD})
    assert tab.send("/auth/sign-in", body, covey_session="cookie")["status"] == 200


def test_no_script_puts_another_session_in_its_place(trusting: Tab, secure_url: str) -> None:
    signed_in(trusting, secure_url)
    for attributes in ("", "; Secure", "; Secure; Max-Age=0", "; Secure; Domain=127.0.0.1"):
        trusting.page.evaluate(f"document.cookie = '__Host-covey=x; Path=/{attributes}'")
    assert trusting.fetch("/auth/me")["status"] == 200
    (cookie,) = trusting.context.cookies()
    assert cookie["value"] != "x"
