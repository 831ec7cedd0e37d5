"""A checkpoint becomes one ONNX file with everything inside that reading needs.

The graph takes `images` (B, 1, H, W) and `widths` (B,) and gives `log_probs` (T, B, C) and `lengths` (B,),
as the network does. Its metadata hold the vocabulary, the strip's geometry, the pixels per frame, the preset
and the digest of the training configuration.
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
from focal_omr.model import BidirectionalLstm, Crnn, FactorisedLinear, frame_px, input_height_px
from focal_omr.onnx_model import METADATA_KEY, ModelCard
from focal_omr.runtime.atomic_files import write_atomic
from focal_omr.staff.strip import MIDDLE_LINE_PX, STAFF_SPACE_PX
from focal_omr.training.checkpoint import load_network, save_checkpoint

logger = logging.getLogger(__name__)

_OPSET = 18
_SMALL_TENSOR = 1000  # values; biases and norms stay float32
_INT8_MOST = 127
# Of weights that are multiplied as bytes. Processors with AVX2 and no VNNI add two products in 16 bits and
# cut off what is more: two of 255 * 64 just fit.
_FACTOR_MOST = 64
_RUNTIME = "com.microsoft"  # ONNX Runtime's own operators
_Weights = dict[str, onnx.TensorProto]  # by name


def export_checkpoint(checkpoint: Path, out: Path, *, int8: bool = True) -> None:
    """Write the network of a checkpoint as an ONNX file.

    Args:
        checkpoint: Of a run, or a state.
        out: The file.
        int8: Whether the large weights are kept as int8, a quarter of the size, and recurrent and
            linear layers multiply bytes; else all is float32.

    Raises:
        ModelError: The checkpoint cannot be used.
        OutputError: The file cannot be written.
    """
    model, state = load_network(checkpoint)
    config, codec = state["config"], state["codec"]
    card = ModelCard(
        preset=config.model.preset,
        codec=codec,
        height_px=input_height_px(config.model),
        staff_space_px=STAFF_SPACE_PX,
        middle_line_px=MIDDLE_LINE_PX,
        frame_px=frame_px(config.model),
        config_digest=config.digest,
        seed=config.seed,
        steps=state["step"],
        version=__version__,
    )
    write_onnx(model, card, out, int8=int8)


def write_onnx(model: nn.Module, card: ModelCard, out: Path, *, int8: bool = True) -> None:
    """Write a network as ONNX, once it is checked; see `export_checkpoint`."""
    model = _for_reading(copy.deepcopy(model), alone=int8).eval()
    images = torch.zeros(2, 1, card.height_px, 200)
    widths = torch.tensor([200, 160])
    exported = io.BytesIO()
    with warnings.catch_warnings():
        # torch 2.13 announces the end of the TorchScript exporter; the new one needs onnxscript and makes
        # fixed shapes of the LSTM's. To be changed when torch drops it.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            (images, widths),
            exported,  # type: ignore[arg-type]  # the older exporter takes it
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
        _shrink_weights(graph)
    card = replace(card, dynamic_int8=int8)
    entry = graph.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, json.dumps(card.to_json())
    onnx.checker.check_model(graph)
    write_atomic(out, graph.SerializeToString())
    logger.info("%s: %.1f MB, %d symbols", out, out.stat().st_size / 1e6, card.codec.vocabulary.classes - 1)


def _shrink_weights(graph: onnx.ModelProto) -> None:
    """Keep the large weights as int8, each output with a scale of its own, which quarters the file.

    Those of convolutions are multiplied out when ONNX Runtime opens it, and computed with in float32.
    Recurrent and linear layers multiply the bytes themselves: what comes in, and the state at each frame, are
    rounded to 256 steps between their least and greatest value; biases, gates and states are float32.
    Source: `DynamicQuantizeLSTM` and `DynamicQuantizeMatMul` of ONNX Runtime's contrib operators.
    """
    weights = {tensor.name: tensor for tensor in graph.graph.initializer}
    kinds = {"Conv": _multiplied_out, "LSTM": _lstm_by_bytes, "MatMul": _product_by_bytes}
    nodes = []
    for node in graph.graph.node:
        changed, tensor = kinds.get(node.op_type), weights.get(node.input[1]) if len(node.input) > 1 else None
        large = tensor is not None and math.prod(tensor.dims) >= _SMALL_TENSOR
        nodes += changed(node, weights) if changed and large else [node]
    for field, all_of_it in (graph.graph.node, nodes), (graph.graph.initializer, [*weights.values()]):
        del field[:]
        field.extend(all_of_it)
    graph.opset_import.append(helper.make_opsetid(_RUNTIME, 1))


def _multiplied_out(node: onnx.NodeProto, weights: _Weights) -> list[onnx.NodeProto]:
    """A convolution, and before it the nodes that make float32 of its bytes."""
    name = node.input[1]
    values = numpy_helper.to_array(weights.pop(name))
    whole, scale = _quantised(values, across=tuple(range(1, values.ndim)), most=_INT8_MOST)
    kept, scales = _put(weights, f"{name}.int8", whole), _put(weights, f"{name}.scale", scale)
    cast = f"{name}.cast"
    return [
        helper.make_node("Cast", [kept], [cast], to=onnx.TensorProto.FLOAT),
        helper.make_node("Mul", [cast, scales], [name]),
        node,
    ]


def _lstm_by_bytes(node: onnx.NodeProto, weights: _Weights) -> list[onnx.NodeProto]:
    inputs = [*node.input, *[""] * (8 - len(node.input))]  # of the last, states and peepholes, there are none
    scales: list[str] = []
    for place in (1, 2):  # from below, and from the frame before: (ways, outputs, inputs)
        values = numpy_helper.to_array(weights.pop(inputs[place])).swapaxes(1, 2)
        inputs[place], *more = _put_factors(weights, inputs[place], values)
        scales += more
    return [_as_runtime(node, [*inputs, *scales])]


def _product_by_bytes(node: onnx.NodeProto, weights: _Weights) -> list[onnx.NodeProto]:
    data, name = node.input
    return [_as_runtime(node, [data, *_put_factors(weights, name, numpy_helper.to_array(weights.pop(name)))])]


def _as_runtime(node: onnx.NodeProto, inputs: list[str]) -> onnx.NodeProto:
    """ONNX Runtime's operator that does with bytes what this one does."""
    changed = helper.make_node(
        f"DynamicQuantize{node.op_type}", inputs, node.output, node.name, domain=_RUNTIME
    )
    changed.attribute.extend(node.attribute)
    return changed


