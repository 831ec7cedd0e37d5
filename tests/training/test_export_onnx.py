"""ONNX export: equal to torch, complete metadata, int8 weights, and foreign files."""

import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from tiny import FEW, FEW_SYMBOLS, PAPER, TINY, as_batch, random_strips, randomise
from torch import nn

from focal_omr import __version__
from focal_omr.config import ModelConfig, TrainConfig
from focal_omr.errors import ModelError
from focal_omr.model import build_model, input_height_px
from focal_omr.onnx_model import METADATA_KEY, ModelCard, OnnxModel
from focal_omr.training.checkpoint import load_network, save_checkpoint
from focal_omr.training.export_onnx import export_checkpoint, write_state

# Large enough for quantised weights.
SMALL = ModelConfig(channels=(8, 8, 16, 16, 32), features=64, hidden=32, layers=1)
CONFIGS = {"default": TINY, "plain_head": TINY.model_copy(update={"factorised": False}), "paper": PAPER}


def _train_config(config: ModelConfig) -> TrainConfig:
    return TrainConfig(seed=3, model=config, encoding="semantic")


def _export(model: nn.Module, config: ModelConfig, folder: Path, *, step: int, int8: bool = False) -> Path:
    """Export the network through a checkpoint."""
    save_checkpoint(
        folder / "last.pt", config=_train_config(config), codec=FEW, model=model, optimizer=None, step=step
    )
    export_checkpoint(folder / "last.pt", folder / "net.onnx", int8=int8)
    return folder / "net.onnx"


