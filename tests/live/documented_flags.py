"""The documented commands and flags of Bacalhau 1.4.0, and the check in `test_documented_flags.py` that uses each.

One line is one row: the command, the flag, the check. A flag of two spellings is written with both.
"""

from __future__ import annotations

from typing import Final

__all__ = ["GLOBAL", "ROWS"]

_PAGED: Final = """
--limit           limits
--next-token      continues
--order-reversed  reverses
"""
_LISTED: Final = """
--hide-header  hides_header
--no-style     drops_colours
--output       has_every_form
--pretty       indents
--wide         widens
"""
_SHOWN: Final = """
--output  has_both_forms
--pretty  indents
"""
_RUN: Final = """
--dry-run            submits_nothing
-f/--follow          prints_output
--id-only            prints_the_id
--node-details       shows_nodes
--show-warnings      shows_warnings
--wait               waits
--wait-timeout-secs  stops_waiting
--no-template        leaves_braces
-E/--template-envs   takes_variables
-V/--template-vars   fills_in
"""

# What every command of these takes too.
GLOBAL: Final = """
--api-host  reaches_the_host
--api-port  reaches_the_port
--log-mode  takes_a_word
--repo      reads_the_folder
"""

_COMMANDS: Final = {
    "job": "",
    "job list": _PAGED + _LISTED + "--labels selects_labels\n--order-by orders",
    "job executions": _PAGED + _LISTED + "--order-by orders",
    "job history": _PAGED + _LISTED + "--order-by is_accepted\n--event-type selects_events"
    "\n--execution-id selects_execution\n--node-id selects_node",
    "job describe": _SHOWN,
    "job logs": "-f/--follow prints_output",
    "job run": _RUN,
    "job stop": "--quiet says_nothing",
    "node": "",
    "node list": _PAGED + _LISTED + "--labels selects_labels\n--order-by orders\n--show shows_columns"
    "\n--filter-approval selects_approval\n--filter-status selects_status",
    "node describe": _SHOWN,
    "node approve": "-m/--message acts",
    "node reject": "-m/--message acts",
    "node delete": "-m/--message acts",
    "agent": "",
    "agent alive": _SHOWN,
    "agent node": _SHOWN,
    "agent version": _SHOWN,
    "config": "",
    "config list": _LISTED,
    "config set": "",
}
_GROUPS: Final = ("job", "node", "agent", "config")


def _rows() -> list[tuple[str, str, str]]:
    found = []
    for command, own in _COMMANDS.items():
        asks_a_server = command not in _GROUPS and not command.startswith("config")
        lines = ["-h/--help explains_itself", *own.splitlines(), *(GLOBAL.splitlines() if asks_a_server else ())]
        found += [(command, *line.split()) for line in lines if line.strip()]
    return found


ROWS: Final = _rows()
