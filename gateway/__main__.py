"""``python -m gateway`` and the ``gateway`` command."""

import sys


def main() -> None:
    """Run the command line and leave with its exit status."""
    from gateway.cli import run  # noqa: PLC0415  # importing this module must not bring the command line

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
