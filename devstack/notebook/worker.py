"""`python -m devstack.notebook.worker`: plays seeds of a tournament for another process."""

from __future__ import annotations

import os
import sys

from devstack.notebook.match import serve

if __name__ == "__main__":
    # What a workload prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(sys.stdin, answers)
