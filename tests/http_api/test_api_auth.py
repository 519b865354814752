"""Login with a client key."""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from random import Random

import pytest

from devstack.http_api.auth import check_proof

METHODS = "/api/v1/auth"
PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")


def is_prime(number: int, random: Random) -> bool:
    """Miller and Rabin's test."""
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(20):
        x = pow(random.randrange(2, number - 1), odd, number)
        if x not in (1, number - 1) and all((x := x * x % number) != number - 1 for _ in range(twos - 1)):
            return False
    return True


def prime(random: Random) -> int:
    while True:
        number = random.getrandbits(512) | 1 | 3 << 510
        if number % 65537 != 1 and is_prime(number, random):
            return number


class Key:
    def __init__(self, seed: int) -> None:
        random = Random(seed)
        p, q = prime(random), prime(random)
        self.modulus, self.exponent = p * q, 65537
        self._secret = pow(self.exponent, -1, (p - 1) * (q - 1))

    def sign(self, phrase: bytes) -> bytes:
        padded = b"\x00\x01" + b"\xff" * (128 - 3 - 51) + b"\x00" + PREFIX + sha256(phrase).digest()
        return pow(int.from_bytes(padded, "big"), self._secret, self.modulus).to_bytes(128, "big")

    def der(self) -> bytes:
        modulus = b"\x00" + self.modulus.to_bytes(128, "big")
        content = b"\x02\x81\x81" + modulus + b"\x02\x03\x01\x00\x01"
        return b"\x30\x81" + bytes([len(content)]) + content


@pytest.fixture(scope="module")
def key() -> Key:
    return Key(1)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def proof(der: bytes, signature: bytes) -> dict[str, str]:
    return {"PhraseSignature": b64(signature), "PublicKey": b64(der)}


def login_body(data: object) -> dict[str, object]:
    return {"Namespace": "", "Credential": None, "Name": "clientkey", "MethodData": b64(json.dumps(data).encode())}


async def test_one_method_is_offered(client):
    """Its name is in lower case; the phrase is the node's id."""
    method = {"type": "challenge", "params": {"InputPhrase": "bm9kZS0w"}}
    assert {"NextToken": "", "Methods": {"clientkey": method}} == (await client.get(METHODS)).json()
    assert method == (await client.get(f"{METHODS}/clientkey")).json()
    assert 404 == (await client.get(f"{METHODS}/ClientKey")).status_code


async def test_a_signature_gets_a_token(client, key):
    """The right signature is welcome, whoever made it."""
    answer = await client.post(f"{METHODS}/clientkey", json=login_body(proof(key.der(), key.sign(b"node-0"))))
    authentication = answer.json()["Authentication"]
    assert (200, True) == (answer.status_code, authentication["success"])
    assert f"devstack-{sha256(key.modulus.to_bytes(128, 'big')).hexdigest()}" == authentication["token"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"PublicKey": "eA=="}, "failed to decode public key"),
        ({"PublicKey": "bad key"}, "failed to decode public key"),
        ({"PhraseSignature": "blagging it"}, "failed to decode signature"),
        ({"PhraseSignature": "eQ=="}, "failed to verify signature"),
        ({"PhraseSignature": 5}, "failed to decode signature"),
    ],
)
async def test_a_wrong_proof_is_refused(client, key, change, reason):
    """401 with a reason; a 200 would make clients try for ever."""
    answer = await client.post(f"{METHODS}/clientkey", json=login_body(proof(key.der(), key.sign(b"node-0")) | change))
    assert 401 == answer.status_code
    assert answer.json()["Authentication"]["success"] is False
    assert reason in answer.json()["Authentication"]["reason"]


async def test_data_that_is_no_proof(client, faithful):
    """No base64: 400. Base64 of something else: 400, and 500 under v1.4.0."""
    assert 400 == (await client.post(f"{METHODS}/clientkey", json={"MethodData": "%%%"})).status_code
    assert 400 == (await client.post(f"{METHODS}/clientkey", json=login_body([]))).status_code
    answer = await faithful.post(f"{METHODS}/clientkey", json=login_body("x"))
    assert 500 == answer.status_code
    assert answer.json()["error"].startswith("invalid authentication data: ")


def test_every_bit_of_a_proof_counts(key):
    """Another phrase, another key, or one changed byte of the signature: refused."""
    signature = key.sign(b"node-0")
    changed = signature[:60] + bytes([signature[60] ^ 1]) + signature[61:]
    for der, signed, phrase in (
        (key.der(), signature, b"node-1"),
        (key.der(), changed, b"node-0"),
        (Key(2).der(), signature, b"node-0"),
        (key.der(), signature + b"\x00", b"node-0"),
    ):
        with pytest.raises(ValueError, match="failed to verify"):
            check_proof(proof(der, signed), phrase)


def test_every_broken_key_is_refused(key):
    """Cut short or with any byte of its head changed, a key is an error and nothing worse."""
    der, signature = key.der(), key.sign(b"node-0")
    broken = [der[:length] for length in range(len(der))]
    broken += [der[:i] + bytes([der[i] ^ flip]) + der[i + 1 :] for i in range(8) for flip in (1, 0x7F, 0x80, 0xFF)]
    for data in (*broken, der + b"x"):
        with pytest.raises(ValueError, match="failed to"):
            check_proof(proof(data, signature), b"node-0")
