"""What must hold for a whole cluster, whatever happens to it.

checkers     all of them, as one watcher       violation    what they have to say
checker      what they have in common          settling     the quiet time at the end
live         all of them, as warnings
facts        what is true, whoever believes what
room         which nodes could take a job

engines      programs: what fits, once each    capacity     a node's books
transitions  tables of states, and history     local_transitions  the same on nodes
stops        a stop is final                   completion   what "completed" promises
timeouts     they fire in time                 honesty      reasons of failures are true
membership   who is connected                  wakeups      nobody is forgotten
goals        every job gets what it asks for   agreement    requester and nodes tell the same
commands     take effect once                  placements   idle nodes first, and what is known of room
"""

from devstack.checkers.checkers import CHECKERS, Checkers
from devstack.checkers.live import LiveCheckers
from devstack.checkers.violation import Violation

__all__ = ["CHECKERS", "Checkers", "LiveCheckers", "Violation"]
