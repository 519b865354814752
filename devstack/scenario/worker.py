"""`python -m devstack.scenario.worker TOKEN`: runs seeds for another process, and records for a comparison."""

from __future__ import annotations

import os
import sys
from typing import IO

from devstack.scenario.token import Token

__all__ = ["main"]


def main(arguments: list[str], orders: IO[str], answers: IO[str]) -> None:
    """Serve orders, or with `--records` run the token once and print its records."""
    token = Token.parse(arguments[0])
    if "--records" in arguments:
        from devstack.scenario.mismatch import observe, write

        write(observe(token), answers)
        return
    from devstack.scenario.many import serve

    serve(token, orders, answers)


if __name__ == "__main__":
    # What a scenario prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    main(sys.argv[1:], sys.stdin, answers)
