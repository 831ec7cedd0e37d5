"""`python -m release install` and `python -m release sbom`; see CONTRIBUTING.md."""

import argparse
from pathlib import Path

from release import install, sbom


def main() -> None:
    """Run one of the checks."""
    parser = argparse.ArgumentParser(prog="python -m release")
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("install", help="the wheel in fresh environments, for each Python at hand")
    one.add_argument("--python", action="append", help="an interpreter; repeatable; those at hand if none")
    one.add_argument("--record", type=Path, help="CSV file to append the figures to")
    two = commands.add_parser("sbom", help="what the base install consists of, as CycloneDX")
    two.add_argument("--out", type=Path, default=Path("out/sbom.cdx.json"))
    arguments = parser.parse_args()
    if arguments.command == "install":
        install.check(arguments.python or install.pythons(), record_in=arguments.record)
    else:
        sbom.write(arguments.out)


if __name__ == "__main__":
    main()
