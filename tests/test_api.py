"""The public names, and what importing them costs."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import focal_omr

PUBLIC = {
    "Document",
    "FocalCTCLoss",
    "OmrError",
    "Recognizer",
    "Symbol",
    "focal_ctc_loss",
    "load_score",
    "read",
    "save_score",
}
# What a bare `import focal_omr` must not bring, and what reading must not.
HEAVY = {"cv2", "numpy", "onnxruntime", "pydantic", "rapidfuzz", "torch", "typer", "verovio"}
NOT_FOR_READING = {"lightning_fabric", "music21", "onnx", "pydantic", "resvg_py", "torch"}


def _loaded_after(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after `code`."""
    code += "\nimport sys, json; print(json.dumps([name for name in sys.modules if '.' not in name]))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(ran.stdout))


def test_the_exported_names_are_the_public_ones() -> None:
    assert set(focal_omr.__all__) == PUBLIC
    assert len(focal_omr.__all__) == len(PUBLIC)
    assert set(dir(focal_omr)) >= PUBLIC


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_each_exported_name_is_importable_and_lives_where_it_is_defined(name: str) -> None:
    value = getattr(focal_omr, name)
    assert value.__name__ == name
    assert value is getattr(sys.modules[value.__module__], name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'focal_omr' has no attribute 'raed'"):
        focal_omr.raed  # noqa: B018


def test_star_import_gives_the_public_names() -> None:
    names: dict[str, object] = {}
    exec("from focal_omr import *", names)
    assert names.keys() - {"__builtins__"} == PUBLIC


def test_import_loads_nothing_heavy() -> None:
    assert not _loaded_after("import focal_omr") & HEAVY


def test_reading_and_the_command_line_load_no_torch() -> None:
    loaded = _loaded_after(
        "from focal_omr import read, Recognizer, load_score, save_score, OmrError\n"
        "import focal_omr.cli.app, focal_omr.evaluation.evaluate"
    )
    assert "cv2" in loaded
    assert not loaded & NOT_FOR_READING


def test_import_is_quick() -> None:
    # Time on the processor, for the clock on the wall counts a busy neighbour too; 0.01 s seen.
    code = "import time; start = time.process_time(); import focal_omr; print(time.process_time() - start)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(ran.stdout) < 0.15


def test_without_torch_the_loss_names_the_extra_that_brings_it() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import focal_omr\n"
        "try: focal_omr.focal_ctc_loss\n"
        "except ModuleNotFoundError as error: print(error)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == (
        "focal_omr.focal_ctc_loss needs torch, which the extra 'train' installs: "
        "pip install 'focal-ctc-omr[train]', or in a clone pip install -c constraints.txt '.[train]'\n"
    )


def test_every_dependency_is_pinned_within_its_bounds() -> None:
    from tomllib import loads

    from packaging.requirements import Requirement

    root = Path(__file__).parent.parent
    project = loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    lines = (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    for text in [*project["dependencies"], *(text for extra in extras for text in extra)]:
        requirement = Requirement(text)
        if requirement.name != project["name"]:
            assert pins[requirement.name] in requirement.specifier, text
    assert pins["torch"] == "2.13.0"
    assert find_spec("music21") is not None
