"""Carries out faults on one cluster.

Beginnings and ends are timers of the kernel, so that they have their place in the order of things. While no fault is
active nothing of it is asked anything. Like the cluster it is plain data.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

import attrs

from devstack.cluster import Cluster
from devstack.errors import NotFoundError, UsageError
from devstack.faults.between import NAME, Between, HandOver
from devstack.faults.compositions import Part, flaps, parts_of, span_ns
from devstack.faults.effects import Effect, ExecutorEffect, MessageEffect
from devstack.faults.fault import Fault
from devstack.faults.forms import text_of
from devstack.faults.network import Weather
from devstack.faults.state import FaultState
from devstack.faults.targets import check_job, machines
from devstack.faults.values import NODES
from devstack.faults.words import Word, word_of
from devstack.kernel import Stream

__all__ = ["FaultEngine"]

_TARGETS: Final = ("node", "side")
MOST_FLAPS: Final = 1_000


@attrs.frozen
class _Begin:
    number: int

    def __str__(self) -> str:
        return f"begin {self.number}"


@attrs.frozen
class _PartBegins:
    number: int
    index: int

    def __str__(self) -> str:
        return f"part begins {self.number} {self.index}"


@attrs.frozen
class _PartEnds:
    number: int
    index: int

    def __str__(self) -> str:
        return f"part ends {self.number} {self.index}"


_Due = _Begin | _PartBegins | _PartEnds


@attrs.define(eq=False)
class _Injection:
    """One injected fault: its parts, which are known once it has begun, and those of them that are under way."""

    number: int
    fault: Fault
    stream: Stream
    begins_ns: int
    machines: tuple[str, ...] = ()
    parts: list[Part] = attrs.field(factory=list)
    pending: dict[_Due, None] = attrs.field(factory=dict)
    effects: dict[int, Effect] = attrs.field(factory=dict)
    has_begun: bool = False
    strikes: int = 0

    @property
    def is_over(self) -> bool:
        return self.has_begun and not self.pending and not self.effects


class FaultEngine:
    """All faults of one cluster: what is injected, what is active, and what they keep back."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._injected = 0
        self._injections: dict[int, _Injection] = {}
        self._active: tuple[Effect, ...] = ()
        self.between = Between(cluster)
        self._weather = Weather(cluster.kernel)
        self._serial = 0
        self._changed_ns = cluster.now_ns
        cluster.wake(NAME, self.on_timer)

    @property
    def now_ns(self) -> int:
        return self.cluster.now_ns

    # ---- for people ----------------------------------------------------------------------------------------

    def check(self, fault: object) -> None:
        """Whether the fault can be injected into this cluster.

        Raises:
            UsageError: it is none, or a target matches nothing; the message names what is known.
        """
        if not isinstance(fault, Fault):
            raise UsageError(f"{fault!r} is no fault", 'make one with a word of devstack.faults: crash("node-1")')
        word = word_of(fault.word)
        for parameter in word.parameters:
            if parameter.kind is NODES and (wanted := fault[parameter.name]):
                self._resolve(word, wanted, None, is_later=fault.after_ns > 0)
        if job := fault.params.get("job"):
            check_job(self.cluster, job)
        if word.is_composition:
            _check_lengths(fault)

    def inject(self, fault: Fault) -> int:
        """Have the fault begin, now or when it says; its number.

        Raises:
            UsageError: as `check`.
        """
        self.check(fault)
        self._injected += 1
        number = self._injected
        stream = self.cluster.seed.stream("fault", str(number), fault.word)
        injection = _Injection(number, fault, stream, self.now_ns + fault.after_ns)
        self._injections[number] = injection
        self._tell(number, f"inject {text_of(fault)}")
        if fault.after_ns:
            self._post(injection, _Begin(number), injection.begins_ns)
        else:
            self._begin(injection)
        return number

    def active(self) -> list[FaultState]:
        """The faults that are not over, by number: those that wait for their time, too."""
        return [_state(injection) for injection in self._injections.values()]

    def clear(self, number: int | None = None) -> list[int]:
        """End a fault, or all of them; the numbers of those that were ended.

        Raises:
            NotFoundError: no fault of that number is waiting or active.
        """
        if number is not None and number not in self._injections:
            known = ", ".join(map(str, self._injections)) or "none"
            raise NotFoundError(f"no fault {number} is waiting or active", f"there are: {known}")
        numbers = list(self._injections) if number is None else [number]
        for one in numbers:
            self._clear(self._injections[one])
        return numbers

    def end_ns(self) -> int | None:
        """When the last fault is over; None: never. A node that is gone for good is an end, too."""
        ends = [self._end_of(injection) for injection in self._injections.values()]
        known = [end_ns for end_ns in ends if end_ns is not None]
        return max([self._changed_ns, *known]) if len(known) == len(ends) else None

    def _end_of(self, injection: _Injection) -> int | None:
        fault, word = injection.fault, word_of(injection.fault.word)
        if word.is_settled and not fault.for_ns:
            is_requester = self.cluster.requester_id in injection.machines and not word.is_instant
            return None if is_requester else injection.begins_ns
        span = span_ns(fault, len(self.cluster.nodes) + 1)
        return None if span is None else injection.begins_ns + span

    @property
    def is_quiet(self) -> bool:
        """Whether no fault has anything more to do."""
        end_ns = self.end_ns()
        return end_ns is not None and end_ns <= self.now_ns

    # ---- beginnings and ends -------------------------------------------------------------------------------

    def _begin(self, injection: _Injection) -> None:
        fault, word = injection.fault, word_of(injection.fault.word)
        try:
            for name in _TARGETS:
                if wanted := fault.params.get(name):
                    injection.machines = self._resolve(word, wanted, injection.stream)
        except UsageError as exc:
            self._tell(injection.number, f"does nothing: {exc.message}")
        else:
            injection.parts = parts_of(fault, injection.machines, injection.stream, is_instant=word.is_instant)
        for index, part in enumerate(injection.parts):
            self._post(injection, _PartBegins(injection.number, index), self.now_ns + part.offset_ns, at_once=True)
        injection.has_begun = True
        self._forget_if_over(injection)

    def _resolve(
        self, word: Word, wanted: tuple[str, ...], stream: Stream | None, *, is_later: bool = False
    ) -> tuple[str, ...]:
        return machines(self.cluster, wanted, with_requester=word.takes_requester, stream=stream, is_later=is_later)

    def _post(self, injection: _Injection, event: _Due, at_ns: int, *, at_once: bool = False) -> None:
        """Have it happen then; what is due now happens now, if it may happen `at_once`."""
        if at_once and at_ns <= self.now_ns:
            self._happen(injection, event)
        else:
            injection.pending[event] = None
            self.cluster.kernel.set_timer(NAME, event, at_ns)

    def on_timer(self, due: Hashable) -> None:
        """Something is due."""
        if isinstance(due, HandOver):
            self.between.hand_over(due)
        elif isinstance(due, _Begin | _PartBegins | _PartEnds):
            injection = self._injections[due.number]
            del injection.pending[due]
            self._happen(injection, due)

    def _happen(self, injection: _Injection, event: _Due) -> None:
        match event:
            case _Begin():
                self._begin(injection)
            case _PartBegins(index=index):
                self._begin_part(injection, index)
            case _PartEnds(index=index):
                self._end_part(injection, index)

    def _begin_part(self, injection: _Injection, index: int) -> None:
        part = injection.parts[index]
        self._serial += 1
        ends_ns = None if part.length_ns is None else self.now_ns + part.length_ns
        effect = part.effect(
            self, injection.number, part.fault, part.text, part.machines, injection.stream, self._serial, ends_ns
        )
        injection.effects[index] = effect
        self._active = (*self._active, effect)
        self._tell(injection.number, f"begin {part.text}" + (f" on {' '.join(part.machines)}" if part.machines else ""))
        effect.begin()
        self._hook()
        if ends_ns is not None:
            self._post(injection, _PartEnds(injection.number, index), ends_ns, at_once=True)

    def _end_part(self, injection: _Injection, index: int) -> None:
        effect = injection.effects.pop(index)
        injection.strikes += effect.strikes
        self._active = tuple(one for one in self._active if one is not effect)
        self._hook()
        self._tell(injection.number, f"end {effect.text}")
        effect.end()
        self._forget_if_over(injection)

    def finish(self, effect: Effect) -> None:
        """End an effect before its time: nothing more will come of it."""
        injection = self._injections.get(effect.number)
        found = [] if injection is None else [key for key, one in injection.effects.items() if one is effect]
        if injection is not None and found:
            self._cancel(injection, _PartEnds(injection.number, found[0]))
            self._end_part(injection, found[0])

    def _clear(self, injection: _Injection) -> None:
        for event in list(injection.pending):
            self._cancel(injection, event)
        self._tell(injection.number, "clear")
        for index in list(injection.effects):
            self._end_part(injection, index)
        injection.has_begun = True
        self._forget_if_over(injection)

    def _cancel(self, injection: _Injection, event: _Due) -> None:
        if event in injection.pending:
            del injection.pending[event]
            self.cluster.kernel.cancel_timer(NAME, event)

    def _forget_if_over(self, injection: _Injection) -> None:
        if injection.is_over and self._injections.pop(injection.number, None) is not None:
            self._tell(injection.number, "over")

    def _hook(self) -> None:
        """Be asked about packets, actions and reports if, and only if, some effect wants to."""
        self.between.effects = tuple(one for one in self._active if isinstance(one, ExecutorEffect))
        self.cluster.faults = self.between if self.between.effects else None
        self._weather.effects = tuple(one for one in self._active if isinstance(one, MessageEffect))
        rules = self.cluster.kernel.network.rules
        is_asked = any(rule is self._weather for rule in rules)
        if self._weather.effects and not is_asked:
            rules.append(self._weather)
        elif is_asked and not self._weather.effects:
            rules.remove(self._weather)

    def _tell(self, number: int, what: str) -> None:
        self._changed_ns = self.now_ns
        self.cluster.kernel.trace.add(self.now_ns, "fault", str(number), what)

    # ---- what effects ask of each other --------------------------------------------------------------------

    def holding(self, kind: type[Effect], name: str, *, but: Effect | None = None) -> list[Effect]:
        """The active effects of that kind on a machine."""
        return [one for one in self._active if isinstance(one, kind) and name in one.machines and one is not but]

    def is_held(self, kind: type[Effect], name: str, *, but: Effect) -> bool:
        return bool(self.holding(kind, name, but=but))


def _state(injection: _Injection) -> FaultState:
    word = "over" if injection.is_over else "active" if injection.has_begun else "waiting"
    strikes = injection.strikes + sum(effect.strikes for effect in injection.effects.values())
    return FaultState(injection.number, injection.fault, word, injection.begins_ns, injection.machines, strikes)


def _check_lengths(fault: Fault) -> None:
    """Compositions need some time for each of their parts, and so many parts that they end.

    Raises:
        UsageError: a length is zero, or there are too many parts.
    """
    word = word_of(fault.word)
    lengths = {"down": fault.params.get("down", 1), "for": fault.for_ns if word.for_ns else 1}
    for name, length_ns in lengths.items():
        if not length_ns:
            raise UsageError(f"{fault.word}: {name} has to be longer than nothing", 'write a duration such as "30s"')
    if fault.word == "flapping_node" and (count := flaps(fault)) > MOST_FLAPS:
        raise UsageError(f"flapping_node: {count} times is too often", f"let it flap {MOST_FLAPS} times or less")
