"""Identifiers in AWS's forms. Chance is passed in, so that a simulated run repeats."""

from __future__ import annotations

from random import Random

_BASE36 = "abcdefghijklmnopqrstuvwxyz0123456789"
_BASE32_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_ALNUM_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def uuid4(random: Random) -> str:
    """A random UUID in its canonical form."""
    h = f"{(random.getrandbits(128) & ~(0xF << 76) & ~(0x3 << 62)) | (0x4 << 76) | (0x2 << 62):032x}"
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


class RequestIds:
    """Random UUIDs, quicker where many are needed: chance is drawn for a hundred at a time."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._left: list[str] = []

    def next(self) -> str:
        if not self._left:
            digits = self._random.randbytes(16 * 128).hex()
            self._left = [
                f"{h[:8]}-{h[8:12]}-4{h[13:16]}-{'89ab'[int(h[16], 16) & 3]}{h[17:20]}-{h[20:]}"
                for h in (digits[at : at + 32] for at in range(0, len(digits), 32))
            ]
        return self._left.pop()


def lower_alnum(random: Random, length: int) -> str:
    """As API Gateway's and CloudFormation's ids: lower-case letters and digits."""
    return "".join(random.choices(_BASE36, k=length))


def upper_alnum(random: Random, length: int) -> str:
    """As the suffix of generated CloudFormation names: upper-case letters and digits."""
    return "".join(random.choices(_ALNUM_UPPER, k=length))


def unique_id(random: Random, prefix: str) -> str:
    """An IAM unique id: the prefix that names its kind (AIDA, AROA, AKIA, ASIA ...) and 17 characters of base 32.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    """
    return prefix + "".join(random.choices(_BASE32_UPPER, k=20 - len(prefix)))


def hex_id(random: Random, length: int) -> str:
    return f"{random.getrandbits(length * 4):0{length}x}"
