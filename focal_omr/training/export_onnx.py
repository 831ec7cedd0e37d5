"""Export of a checkpoint as one ONNX file with everything that recognition needs.

Inputs are `images` (B, 1, H, W) and `widths` (B,), outputs `log_probs` (T, B, C) and `lengths` (B,), as in
`model`. The metadata hold a `ModelCard`: vocabulary, strip geometry, pixels per frame, preset and the digest
of the training configuration.
"""

import copy
import io
import json
import logging
import math
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch import Tensor, nn

from focal_omr import __version__
from focal_omr.model import (
    BidirectionalLstm,
    ColumnNetwork,
    Crnn,
    FactorisedLinear,
    frame_px,
    input_height_px,
)
from focal_omr.onnx_model import METADATA_KEY, ModelCard
from focal_omr.runtime.atomic_files import write_atomic
from focal_omr.staff.strip import MIDDLE_LINE_PX, STAFF_SPACE_PX
from focal_omr.training.checkpoint import load_network, save_checkpoint

logger = logging.getLogger(__name__)

_OPSET = 18
_MIN_QUANTISED_SIZE = 1000  # values; biases and norms stay float32
_INT8_MAX = 127
# Largest weight of dynamic int8 layers. CPUs with AVX2 but without VNNI add two products in 16 bits with
# saturation; two of 255 * 64 just fit.
_DYNAMIC_INT8_MAX = 64
_RUNTIME_DOMAIN = "com.microsoft"  # ONNX Runtime's contrib operators
_Weights = dict[str, onnx.TensorProto]  # initialisers by name


def export_checkpoint(checkpoint: Path, out: Path, *, int8: bool = True) -> None:
    """Export the network of a checkpoint to an ONNX file.

    Args:
        checkpoint: Checkpoint of a run, or a file by `write_state`.
        out: Target file.
        int8: Store large weights as int8, a quarter of the size, with dynamic int8 quantisation of LSTM and
            linear layers. Otherwise everything is float32.

    Raises:
        ModelError: The checkpoint cannot be used.
        OutputError: The file cannot be written.
    """
    model, state = load_network(checkpoint)
    config, codec = state["config"], state["codec"]
    height = input_height_px(config.model)
    card = ModelCard(
        preset=config.model.preset,
        codec=codec,
        height_px=height,
        staff_space_px=STAFF_SPACE_PX,
        middle_line_px=MIDDLE_LINE_PX if config.model.preset == "paper" else height // 2,
        frame_px=frame_px(config.model),
        config_digest=config.digest,
        seed=config.seed,
        steps=state["step"],
        version=__version__,
    )
    write_onnx(model, card, out, int8=int8)


def write_onnx(model: nn.Module, card: ModelCard, out: Path, *, int8: bool = True) -> None:
    """Export a network to an ONNX file; see `export_checkpoint`.

    Args:
        model: Network built by `build_model`; not modified.
        card: Metadata; `dynamic_int8` is set from `int8`.
        out: Target file.
        int8: Quantise large weights.

    Raises:
        OutputError: The file cannot be written.
    """
    model = _simplify(copy.deepcopy(model), batched=not int8).eval()
    images = torch.zeros(2, 1, card.height_px, 200)
    widths = torch.tensor([200, 160])
    exported = io.BytesIO()
    with warnings.catch_warnings():
        # Torch 2.13 deprecates the TorchScript exporter. The new one needs onnxscript and fixes the shapes of
        # the LSTM. To be changed when torch drops the old one.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            (images, widths),
            exported,  # type: ignore[arg-type]  # the TorchScript exporter accepts it
            dynamo=False,
            opset_version=_OPSET,
            input_names=["images", "widths"],
            output_names=["log_probs", "lengths"],
            dynamic_axes={
                "images": {0: "batch", 3: "width"},
                "widths": {0: "batch"},
                "log_probs": {0: "frames", 1: "batch"},
                "lengths": {0: "batch"},
            },
        )
    graph = onnx.load_from_string(exported.getvalue())
    if int8:
        _quantise_weights(graph)
    card = replace(card, dynamic_int8=int8)
    entry = graph.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, json.dumps(card.to_json())
    onnx.checker.check_model(graph)
    write_atomic(out, graph.SerializeToString())
    logger.info("%s: %.1f MB, %d symbols", out, out.stat().st_size / 1e6, card.codec.vocabulary.classes - 1)


