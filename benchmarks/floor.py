"""What the network and a training step have to do, counted, and how fast this processor does such things.

The floor of a layer is the time that its multiply-adds take at the speed of a plain float32 matrix product,
on the same threads and in the same run. No layer is a plain matrix product: a recurrent one multiplies a
vector by a matrix, frame after frame, and a convolution of few channels moves more than it computes.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import cv2
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from benchmarks.sizes import parameters
from focal_omr.onnx_model import OnnxModel
from focal_omr.page.load import load_pages
from focal_omr.page.orientation import upright

_SIZES = (384, 512, 768)  # of square matrices: caches hold them, as they hold the network's layers
_COPIED_MB = 64  # more than caches hold
_PROVIDERS = ["CPUExecutionProvider"]
_KINDS = {  # of operators
    "Conv": "Conv",
    "LSTM": "LSTM",
    "DynamicQuantizeLSTM": "LSTM",
    "MatMul": "MatMul",
    "DynamicQuantizeMatMul": "MatMul",
}


def measure_floor(model: Path, strip: np.ndarray, *, threads: int, read_ms: float) -> dict[str, Any]:
    """The network on one strip against its floor.

    Args:
        model: An exported network.
        strip: (96, W) what it reads.
        threads: To compute with.
        read_ms: What reading that staff takes as a whole, from the picture to the score.

    Returns:
        Millions of multiply-adds by kind of layer, megabytes of weights, speeds of this processor, times of
        the network and of its floor, and how many times that floor network and reading take.
    """
    counts = count_multiply_adds(model, strip.shape[1])
    spent_ms, gflops = [], []
    # In turns, so that a change of the machine's speed meets both, and each alone: the threads of a session
    # that is still open wait busily, and take the processor from the other's. The best of each counts.
    for _ in range(5):
        gflops.append(product_speed(threads))
        network = OnnxModel(model, threads=threads)
        spent_ms.append(_least_s(lambda network=network: network.log_probs([strip]), repeats=8) * 1e3)
        del network
    speed, network_ms = max(gflops), min(spent_ms)
    floor_ms = 2 * sum(counts.values()) / (speed * 1e9) * 1e3
    return {
        "million_multiply_adds": {kind: count / 1e6 for kind, count in counts.items()},
        "weights_mb": parameters(model) * 4 / 1e6,
        "product_gflops": speed,
        "int8_product_gops": int8_speed(threads),
        "copy_gb_per_s": copy_speed(),
        "floor_ms": floor_ms,
        "network_ms": network_ms,
        "network_of_floor": network_ms / floor_ms,
        "reading_ms": read_ms,
        "reading_of_floor": read_ms / floor_ms,
        "layers_ms": layer_times(model, strip, threads=threads),
    }


def count_multiply_adds(model: Path, width_px: int) -> dict[str, int]:
    """Multiply-adds of a network on one strip of this width, by kind of layer.

    Sizes come from a run of the graph itself, with all their results asked for. Masks, norms and activations
    are not counted: less than one operation in a hundred.
    """
    graph = onnx.load(str(model))
    wanted = [node for node in graph.graph.node if node.op_type in _KINDS]
    shapes = _shapes(
        graph, [name for node in wanted for name in (*node.input, *node.output) if name], width_px
    )
    counts = dict.fromkeys(_KINDS.values(), 0)
    for node in wanted:
        out, weight = shapes[node.output[0]], shapes[node.input[1]]
        if node.op_type == "Conv":
            each = int(np.prod(weight[1:]))
        elif node.op_type in ("LSTM", "DynamicQuantizeLSTM"):
            # out (T, ways, B, H): four gates, from the inputs and from the state before
            axis = 2 if node.op_type == "LSTM" else 1  # of the weights' inputs
            each = 4 * (weight[axis] + shapes[node.input[2]][axis])
        else:
            each = weight[0]
        counts[_KINDS[node.op_type]] += int(np.prod(out)) * each
    return counts


def _shapes(graph: onnx.ModelProto, names: list[str], width_px: int) -> dict[str, tuple[int, ...]]:
    known = {tensor.name: tuple(tensor.dims) for tensor in graph.graph.initializer}
    asked = [name for name in dict.fromkeys(names) if name not in known]
    given = {"images": np.zeros((1, 1, _height(graph), width_px), np.float32), "widths": np.array([width_px])}
    known |= {name: value.shape for name, value in given.items()}
    asked = [name for name in asked if name not in known]
    more = onnx.ModelProto()
    more.CopyFrom(graph)
    del more.graph.output[:]
    more.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in asked)
    session = onnxruntime.InferenceSession(more.SerializeToString(), providers=_PROVIDERS)
    return known | dict(zip(asked, (value.shape for value in session.run(asked, given)), strict=True))


def _height(graph: onnx.ModelProto) -> int:
    return int(graph.graph.input[0].type.tensor_type.shape.dim[2].dim_value)


def layer_times(model: Path, strip: np.ndarray, *, threads: int, repeats: int = 15) -> dict[str, float]:
    """Least milliseconds of each kind of node, in the graph as ONNX Runtime optimises it, by its profiler."""
    with TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = onnxruntime.InferenceSession(str(model), options, providers=_PROVIDERS)
        given = {"images": strip[None, None], "widths": np.array([strip.shape[1]])}
        for _ in range(repeats):
            session.run(None, given)
        events = json.loads(Path(session.end_profiling()).read_text())
    least: dict[tuple[str, str], float] = {}
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("kernel_time"):
            key = event["args"]["op_name"], event["name"]
            least[key] = min(least.get(key, np.inf), event["dur"] / 1e3)
    times = dict.fromkeys((*_KINDS.values(), "other"), 0.0)
    for (operator, _), ms in least.items():
        times[_KINDS.get(operator, "other")] += ms
    return times


def product_speed(threads: int) -> float:
    """GFLOP/s of a plain float32 product of matrices, the best of some sizes.

    By ONNX Runtime, which runs the network, on as many threads. A product is 2 n^3 operations.
    """
    best = 0.0
    for size in _SIZES:
        random = np.random.default_rng(size)
        weight = numpy_helper.from_array(random.random((size, size), np.float32), "weight")
        ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [size, size]) for name in ("x", "y")]
        node = helper.make_node("MatMul", ["x", "weight"], ["y"])
        session = _session(helper.make_graph([node], "product", ends[:1], ends[1:], [weight]), threads)
        given = {"x": random.random((size, size), np.float32)}
        spent_s = _least_s(lambda session=session, given=given: session.run(None, given), repeats=8)
        best = max(best, 2 * size**3 / spent_s / 1e9)
        del session
    return best


def int8_speed(threads: int, *, size: int = 512) -> float:
    """Thousand million operations a second of a product of bytes, as of recurrent and linear layers."""
    random = np.random.default_rng(0)
    weight = numpy_helper.from_array(random.integers(-90, 90, (size, size)).astype(np.int8), "weight")
    ends = [
        helper.make_tensor_value_info("x", TensorProto.UINT8, [size, size]),
        helper.make_tensor_value_info("y", TensorProto.INT32, [size, size]),
    ]
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["x", "weight"], ["y"])], "product", ends[:1], ends[1:], [weight]
    )
    session = _session(graph, threads)
    given = {"x": random.integers(0, 255, (size, size)).astype(np.uint8)}
    return 2 * size**3 / _least_s(lambda: session.run(None, given)) / 1e9


def _session(graph: onnx.GraphProto, threads: int) -> onnxruntime.InferenceSession:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=_PROVIDERS)


def copy_speed() -> float:
    """GB/s of a copy in memory on one thread, bytes read and bytes written."""
    source = np.ones(_COPIED_MB * 2**20, np.uint8)
    target = np.empty_like(source)
    return 2 * source.nbytes / _least_s(lambda: np.copyto(target, source)) / 1e9


def measure_page_bytes(page: Path, *, copy_gb_per_s: float) -> dict[str, float]:
    """What the finder of staves moves: bytes that go in and out of OpenCV's operations, against a plain copy.

    Numpy's are not in it; OpenCV has the large arrays.
    """
    (picture,) = load_pages(page)
    moved, spent = 0, 0.0
    names = ("resize", "remap", "blur", "dilate", "morphologyEx", "divide", "subtract", "max", "calcHist")

    def counted(name: str) -> Callable[..., Any]:
        plain = getattr(cv2, name)

        def call(*given: Any, **options: Any) -> Any:
            nonlocal moved, spent
            start = time.perf_counter()
            result = plain(*given, **options)
            spent += time.perf_counter() - start
            moved += sum(value.nbytes for value in (*given, result) if isinstance(value, np.ndarray))
            return result

        return call

    upright(picture.gray)
    whole_s = _least_s(lambda: upright(picture.gray), repeats=5)
    with mock.patch.multiple(cv2, **{name: counted(name) for name in names}):
        upright(picture.gray)
    return {
        "whole_ms": whole_s * 1e3,
        "opencv_ms": spent * 1e3,
        "moved_mb": moved / 1e6,
        "copy_ms": moved / (copy_gb_per_s * 1e9) * 1e3,
        "of_copy": whole_s * copy_gb_per_s * 1e9 / moved,
    }


def measure_step(*, threads: int, staves_per_s: float, batch: int = 16) -> dict[str, float]:
    """A training step of the default network against the product of matrices by torch on the same threads.

    Args:
        threads: To compute with.
        staves_per_s: What the step was measured at (`training`).
        batch: Staves of a step.
    """
    import torch

    from benchmarks.training import forward_multiply_adds

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        one, out = torch.rand(768, 768), torch.empty(768, 768)
        gflops = 2 * 768**3 / _least_s(lambda: torch.mm(one, one, out=out)) / 1e9
    finally:
        torch.set_num_threads(before)
    # Backward has twice the multiply-adds of forward: one product for the inputs, one for the weights.
    million = 3 * forward_multiply_adds() / 1e6
    floor_ms = 2 * million / gflops
    return {
        "million_multiply_adds": million,
        "torch_product_gflops": gflops,
        "floor_ms": floor_ms,
        "step_ms": batch / staves_per_s * 1e3,
        "step_of_floor": batch / staves_per_s * 1e3 / floor_ms,
    }


def _least_s(work: Callable[[], Any], *, repeats: int = 15) -> float:
    spent = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        spent.append(time.perf_counter() - start)
    return min(spent[1:])
