"""What an installation brings: a bill of materials as CycloneDX, and the table of licences in the docs."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from focal_omr.runtime.atomic_files import write_atomic
from release.install import ROOT

TABLE = ROOT / "docs" / "dependencies.md"
_INSTALLERS = ("pip", "setuptools")  # of the environment, and nothing that the package needs
# Of packages that say nothing which the bill's maker understands; read in their files.
_READ_THERE = {
    "flatbuffers": "Apache-2.0",
    "opencv-python-headless": "Apache-2.0",
    "protobuf": "BSD-3-Clause",
    "pypdfium2": "Apache-2.0 OR BSD-3-Clause; PDFium in it: Apache-2.0 AND BSD-3-Clause",
}
_HEAD = """\
# What an installation brings along

Made by `python -m release sbom` from a fresh environment with the extra `[web]`, on Linux; the versions are
those of `constraints.txt`. Licences are what the packages say of themselves. The same is written as CycloneDX
JSON. What this repository itself holds of others is listed in its `THIRD_PARTY.md`.

| package | version | licence | needed for |
|---|---|---|---|
"""


def write(out: Path) -> None:
    """Write the bill of materials of the package with its extra `[web]`, and the table of the docs."""
    with TemporaryDirectory() as folder:
        bases = _installed(Path(folder) / "base", str(ROOT))
        bill = _bill(Path(folder) / "web", f"{ROOT}[web]")
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(out, (json.dumps(bill, indent=1) + "\n").encode())
    write_atomic(TABLE, (_HEAD + "".join(_rows(bill, bases))).encode())


def _environment(folder: Path, what: str) -> str:
    """A fresh environment with a package; its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    constraints = ["-c", str(ROOT / "constraints.txt")]
    subprocess.run([python, "-m", "pip", "install", "-q", *constraints, what], check=True)
    return python


def _installed(folder: Path, what: str) -> set[str]:
    """The names of what a package brings."""
    python = _environment(folder, what)
    command = [python, "-m", "pip", "list", "--format", "json"]
    listed = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return {package["name"].lower().replace("_", "-") for package in listed}


def _bill(folder: Path, what: str) -> dict[str, Any]:
    python = _environment(folder, what)
    options = ["--pyproject", str(ROOT / "pyproject.toml"), "--short-PURLs", "--output-reproducible"]
    command = [sys.executable, "-m", "cyclonedx_py", "environment", *options, python]
    bill: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    bill["components"] = [each for each in bill["components"] if _name(each) not in _left_out()]
    known = {each["bom-ref"] for each in (bill["metadata"]["component"], *bill["components"])}
    bill["dependencies"] = [each for each in bill["dependencies"] if each["ref"] in known]
    for component in bill["components"]:  # no path of the machine that made it
        references = component.get("externalReferences", [])
        component["externalReferences"] = [each for each in references if "file:" not in each["url"]]
    return bill


def _left_out() -> tuple[str, ...]:
    return (*_INSTALLERS, "focal-ctc-omr")  # the package itself is what the bill is of


def _name(component: dict[str, Any]) -> str:
    return str(component["name"]).lower().replace("_", "-")


def _rows(bill: dict[str, Any], bases: set[str]) -> Iterator[str]:
    for component in sorted(bill["components"], key=_name):
        needed = "reading" if _name(component) in bases else "the web page"
        yield f"| {_name(component)} | {component['version']} | {_licence(component)} | {needed} |\n"


def _licence(component: dict[str, Any]) -> str:
    """The expression where there is one; else the names, each once, without those of classifiers."""
    if (known := _READ_THERE.get(_name(component))) is not None:
        return known
    said = component.get("licenses", [])
    if expressions := [each["expression"] for each in said if "expression" in each]:
        return str(expressions[0])
    licences = [each["license"] for each in said]
    names = [each.get("id") or each["name"] for each in licences]
    spelled = [name for name in names if not name.startswith("License ::")] or names
    return ", ".join(dict.fromkeys(spelled)) or "not said"
