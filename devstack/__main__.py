"""`python -m devstack`."""

from devstack.cli.main import main

if __name__ == "__main__":
    main()