def _quantise_weights(graph: onnx.ModelProto) -> None:
    """Store large weights as int8 with one scale per output, which quarters the file.

    Weights of convolutions are dequantised when ONNX Runtime opens the file, which then computes in float32.
    LSTM and linear layers use dynamic int8 quantisation: their inputs, and the LSTM state of each frame, are
    rounded to 256 levels between their minimum and maximum; biases, gates and states are float32.

    Source: `DynamicQuantizeLSTM` and `DynamicQuantizeMatMul` of ONNX Runtime's contrib operators.
    """
    weights = {tensor.name: tensor for tensor in graph.graph.initializer}
    quantisers = {"Conv": _quantise_conv, "LSTM": _quantise_lstm, "MatMul": _quantise_matmul}
    nodes = []
    for node in graph.graph.node:
        quantise = quantisers.get(node.op_type)
        weight = weights.get(node.input[1]) if len(node.input) > 1 else None
        large = weight is not None and math.prod(weight.dims) >= _MIN_QUANTISED_SIZE
        nodes += quantise(node, weights) if quantise and large else [node]
    for field, values in (graph.graph.node, nodes), (graph.graph.initializer, [*weights.values()]):
        del field[:]
        field.extend(values)
    graph.opset_import.append(helper.make_opsetid(_RUNTIME_DOMAIN, 1))


def _quantise_conv(node: onnx.NodeProto, weights: _Weights) -> list[onnx.NodeProto]:
    """The convolution, preceded by the nodes that dequantise its weight."""
    name = node.input[1]
    values = numpy_helper.to_array(weights.pop(name))
    quantised, scale = _quantise(values, axes=tuple(range(1, values.ndim)), maximum=_INT8_MAX)
    stored, scales = _put(weights, f"{name}.int8", quantised), _put(weights, f"{name}.scale", scale)
    cast = f"{name}.cast"
    return [
        helper.make_node("Cast", [stored], [cast], to=onnx.TensorProto.FLOAT),
        helper.make_node("Mul", [cast, scales], [name]),
        node,
    ]


def _quantise_lstm(node: onnx.NodeProto, weights: _Weights) -> list[onnx.NodeProto]:
    inputs = [*node.input, *[""] * (8 - len(node.input))]  # no initial states, no peepholes
    scales: list[str] = []
    for index in (1, 2):  # input and recurrent weights: (directions, outputs, inputs)
        values = numpy_helper.to_array(weights.pop(inputs[index])).swapaxes(1, 2)
        inputs[index], *more = _put_quantised(weights, inputs[index], values)
        scales += more
    return [_dynamic_node(node, [*inputs, *scales])]


def _quantise_matmul(node: onnx.NodeProto, weights: _Weights) -> list[onnx.NodeProto]:
    data, name = node.input
    values = numpy_helper.to_array(weights.pop(name))
    return [_dynamic_node(node, [data, *_put_quantised(weights, name, values)])]


def _dynamic_node(node: onnx.NodeProto, inputs: list[str]) -> onnx.NodeProto:
    """ONNX Runtime's dynamically quantised version of a node."""
    quantised = helper.make_node(
        f"DynamicQuantize{node.op_type}", inputs, node.output, node.name, domain=_RUNTIME_DOMAIN
    )
    quantised.attribute.extend(node.attribute)
    return quantised


def _put_quantised(weights: _Weights, name: str, values: NDArray[np.float32]) -> tuple[str, str, str]:
    """Store a weight (..., inputs, outputs) as int8, and scales and zeros (..., outputs); return names."""
    quantised, scale = _quantise(values, axes=(values.ndim - 2,), maximum=_DYNAMIC_INT8_MAX)
    scale = scale.squeeze(-2)
    return (
        _put(weights, f"{name}.int8", np.ascontiguousarray(quantised)),
        _put(weights, f"{name}.scale", scale),
        _put(weights, f"{name}.zero", np.zeros(scale.shape, np.int8)),
    )


def _put(weights: _Weights, name: str, values: NDArray[Any]) -> str:
    weights[name] = numpy_helper.from_array(values, name)
    return name


