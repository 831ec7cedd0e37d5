"""Entry point of `python -m focal_omr`, the same as the command `focal-omr`."""

from focal_omr.cli.app import main

if __name__ == "__main__":
    main()