@pytest.fixture(scope="module", params=CONFIGS)
def exported(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[ModelConfig, nn.Module, Path]:
    """A configuration, its network with random weights, and the ONNX file made from a checkpoint of it.

    With its weights in full, so that what is compared is the graph.
    """
    config = CONFIGS[request.param]
    torch.manual_seed(5)
    model = randomise(build_model(config, FEW_SYMBOLS)).eval()
    return config, model, _export(model, config, tmp_path_factory.mktemp("exported"), step=41)


# None has the exporter's example width (200) or batch size (2): odd widths, a single staff, a single frame.
@pytest.mark.parametrize("widths", [(200, 160), (333, 64, 129, 48), (97,), (16, 17), (1024,)], ids=str)
def test_onnx_equals_torch(exported: tuple[ModelConfig, nn.Module, Path], widths: tuple[int, ...]) -> None:
    config, model, path = exported
    strips = random_strips(*widths, height=input_height_px(config))
    with torch.no_grad():
        expected, lengths = model(*as_batch(strips))
    got = OnnxModel(path, threads=1).log_probs(strips)
    assert len(got) == len(widths)
    for row, (each, length) in enumerate(zip(got, lengths, strict=True)):
        assert each.shape == (length, FEW_SYMBOLS.classes)
        np.testing.assert_allclose(each, expected[:length, row].numpy(), atol=1e-4, rtol=0)


def test_a_staff_alone_is_read_as_in_a_batch(exported: tuple[ModelConfig, nn.Module, Path]) -> None:
    config, _, path = exported
    strips = random_strips(150, 64, 201, height=input_height_px(config))
    model = OnnxModel(path, threads=1)
    for together, strip in zip(model.log_probs(strips), strips, strict=True):
        np.testing.assert_allclose(together, model.log_probs([strip])[0], atol=1e-4, rtol=0)


def test_the_card_has_everything_that_reading_needs(exported: tuple[ModelConfig, nn.Module, Path]) -> None:
    config, _, path = exported
    paper = config.preset == "paper"
    assert OnnxModel(path, threads=1).card == ModelCard(
        preset=config.preset,
        codec=FEW,
        height_px=128 if paper else 96,
        staff_space_px=8,
        middle_line_px=48,
        frame_px=16 if paper else 4,
        config_digest=_train_config(config).digest,
        seed=_train_config(config).seed,
        steps=41,
        version=__version__,
    )
    assert [each.name for each in path.parent.iterdir() if each.suffix == ".partial"] == []


def test_the_file_is_valid_and_names_its_tensors(exported: tuple[ModelConfig, nn.Module, Path]) -> None:
    graph = onnx.load(str(exported[2]))
    onnx.checker.check_model(graph, full_check=True)
    assert [value.name for value in graph.graph.input] == ["images", "widths"]
    assert [value.name for value in graph.graph.output] == ["log_probs", "lengths"]
    (entry,) = graph.metadata_props
    assert entry.key == METADATA_KEY
    assert json.loads(entry.value)["format"] == 1


def test_int8_weights_change_probabilities_little(tmp_path: Path) -> None:
    torch.manual_seed(6)
    model = randomise(build_model(SMALL, FEW_SYMBOLS)).eval()
    path = _export(model, SMALL, tmp_path, step=1, int8=True)
    strips = random_strips(120, 77)
    with torch.no_grad():
        expected, _ = model(*as_batch(strips))
    for row, got in enumerate(OnnxModel(path, threads=1).log_probs(strips)):
        np.testing.assert_allclose(np.exp(got), expected[: len(got), row].exp().numpy(), atol=0.02)
    values = sum(math.prod(tensor.dims) for tensor in onnx.load(str(path)).graph.initializer)
    assert path.stat().st_size < 2 * values  # 1 byte for most weights instead of 4


def test_dynamic_int8_results_depend_neither_on_the_batch_nor_on_threads(tmp_path: Path) -> None:
    """Activations are scaled by their range over everything that passes a layer at once."""
    torch.manual_seed(6)
    model = randomise(build_model(SMALL, FEW_SYMBOLS)).eval()
    path = _export(model, SMALL, tmp_path, step=1, int8=True)
    strips = [scale * strip for scale, strip in enumerate(random_strips(150, 64, 201), 1)]
    network = OnnxModel(path, threads=1)
    assert network.card.dynamic_int8
    alone = [network.log_probs([strip])[0] for strip in strips]
    for got in (
        network.log_probs(strips),
        OnnxModel(path, threads=2).log_probs(strips),
        [
            each
            for _, each in sorted(network.batched_log_probs(strips, batch_size=3), key=lambda pair: pair[0])
        ],
    ):
        for each, wanted in zip(got, alone, strict=True):
            np.testing.assert_array_equal(each, wanted)


def test_pairs_of_dynamic_int8_products_fit_16_bits(tmp_path: Path) -> None:
    """CPUs without VNNI add two products in 16 bits with saturation."""
    torch.manual_seed(6)
    graph = onnx.load(str(_export(build_model(SMALL, FEW_SYMBOLS), SMALL, tmp_path, step=1, int8=True))).graph
    nodes = {"DynamicQuantizeLSTM": (1, 2), "DynamicQuantizeMatMul": (1,)}  # and which inputs are weights
    kept = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    names = [node.input[place] for node in graph.node for place in nodes.get(node.op_type, ())]
    assert (
        len(names) == 2 + 1
    )  # input and recurrent weights of the LSTM, and the projection; the head is too small
    for name in names:
        most = np.abs(kept[name].astype(int)).max(axis=-2)  # of each output
        assert (most == most.max()).all()
        assert 2 * 255 * most.max() < 2**15


def test_scales_keep_the_largest_weight_of_each_output(tmp_path: Path) -> None:
    """A row of small weights next to one of large weights has the same relative precision."""
    torch.manual_seed(6)
    model = build_model(SMALL, FEW_SYMBOLS).eval()
    with torch.no_grad():
        model.get_submodule("project.0").weight[0] *= 1e-4
    graph = onnx.load(str(_export(model, SMALL, tmp_path, step=1, int8=True))).graph
    kept = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    inputs = next(p.shape[1] for n, p in model.named_parameters() if n == "project.0.weight")
    (name,) = (n for n, v in kept.items() if n.endswith(".int8") and v.ndim == 2 and v.shape[0] == inputs)
    again = kept[name] * kept[name.replace(".int8", ".scale")]
    wanted = model.get_submodule("project.0").weight.detach().numpy().T
    steps = np.abs(wanted).max(axis=0) / 64  # of each output
    assert (np.abs(again - wanted) <= 0.501 * steps).all()


def test_a_float16_state_restores_the_network(tmp_path: Path) -> None:
    torch.manual_seed(6)
    model = randomise(build_model(SMALL, FEW_SYMBOLS)).eval()
    path = _export(model, SMALL, tmp_path, step=9)
    write_state(tmp_path / "last.pt", tmp_path / "state.pt")
    again, state = load_network(tmp_path / "state.pt")
    assert (state["step"], state["optimizer"], state["codec"]) == (9, None, FEW)
    for name, value in again.state_dict().items():
        torch.testing.assert_close(value, model.state_dict()[name], atol=1e-3, rtol=1e-3)
    assert (tmp_path / "state.pt").stat().st_size < 0.7 * (tmp_path / "last.pt").stat().st_size
    assert path.exists()


# Foreign files ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(6)
    return _export(build_model(SMALL, FEW_SYMBOLS), SMALL, tmp_path_factory.mktemp("small"), step=1)


def _refused(path: Path) -> str:
    with pytest.raises(ModelError) as raised:
        OnnxModel(path, threads=1)
    message = str(raised.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


def test_a_foreign_onnx_file_is_refused(tmp_path: Path) -> None:
    value = onnx.helper.make_tensor_value_info
    node = onnx.helper.make_node("Relu", ["x"], ["y"])
    ends = (value(name, onnx.TensorProto.FLOAT, [1]) for name in "xy")
    graph = onnx.helper.make_graph([node], "foreign", *([end] for end in ends))
    opset = onnx.helper.make_opsetid("", 18)
    onnx.save(
        onnx.helper.make_model(graph, opset_imports=[opset], ir_version=9), str(tmp_path / "foreign.onnx")
    )
    assert "not written by `focal-omr export`" in _refused(tmp_path / "foreign.onnx")


@pytest.mark.parametrize("keep", [0.0, 0.1, 0.9])
def test_a_truncated_file_is_refused(small: Path, tmp_path: Path, keep: float) -> None:
    data = small.read_bytes()
    (tmp_path / "cut.onnx").write_bytes(data[: int(keep * len(data))])
    _refused(tmp_path / "cut.onnx")


def test_a_text_file_a_folder_and_nothing_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("This is no network.\n", encoding="utf-8")
    assert "not an ONNX file" in _refused(tmp_path / "text.onnx")
    assert "cannot be read" in _refused(tmp_path)
    assert "none.onnx: no such file" in _refused(tmp_path / "none.onnx")


def test_missing_packaged_weights_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("focal_omr.onnx_model.files", lambda _: tmp_path)
    with pytest.raises(ModelError, match=r"packaged weights, .*default\.onnx, cannot be read \(No such file"):
        OnnxModel("default")


def _changed(**changes: Any) -> Callable[[str], str]:
    return lambda text: json.dumps(json.loads(text) | changes)


def _without(key: str) -> Callable[[str], str]:
    return lambda text: json.dumps({k: v for k, v in json.loads(text).items() if k != key})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_changed(format=2), "metadata format not supported"),
        (_changed(colour="blue"), "colour"),
        (_without("frame_px"), "frame_px"),
        (_without("vocabulary"), "vocabulary"),
        (_changed(vocabulary=5), "metadata"),
        (_changed(vocabulary=["tie", "tie"]), "repeat a symbol"),
        (lambda text: text[:-5], "damaged metadata"),
        (lambda _: "[1, 2]", "metadata format not supported"),
        (_changed(vocabulary=["tie"]), "8 output classes, but its vocabulary has 2"),
        (_changed(encoding="solfa"), "solfa"),
        (_without("encoding"), "encoding"),
    ],
)
def test_bad_metadata_are_refused(
    small: Path, tmp_path: Path, change: Callable[[str], str], reason: str
) -> None:
    graph = onnx.load(str(small))
    graph.metadata_props[0].value = change(graph.metadata_props[0].value)
    onnx.save(graph, str(tmp_path / "net.onnx"))
    assert reason in _refused(tmp_path / "net.onnx")


