"""Web identities: the token's signature, claims and provider, and what the role's trust policy makes of them."""

from __future__ import annotations

import base64
import contextlib
import datetime
import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore import UNSIGNED
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from hypothesis import given
from hypothesis import strategies as st

from fogbank.services.sts import jwt
from tests.cloud import CloudUnderTest
from tests.services.iam.helpers import allow, error_of, session_client, trust

ACCOUNT = "160000000001"
CLAIMS = {"iss": "https://issuer.example.com", "sub": "somebody", "aud": "app", "exp": 4_000_000_000}


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def number(value: int) -> str:
    return encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class Issuer:
    def __init__(self) -> None:
        self.rsa = rsa.generate_private_key(65537, 2048)
        self.ec = ec.generate_private_key(ec.SECP256R1())
        public, curve = self.rsa.public_key().public_numbers(), self.ec.public_key().public_numbers()
        self.keys: list[dict[str, Any]] = [
            {"kty": "RSA", "kid": "r", "n": number(public.n), "e": number(public.e)},
            {"kty": "EC", "kid": "e", "crv": "P-256", "x": number(curve.x), "y": number(curve.y)},
        ]

    def token(self, claims: dict[str, Any], kid: str = "r", alg: str = "") -> str:
        header = {"alg": alg or ("RS256" if kid == "r" else "ES256"), "kid": kid}
        signed = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
        if kid == "r":
            signature = self.rsa.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        else:
            der = self.ec.sign(signed.encode(), ec.ECDSA(hashes.SHA256()))
            r, s = utils.decode_dss_signature(der)
            signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        return f"{signed}.{encoded(signature)}"


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    yield Issuer()


@pytest.mark.parametrize("kid", ["r", "e"])
def test_a_right_signature_passes_and_an_altered_one_does_not(issuer: Issuer, kid: str) -> None:
    text = issuer.token(CLAIMS, kid)
    token = jwt.parse(text)
    assert token.claims == CLAIMS
    jwt.verify(token, issuer.keys)
    head, _, signature = text.split(".")
    forged = jwt.parse(f"{head}.{encoded(json.dumps({**CLAIMS, 'sub': 'root'}).encode())}.{signature}")
    with pytest.raises(jwt.BadToken):
        jwt.verify(forged, issuer.keys)


def test_unsigned_and_mixed_up_algorithms_are_refused(issuer: Issuer) -> None:
    header = encoded(json.dumps({"alg": "none", "kid": "r"}).encode())
    unsigned = f"{header}.{encoded(json.dumps(CLAIMS).encode())}."
    for text in (unsigned, issuer.token(CLAIMS, "r", alg="HS256"), issuer.token(CLAIMS, "r", alg="ES256")):
        with pytest.raises(jwt.BadToken):
            jwt.verify(jwt.parse(text), issuer.keys)
    with pytest.raises(jwt.BadToken):
        jwt.verify(jwt.parse(issuer.token(CLAIMS)), [])


@given(st.text(max_size=80))
def test_any_text_is_refused_or_parsed(text: str) -> None:
    for given_text in (text, f"{text}.{text}.{text}", f"e30.{text}.e30"):
        with contextlib.suppress(jwt.BadToken):
            jwt.parse(given_text)