def _quantise(
    values: NDArray[np.float32], *, axes: tuple[int, ...], maximum: int
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Integers in [-maximum, maximum], and scales of size 1 along `axes`."""
    largest = np.maximum(np.abs(values).max(axis=axes, keepdims=True), np.float32(1e-12))
    scale = largest / np.float32(maximum)
    return np.round(values / scale).astype(np.int8), scale


def write_state(checkpoint: Path, out: Path) -> None:
    """Write the weights of a checkpoint as float16, without optimizer, to start another training from.

    Raises:
        ModelError: The checkpoint cannot be used.
        OutputError: The file cannot be written.
    """
    model, state = load_network(checkpoint)
    model.half()
    save_checkpoint(
        out,
        config=state["config"],
        codec=state["codec"],
        model=model,
        optimizer=None,
        step=state["step"],
    )


def _simplify(model: nn.Module, *, batched: bool) -> nn.Module:
    """Replace layers by equivalents with fewer ONNX nodes; without batches, padding needs no mask."""
    if isinstance(model, Crnn | ColumnNetwork):
        model.masked = batched
    head = getattr(model, "head", None)
    if isinstance(head, FactorisedLinear):
        weight, bias = head.folded()
        plain = nn.Linear(weight.shape[1], weight.shape[0])
        plain.weight, plain.bias = nn.Parameter(weight.detach()), nn.Parameter(bias.detach())
        model.head = plain
    recurrent = model.recurrent
    if isinstance(recurrent, nn.ModuleList):
        for index, layer in enumerate(recurrent):
            assert isinstance(layer, BidirectionalLstm)
            recurrent[index] = _OnnxBidirectionalLstm(layer)
    return model


class _OnnxBidirectionalLstm(nn.Module):
    """`BidirectionalLstm` as a single ONNX LSTM node, which takes sequence lengths itself.

    Otherwise each sequence is reversed by many small nodes: the default network then has 320 nodes, with this
    class 117. For export only: `forward` returns zeros.
    """

    def __init__(self, layer: BidirectionalLstm) -> None:
        super().__init__()
        directions = layer.ahead, layer.back
        self.register_buffer("weight", torch.stack([_onnx_gates(each.weight_ih_l0) for each in directions]))
        self.register_buffer("repeat", torch.stack([_onnx_gates(each.weight_hh_l0) for each in directions]))
        biases = [
            torch.cat([_onnx_gates(each.bias_ih_l0), _onnx_gates(each.bias_hh_l0)]) for each in directions
        ]
        self.register_buffer("bias", torch.stack(biases))

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """As `BidirectionalLstm.forward` in ONNX, but zero beyond each sequence's length."""
        out: Tensor = _LstmNode.apply(x, lengths, self.weight, self.repeat, self.bias)  # type: ignore[no-untyped-call]
        return out


def _onnx_gates(rows: Any) -> Tensor:
    """Reorder torch's gate rows (input, forget, cell, output) for ONNX (input, output, forget, cell)."""
    input_, forget, cell, output = rows.detach().chunk(4)
    return torch.cat([input_, output, forget, cell])


class _LstmNode(torch.autograd.Function):
    """Operators LSTM, Transpose and Reshape of ONNX opset 18."""

    @staticmethod
    def forward(_: Any, x: Tensor, lengths: Tensor, weight: Tensor, repeat: Tensor, bias: Tensor) -> Tensor:
        return x.new_zeros(*x.shape[:2], 2 * repeat.shape[2])  # tracing needs the shape only

    @staticmethod
    def symbolic(graph: Any, x: Any, lengths: Any, weight: Any, repeat: Any, bias: Any) -> Any:
        hidden = repeat.type().sizes()[2]
        lengths = graph.op("Cast", lengths, to_i=onnx.TensorProto.INT32)
        inputs = (x, weight, repeat, bias, lengths)
        output = graph.op("LSTM", *inputs, direction_s="bidirectional", hidden_size_i=hidden)  # (T, 2, B, H)
        frames = graph.op("Transpose", output, perm_i=[0, 2, 1, 3])
        shape = graph.op("Constant", value_t=torch.tensor([0, 0, -1]))
        return graph.op("Reshape", frames, shape)