def test_a_bad_checkpoint_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "last.pt").write_bytes(b"no checkpoint")
    with pytest.raises(ModelError, match=r"last\.pt"):
        export_checkpoint(tmp_path / "last.pt", tmp_path / "net.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]


_WITHOUT_TORCH = """
import sys
import numpy as np
import focal_omr.onnx_model
import focal_omr.recognize
from focal_omr.decode import greedy_decode

model = focal_omr.onnx_model.OnnxModel(sys.argv[1], threads=1)
(frames,) = model.log_probs([np.zeros((96, 50), np.float32)])
assert frames.shape == (13, model.card.codec.vocabulary.classes)
greedy_decode(frames)
heavy = {"torch", "onnx", "lightning_fabric", "music21", "resvg_py", "matplotlib"}
print(sorted(heavy & set(sys.modules)))
"""


def test_reading_needs_no_torch(small: Path) -> None:
    command = [sys.executable, "-c", _WITHOUT_TORCH, str(small)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


def test_batches_equal_single_runs(
    exported: tuple[ModelConfig, nn.Module, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, _, path = exported
    strips = random_strips(150, 64, 201, 64, 90, height=input_height_px(config))
    model = OnnxModel(path, threads=1)
    alone = [model.log_probs([strip])[0] for strip in strips]
    run: list[int] = []
    log_probs = model.log_probs
    monkeypatch.setattr(model, "log_probs", lambda part: run.append(len(part)) or log_probs(part))
    for batch, wanted in {1: [1] * 5, 2: [2, 2, 1], 9: [5]}.items():
        run.clear()
        read = dict(model.batched_log_probs(strips, batch_size=batch))
        for number, each in enumerate(alone):
            np.testing.assert_allclose(read[number], each, atol=1e-4, rtol=0)
        assert run == wanted
    monkeypatch.setattr("focal_omr.onnx_model._MAX_COLUMNS", 410)
    run.clear()
    list(model.batched_log_probs(strips, batch_size=9))
    assert run == [2, 3]  # of 201 and 150 columns; the rest
    assert not list(model.batched_log_probs([], batch_size=4))


def test_both_directions_of_a_layer_are_one_node(exported: tuple[ModelConfig, nn.Module, Path]) -> None:
    config, _, path = exported
    nodes = [node for node in onnx.load(str(path)).graph.node if node.op_type == "LSTM"]
    assert len(nodes) == (2 if config.preset == "paper" else config.layers)
    assert all(onnx.helper.get_node_attr_value(node, "direction") == b"bidirectional" for node in nodes)
