"""The parameters that addresses may have: how each is read, and what it means.

A route names those that it reads; they are read before its function is called, and the API's document lists them.
Source: http_api reference 1.3 and 3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeVar

import attrs

from devstack.http_api.query import Query
from devstack.orchestrator.queries import EVENT_TYPES, EXECUTION_ORDERS, NODE_ORDERS

__all__ = [
    "AT",
    "CHOSEN_EXECUTION",
    "EVENT_TYPE",
    "EXECUTION_ID",
    "EXECUTION_ORDER",
    "FILTER_APPROVAL",
    "FILTER_STATUS",
    "FOLLOW",
    "INCLUDE",
    "JOB_ORDER",
    "LABELS",
    "LIMIT",
    "LOG_EXECUTION",
    "NAMESPACE",
    "NEXT_TOKEN",
    "NODE_ID",
    "NODE_ORDER",
    "PRETTY",
    "REASON",
    "REVERSE",
    "SINCE",
    "TAIL",
    "VERDICT_NODE",
    "Parameter",
]

T_co = TypeVar("T_co", covariant=True)


@attrs.frozen
class Parameter(Generic[T_co]):
    """One parameter; `words` are the values that it may have (any if there are none), `least` the lowest number."""

    name: str
    meaning: str
    read: Callable[[Query, str], T_co]
    words: tuple[str, ...] = ()
    least: int | None = None

    def of(self, query: Query) -> T_co:
        """Its value in that address.

        Raises:
            BadQueryError: it is no number or no truth value.
        """
        return self.read(query, self.name)


# What a page of a list holds.
LIMIT: Final = Parameter("limit", "how many to list; 0 and none: all", Query.unsigned)
NEXT_TOKEN: Final = Parameter(
    "next_token", "NextToken of the page before; it carries order and limit, which then do not count", Query.text
)
REVERSE: Final = Parameter("reverse", "the other way round", Query.flag)
JOB_ORDER: Final = Parameter(
    "order_by", "id, created_at or modified_at; anything else is the order of creation", Query.text
)
EXECUTION_ORDER: Final = Parameter("order_by", "modify_time if there is none", Query.text, tuple(EXECUTION_ORDERS))
NODE_ORDER: Final = Parameter("order_by", "id if there is none", Query.text, tuple(NODE_ORDERS))

# Which things it lists.
NAMESPACE: Final = Parameter("namespace", "only jobs of that namespace; `*` and none: all", Query.text)
LABELS: Final = Parameter(
    "labels", "only what has such labels, such as `env=prod`, `!gpu` or `zone in (a,b)`; all of several", Query.texts
)
FILTER_APPROVAL: Final = Parameter("filter-approval", "pending, approved or rejected, in any case", Query.text)
FILTER_STATUS: Final = Parameter("filter-status", "connected or disconnected, in any case", Query.text)
SINCE: Final = Parameter("since", "only from that second on, in Unix time", Query.signed, least=0)
EVENT_TYPE: Final = Parameter("event_type", "all if there is none", Query.text, EVENT_TYPES)
EXECUTION_ID: Final = Parameter("execution_id", "only of the execution whose id begins so", Query.text)
NODE_ID: Final = Parameter("node_id", "only of the node whose id begins so", Query.text)

# Other.
INCLUDE: Final = Parameter("include", "what to add: `history`, `executions`, or both with a comma between", Query.text)
PRETTY: Final = Parameter("pretty", "indented, whatever its value", Query.texts)
REASON: Final = Parameter("reason", "why, if the body does not say", Query.text)
LOG_EXECUTION: Final = Parameter(
    "execution_id", "the whole id of an execution; the latest if there is none", Query.text
)
TAIL: Final = Parameter("tail", "only what is written from now on", Query.flag)
FOLLOW: Final = Parameter("follow", "go on until the execution ends", Query.flag)

# Explanations.
AT: Final = Parameter(
    "at", "only what was chosen until then: a duration since the job came in, such as 30s, or a time in RFC 3339",
    Query.text,
)  # fmt: skip
CHOSEN_EXECUTION: Final = Parameter("execution", "only the choice that this execution came from", Query.text)
VERDICT_NODE: Final = Parameter("node", "only that node", Query.text)
