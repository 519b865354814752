"""A strategy's answer, and how the answers of a stage become one. Source: compute reference 2."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

__all__ = ["ACCEPTED", "Answer", "accept", "join", "or_wait", "refuse"]


class Answer(NamedTuple):
    """`waits` beats both: somebody will decide later. `reason` is the text for people; empty where all is well."""

    bids: bool
    waits: bool = False
    reason: str = ""


ACCEPTED: Final = Answer(True)


def refuse(phrase: str) -> Answer:
    return Answer(False, False, f"this node does not {phrase}")


def accept(phrase: str) -> Answer:
    return Answer(True, False, f"this node does {phrase}")


def or_wait(answer: Answer, *, on_bid: bool = False, on_refusal: bool = False) -> Answer:
    """The same answer, but left to a person where the node is told to wait."""
    if answer.bids and on_bid and not answer.waits:
        return answer._replace(waits=True)
    if not answer.bids and on_refusal and not answer.waits:
        return answer._replace(waits=True)
    return answer


def join(answers: Iterable[Answer]) -> Answer:
    """A stage bids if nobody refuses and waits if anybody waits; each who does not bid says why."""
    bids, waits, reasons = True, False, []
    for answer in answers:
        if answer is ACCEPTED:
            continue
        if answer.waits:
            waits = True
            reasons.append(f"waiting to bid: {answer.reason}")
        elif not answer.bids:
            bids = False
            reasons.append(f"rejected bid: {answer.reason}")
    if bids and not waits:
        return ACCEPTED
    return Answer(bids, waits, "; ".join(reasons))