def _put_factors(weights: _Weights, name: str, values: NDArray[np.float32]) -> tuple[str, str, str]:
    """The names of a weight's bytes, (..., inputs, outputs), and of its scales and zeros, (..., outputs)."""
    whole, scale = _quantised(values, across=(values.ndim - 2,), most=_FACTOR_MOST)
    scale = scale.squeeze(-2)
    return (
        _put(weights, f"{name}.int8", np.ascontiguousarray(whole)),
        _put(weights, f"{name}.scale", scale),
        _put(weights, f"{name}.zero", np.zeros(scale.shape, np.int8)),
    )


def _put(weights: _Weights, name: str, values: NDArray[Any]) -> str:
    weights[name] = numpy_helper.from_array(values, name)
    return name


def _quantised(
    values: NDArray[np.float32], *, across: tuple[int, ...], most: int
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Whole numbers from -most to most, and their scales, which are 1 wide along the axes `across`."""
    scale = np.maximum(np.abs(values).max(axis=across, keepdims=True), np.float32(1e-12)) / np.float32(most)
    return np.round(values / scale).astype(np.int8), scale


def write_state(checkpoint: Path, out: Path) -> None:
    """Write the weights of a checkpoint alone, as float16: to start another training from.

    Raises:
        ModelError: The checkpoint cannot be used.
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


def _for_reading(model: nn.Module, *, alone: bool) -> nn.Module:
    """The model with its layers made into the ones that ONNX Runtime computes with fewest steps.

    `alone`: strips will go through it one by one.
    """
    if isinstance(model, Crnn):
        model.masked = not alone
    head = model.head
    if isinstance(head, FactorisedLinear):
        weight, bias = head.folded()
        plain = nn.Linear(weight.shape[1], weight.shape[0])
        plain.weight, plain.bias = nn.Parameter(weight.detach()), nn.Parameter(bias.detach())
        model.head = plain
    recurrent = model.recurrent
    if isinstance(recurrent, nn.ModuleList):
        for place, layer in enumerate(recurrent):
            assert isinstance(layer, BidirectionalLstm)
            recurrent[place] = _TwoWays(layer)
    return model


class _TwoWays(nn.Module):
    """`BidirectionalLstm` as the one layer that ONNX has for it, which knows the lengths itself.

    Without it each sequence is turned round by many small steps: the default network has 320 nodes then, and
    117 with it. To be exported, not to be run.
    """

    def __init__(self, layer: BidirectionalLstm) -> None:
        super().__init__()
        ways = layer.ahead, layer.back
        self.register_buffer("weight", torch.stack([_gates(way.weight_ih_l0) for way in ways]))
        self.register_buffer("repeat", torch.stack([_gates(way.weight_hh_l0) for way in ways]))
        biases = [torch.cat([_gates(way.bias_ih_l0), _gates(way.bias_hh_l0)]) for way in ways]
        self.register_buffer("bias", torch.stack(biases))

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """As `BidirectionalLstm.forward`, but zero beyond each sequence's own length."""
        out: Tensor = _LstmNode.apply(x, lengths, self.weight, self.repeat, self.bias)  # type: ignore[no-untyped-call]
        return out


def _gates(rows: Any) -> Tensor:
    """Rows of torch's gates, input, forget, cell, output, as ONNX has them: input, output, forget, cell."""
    into, forget, cell, out = rows.detach().chunk(4)
    return torch.cat([into, out, forget, cell])


class _LstmNode(torch.autograd.Function):
    """What `_TwoWays` becomes in the graph: operators LSTM, Transpose and Reshape of ONNX, opset 18."""

    @staticmethod
    def forward(
        _: Any, x: Tensor, lengths: Tensor, weight: Tensor, repeat: Tensor, bias: Tensor
    ) -> Tensor:  # the shape alone: torch looks at it while it traces
        return x.new_zeros(*x.shape[:2], 2 * repeat.shape[2])

    @staticmethod
    def symbolic(graph: Any, x: Any, lengths: Any, weight: Any, repeat: Any, bias: Any) -> Any:
        hidden = repeat.type().sizes()[2]
        whole = graph.op("Cast", lengths, to_i=onnx.TensorProto.INT32)
        inputs = (x, weight, repeat, bias, whole)
        ways = graph.op("LSTM", *inputs, direction_s="bidirectional", hidden_size_i=hidden)  # (T, 2, B, H)
        frames = graph.op("Transpose", ways, perm_i=[0, 2, 1, 3])
        shape = graph.op("Constant", value_t=torch.tensor([0, 0, -1]))
        return graph.op("Reshape", frames, shape)