def test_what_the_account_does_not_know_is_refused_without_asking_anybody(
    cloud: CloudUnderTest, issuer: Issuer
) -> None:
    iam = cloud.client("iam", key=ACCOUNT)
    arn = iam.create_role(
        RoleName="web", AssumeRolePolicyDocument=trust(
            {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/issuer.example.com"}, "sts:AssumeRoleWithWebIdentity")
    )["Role"]["Arn"]
    sts = cloud.client("sts", key=ACCOUNT)
    call = {"RoleArn": arn, "RoleSessionName": "run"}
    assert error_of(sts.assume_role_with_web_identity, **call, WebIdentityToken="nonsense")[0] == "InvalidIdentityToken"
    assert error_of(sts.assume_role_with_web_identity, **call, WebIdentityToken=issuer.token(CLAIMS)) == (
        "InvalidIdentityToken", "No OpenIDConnect provider found in your account for https://issuer.example.com",
    )
    absent = f"arn:aws:iam::{ACCOUNT}:role/absent"
    assert error_of(
        sts.assume_role_with_web_identity, RoleArn=absent, RoleSessionName="run", WebIdentityToken=issuer.token(CLAIMS)
    ) == ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")


def test_a_provider_that_cannot_be_reached_is_named(cloud: CloudUnderTest, issuer: Issuer) -> None:
    iam = cloud.client("iam", key=ACCOUNT)
    iam.create_open_id_connect_provider(Url="https://localhost:9", ClientIDList=["app"])
    arn = iam.create_role(RoleName="unreached", AssumeRolePolicyDocument=trust(
        {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/localhost:9"}, "sts:AssumeRoleWithWebIdentity",
    ))["Role"]["Arn"]
    token = issuer.token({**CLAIMS, "iss": "https://localhost:9"})
    code, message = error_of(
        cloud.client("sts", key=ACCOUNT).assume_role_with_web_identity,
        RoleArn=arn, RoleSessionName="run", WebIdentityToken=token,
    )
    assert code == "IDPCommunicationError" and "localhost:9" in message


@pytest.fixture
def provider(tmp_path: Path, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An identity provider's host on the loopback, whose certificate the cloud's process will trust."""
    certificate = tmp_path / "provider.pem"
    certificate.write_bytes(_self_signed())
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802
            host = self.headers["host"]
            known = {
                "/.well-known/openid-configuration": {"jwks_uri": f"https://{host}/keys"},
                "/keys": {"keys": issuer.keys},
            }
            body = json.dumps(known[self.path]).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *parts: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"localhost:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def _self_signed() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + certificate.public_bytes(serialization.Encoding.PEM)


def test_a_token_of_a_known_provider_becomes_the_role(provider: str, issuer: Issuer, tmp_path: Path) -> None:
    cloud = CloudUnderTest(tmp_path / "data").start()
    try:
        iam = cloud.client("iam", key=ACCOUNT)
        arn = iam.create_open_id_connect_provider(Url=f"https://{provider}", ClientIDList=["app"])[
            "OpenIDConnectProviderArn"
        ]
        role = iam.create_role(RoleName="web", AssumeRolePolicyDocument=trust(
            {"Federated": arn}, "sts:AssumeRoleWithWebIdentity",
            Condition={"StringEquals": {f"{provider}:aud": "app"}, "StringLike": {f"{provider}:sub": "some*"}},
        ))["Role"]["Arn"]
        iam.put_role_policy(RoleName="web", PolicyName="p", PolicyDocument=allow("iam:ListUsers"))
        # Nobody signs this call: the token is what it has.
        sts = cloud.client("sts", signature_version=UNSIGNED)
        call = {"RoleArn": role, "RoleSessionName": "run"}
        claims = {**CLAIMS, "iss": f"https://{provider}"}
        answer = sts.assume_role_with_web_identity(**call, WebIdentityToken=issuer.token(claims))
        assert (answer["SubjectFromWebIdentityToken"], answer["Audience"]) == ("somebody", "app")
        assert answer["Provider"] == arn
        session_client(cloud, "iam", answer["Credentials"]).list_users()

        def refused(**changed: Any) -> tuple[str, str]:
            token = issuer.token({**claims, **changed})
            return error_of(sts.assume_role_with_web_identity, **call, WebIdentityToken=token)

        assert refused(aud="other") == ("InvalidIdentityToken", "Incorrect token audience")
        assert refused(exp=1_000_000_000)[0] == "ExpiredTokenException"
        assert refused(sub="nobody") == (
            "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity",
        )
        stranger = Issuer().token(claims)
        assert error_of(sts.assume_role_with_web_identity, **call, WebIdentityToken=stranger) == (
            "InvalidIdentityToken", "Provided Token is not signed by the identity provider.",
        )
    finally:
        cloud.stop()
