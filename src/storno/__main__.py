"""Lets `python -m storno` do what the `storno` command does.

Nothing is decided here: the command line lives in `storno.cli.main`.
"""

from storno.cli.main import main

if __name__ == "__main__":
    main()
