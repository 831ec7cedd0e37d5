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
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn

from focal_omr import __version__
from focal_omr.checkpoint import load_network, save_checkpoint
from focal_omr.files import write_atomic
from focal_omr.image import MIDDLE_LINE_PX, STAFF_SPACE_PX
from focal_omr.model import BidirectionalLstm, FactorisedLinear, frame_px, input_height_px
from focal_omr.model_file import METADATA_KEY, ModelCard

logger = logging.getLogger(__name__)

_OPSET = 18
_SMALL_TENSOR = 1000  # values; biases and norms stay float32
_OUTPUT_AXES = {"Conv": (0,), "LSTM": (0, 1), "MatMul": (1,)}  # of the weights of each kind of layer
_INT8_MOST = 127


def export_checkpoint(checkpoint: Path, out: Path, *, int8: bool = True) -> None:
    """Write the network of a checkpoint as an ONNX file.

    Args:
        checkpoint: Of a run, or a state.
        out: The file.
        int8: Whether the large weights are kept as int8, a quarter of the size; else as float32.

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
    model = _for_reading(copy.deepcopy(model)).eval()
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
        _shrink_weights(graph.graph)
    entry = graph.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, json.dumps(card.to_json())
    onnx.checker.check_model(graph)
    write_atomic(out, graph.SerializeToString())
    logger.info("%s: %.1f MB, %d symbols", out, out.stat().st_size / 1e6, card.codec.vocabulary.classes - 1)


def _shrink_weights(graph: onnx.GraphProto) -> None:
    """Keep the large weights as int8, each output with a scale of its own.

    That quarters the file. ONNX Runtime multiplies them out when it opens it, so that reading computes in
    float32 as before. Measured on 250 held-out staves, clean and worn: 0.05 points of SER at most.
    """
    kinds = {name: node.op_type for node in graph.node for name in node.input}
    spread = []
    for tensor in list(graph.initializer):
        axes = _OUTPUT_AXES.get(kinds.get(tensor.name, ""))
        if axes is None or len(tensor.dims) < 2 or math.prod(tensor.dims) < _SMALL_TENSOR:
            continue
        name, values = tensor.name, numpy_helper.to_array(tensor)
        others = tuple(place for place in range(values.ndim) if place not in axes)
        scale = np.maximum(np.abs(values).max(axis=others, keepdims=True), 1e-12) / _INT8_MOST
        whole = np.round(values / scale).astype(np.int8)
        tensor.CopyFrom(numpy_helper.from_array(whole, f"{name}.int8"))
        graph.initializer.append(numpy_helper.from_array(scale, f"{name}.scale"))
        spread += [
            helper.make_node("Cast", [f"{name}.int8"], [f"{name}.whole"], to=onnx.TensorProto.FLOAT),
            helper.make_node("Mul", [f"{name}.whole", f"{name}.scale"], [name]),
        ]
    nodes = [*spread, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


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


def _for_reading(model: nn.Module) -> nn.Module:
    """The model with its layers made into the ones that ONNX Runtime computes with fewest steps."""
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
