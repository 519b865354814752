"""Resources as whole numbers: milli-CPU, bytes, devices; parsed from and printed as Bacalhau's text.

Source: orchestrator reference 1.5.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Final

import attrs

from devstack.errors import InvalidJobError
from devstack.models.gotext import cpu_text, human_bytes
from devstack.models.job import ResourcesConfig

__all__ = ["MOST_GPUS", "NO_RESOURCES", "Gpu", "Resources", "normalise", "parse", "simulated_gpus"]


@attrs.frozen
class Gpu:
    index: int
    name: str = ""
    vendor: str = ""
    memory_mib: int = 0
    pci_address: str = ""
    is_simulated: bool = False  # Counted and handed out, but there is nothing that a container could be given.


MOST_GPUS: Final = 256  # A bus has no more addresses.


def simulated_gpus(
    count: int, name: str = "Simulated GPU", vendor: str = "NVIDIA", memory_mib: int = 16384
) -> tuple[Gpu, ...]:
    """Devices for a node that is to have so many; `MOST_GPUS` at most."""
    return tuple(
        Gpu(index, name, vendor, memory_mib, f"0000:00:{index:02x}.0", is_simulated=True)
        for index in range(min(count, MOST_GPUS))
    )


@attrs.frozen
class Resources:
    """An amount of each resource; never negative."""

    cpu_millis: int = 0
    memory_bytes: int = 0
    disk_bytes: int = 0
    gpu: int = 0
    gpus: tuple[Gpu, ...] = ()

    def __add__(self, other: Resources) -> Resources:
        return Resources(
            self.cpu_millis + other.cpu_millis,
            self.memory_bytes + other.memory_bytes,
            self.disk_bytes + other.disk_bytes,
            self.gpu + other.gpu,
            self.gpus + other.gpus,
        )

    def __sub__(self, other: Resources) -> Resources:
        """The difference, each dimension at least zero; listed devices of `other` are taken out."""
        return Resources(
            max(0, self.cpu_millis - other.cpu_millis),
            max(0, self.memory_bytes - other.memory_bytes),
            max(0, self.disk_bytes - other.disk_bytes),
            max(0, self.gpu - other.gpu),
            tuple(device for device in self.gpus if device not in other.gpus),
        )

    def fits(self, limit: Resources) -> bool:
        """Whether every dimension is within `limit` (inclusive)."""
        return (
            self.cpu_millis <= limit.cpu_millis
            and self.memory_bytes <= limit.memory_bytes
            and self.disk_bytes <= limit.disk_bytes
            and self.gpu <= limit.gpu
        )

    @property
    def is_zero(self) -> bool:
        return not (self.cpu_millis or self.memory_bytes or self.disk_bytes or self.gpu)

    def or_default(self, default: Resources) -> Resources:
        """Own values where there are any, else those of `default`."""
        return Resources(
            self.cpu_millis or default.cpu_millis,
            self.memory_bytes or default.memory_bytes,
            self.disk_bytes or default.disk_bytes,
            self.gpu or default.gpu,
            self.gpus or default.gpus,
        )

    def __str__(self) -> str:
        memory, disk = human_bytes(self.memory_bytes), human_bytes(self.disk_bytes)
        return f"{{CPU: {cpu_text(self.cpu_millis)}, Memory: {memory}, Disk: {disk}, GPU: {self.gpu}}}"


NO_RESOURCES: Final = Resources()

_SIZE: Final = re.compile(r"([0-9.,]*)\s*([a-z]*)\Z")
_UNITS: Final = {"": 1, "b": 1} | {
    prefix + suffix: base**power
    for power, prefix in enumerate("kmgtpe", 1)
    for suffix, base in (("", 1000), ("b", 1000), ("i", 1024), ("ib", 1024))
}
_UINT64_MAX: Final = 2**64 - 1
_MOST_DIGITS: Final = len(str(_UINT64_MAX))


def _size(text: str, what: str) -> int:
    """Bytes of a size text such as `512mb`; empty is zero."""
    if not text:
        return 0
    match = _SIZE.match(text)
    if match is None:
        raise InvalidJobError(f"invalid {what} value: {text}")
    try:
        value = int(Decimal(match[1].replace(",", "")) * _UNITS[match[2]])
    except (InvalidOperation, KeyError, ValueError):
        raise InvalidJobError(f"invalid {what} value: {text}") from None
    if value > _UINT64_MAX:
        raise InvalidJobError(f"invalid {what} value: {text}")
    return value


def _cpu(text: str) -> int:
    """Milli-CPU of `250m` or `0.25`; fractions of a millicore are cut off."""
    if not text:
        return 0
    try:
        if not text.isascii() or "_" in text:  # Python's numbers may have these, the peer's may not.
            raise ValueError(text)
        if text.endswith("m"):
            millis = int(text[:-1])
        else:
            number = Decimal(text)
            if not number.is_finite() or number.adjusted() > _MOST_DIGITS:
                raise ValueError(text)
            millis = int(number * 1000)
    except (InvalidOperation, ValueError):
        raise InvalidJobError(f"invalid CPU value: {text}") from None
    if millis < 0:
        raise InvalidJobError(f"invalid CPU value: {millis / 1000:.6f}")
    if millis > _UINT64_MAX:
        raise InvalidJobError(f"invalid CPU value: {text}")
    return millis


def normalise(config: ResourcesConfig) -> ResourcesConfig:
    """Lower case, without blanks and line ends."""
    texts = (config.cpu, config.memory, config.disk, config.gpu)
    return ResourcesConfig(*(text.lower().replace(" ", "").replace("\n", "") for text in texts))


def parse(config: ResourcesConfig) -> Resources:
    """The numbers of a normalised resources text.

    Raises:
        InvalidJobError: one line for each value that cannot be read; a bad GPU value is told alone.
    """
    gpu = config.gpu.lstrip("0") or "0"
    if config.gpu and not (gpu.isascii() and gpu.isdigit() and len(gpu) <= _MOST_DIGITS and int(gpu) <= _UINT64_MAX):
        raise InvalidJobError(f"invalid GPU value: {config.gpu}")
    errors: list[str] = []

    def read(parse_text: Callable[[], int]) -> int:
        try:
            return parse_text()
        except InvalidJobError as exc:
            errors.append(exc.message)
            return 0

    cpu_millis = read(lambda: _cpu(config.cpu))
    memory_bytes = read(lambda: _size(config.memory, "memory"))
    disk_bytes = read(lambda: _size(config.disk, "disk"))
    if errors:
        raise InvalidJobError("\n".join(errors))
    return Resources(cpu_millis, memory_bytes, disk_bytes, int(gpu))
