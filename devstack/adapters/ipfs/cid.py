"""Content identifiers: what a block is called, and how its bytes prove the name.

A CID says which codec the block is in and what it hashes to. Version 0 is 34 bytes in base58 (`Qm...`); version 1 has
its codec before the hash, and a letter for its base before the text. No library: those for Python carry tables of
hundreds of hashes, codecs and bases, and a block store needs two of each.

Source: the CID, multihash and multibase specifications of IPFS.
"""

from __future__ import annotations

import binascii
from base64 import b16decode, b32decode, b32encode, urlsafe_b64decode
from hashlib import sha256
from typing import Final

import attrs

from devstack.errors import AdapterError

__all__ = ["DAG_PB", "RAW", "Cid", "parse_cid", "read_varint", "varint"]

DAG_PB: Final = 0x70
RAW: Final = 0x55
_IDENTITY: Final = 0x00
_SHA2_256: Final = 0x12
_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE36: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_MOST_DIGITS: Final = 256
_MOST_INLINE_BYTES: Final = 128
_LAST_VARINT_SHIFT: Final = 63


@attrs.frozen
class Cid:
    """Of one block. Two CIDs with the same `multihash` name the same bytes."""

    version: int
    codec: int
    multihash: bytes

    @classmethod
    def of(cls, block: bytes, codec: int = DAG_PB) -> Cid:
        """As Kubo names what it adds: version 0 for dag-pb."""
        return cls(0 if codec == DAG_PB else 1, codec, b"\x12\x20" + sha256(block).digest())

    @property
    def inline(self) -> bytes | None:
        """The block itself, if the CID holds it instead of a hash."""
        return self.multihash[2:] if self.multihash[0] == _IDENTITY else None

    def proves(self, block: bytes) -> bool:
        """Whether these are the bytes that the CID names."""
        return block == self.inline or self.multihash[2:] == sha256(block).digest()

    def __bytes__(self) -> bytes:
        return self.multihash if self.version == 0 else bytes([1]) + varint(self.codec) + self.multihash

    def __str__(self) -> str:
        if self.version == 0:
            return _to_base58(self.multihash)
        return "b" + b32encode(bytes(self)).decode().rstrip("=").lower()


def parse_cid(text: str) -> Cid:
    """The CID that is written there, with or without `/ipfs/` or `ipfs://` before it.

    Raises:
        AdapterError: it is none, or one with a codec or hash that no file or folder has.
    """
    bare = text.strip().removeprefix("ipfs://").removeprefix("/ipfs/")
    try:
        return decode_cid(_bytes_of(bare))
    except ValueError as exc:
        shown = bare if len(bare) <= _MOST_DIGITS else f"{bare[:_MOST_DIGITS]}..."
        raise AdapterError(
            f'invalid CID "{shown}": {exc}', "a CID is a text such as Qm... (46 letters) or bafy... (59 letters)"
        ) from None


def decode_cid(data: bytes) -> Cid:
    """The CID of its bytes.

    Raises:
        ValueError: these are none.
    """
    if len(data) == 34 and data[:2] == b"\x12\x20":
        return Cid(0, DAG_PB, data)
    version, position = read_varint(data, 0)
    codec, position = read_varint(data, position)
    multihash = data[position:]
    if version != 1:
        raise ValueError("its version is not 0 or 1")
    if codec not in (DAG_PB, RAW):
        raise ValueError(f"codec 0x{codec:x} is neither dag-pb nor raw")
    if len(multihash) < 2 or len(multihash) != multihash[1] + 2:
        raise ValueError("its hash has the wrong length")
    if multihash[0] == _SHA2_256 and multihash[1] == 32:
        return Cid(1, codec, multihash)
    if multihash[0] == _IDENTITY and multihash[1] < _MOST_INLINE_BYTES:
        return Cid(1, codec, multihash)
    raise ValueError(f"hash 0x{multihash[0]:x} is not known here, only sha2-256")


# ---- bases and numbers -------------------------------------------------------------------------------------


def _bytes_of(text: str) -> bytes:
    if not text:
        raise ValueError("it is empty")
    if len(text) > _MOST_DIGITS:
        raise ValueError("it is too long")
    if not text.isascii():
        raise ValueError("it holds letters that no base has")
    if len(text) == 46 and text.startswith("Qm"):
        return _from_digits(text, _BASE58)
    base, digits = text[0], text[1:]
    try:
        match base:
            case "b" | "B":
                return b32decode((digits + "=" * (-len(digits) % 8)).upper())
            case "z":
                return _from_digits(digits, _BASE58)
            case "k":
                return _from_digits(digits, _BASE36)
            case "f" | "F":
                return b16decode(digits.upper())
            case "u":
                return urlsafe_b64decode(digits + "=" * (-len(digits) % 4))
    except binascii.Error:
        raise ValueError("it holds letters that its base does not have") from None
    raise ValueError("it begins with no base that is known")


def _from_digits(text: str, alphabet: str) -> bytes:
    number = 0
    for letter in text:
        digit = alphabet.find(letter)
        if digit < 0:
            raise ValueError(f"it holds {letter!r}, which its base does not have")
        number = number * len(alphabet) + digit
    zeros = len(text) - len(text.lstrip(alphabet[0]))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def _to_base58(data: bytes) -> str:
    # A version 0 CID begins with 0x12, so there are no zeros in front to be kept.
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = _BASE58[digit] + text
    return text


def varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first, as protocol buffers and CIDs write numbers."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def read_varint(data: bytes, position: int) -> tuple[int, int]:
    """The number at `position`, and the position after it.

    Raises:
        ValueError: it has no end, or is longer than 64 bits.
    """
    number = shift = 0
    while True:
        if position >= len(data) or shift > _LAST_VARINT_SHIFT:
            raise ValueError("a number in it has no end")
        byte = data[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, position
        shift += 7
