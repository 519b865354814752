"""`python -m devstack`."""

import signal

# Until `main` takes over, Ctrl-C ends the process plainly: an interrupted import would print a traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)

from devstack.cli.main import main  # noqa: E402

if __name__ == "__main__":
    main()
