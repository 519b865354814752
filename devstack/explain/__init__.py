"""Why this node, and what would have had to be different for another.

decision.py   one choice with all it came from; it can be made again, and made otherwise
repairs.py    for each rule that refuses, the smallest change that it lets pass
counter.py    the smallest change that sends the execution elsewhere, proved
choices.py    a watcher that remembers every choice of a running cluster
verdicts.py   a choice as people read it, a row for each node
"""

from devstack.explain.choices import Choice, Choices
from devstack.explain.counter import Counter, counter
from devstack.explain.decision import Decision

__all__ = ["Choice", "Choices", "Counter", "Decision", "counter"]
