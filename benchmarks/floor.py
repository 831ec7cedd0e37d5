"""Lower bounds for the time of the network and of a training step on this CPU.

The floor of a layer is the time of its multiply-adds at the speed of a float32 matrix product, measured with
the same threads in the same run. No layer reaches it: an LSTM multiplies a vector by a matrix in every frame,
and a convolution with few channels is limited by memory.
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

_SIZES = (384, 512, 768)  # of square matrices that fit into the caches, as the network's layers do
_COPIED_MB = 64  # does not fit into the caches
_PROVIDERS = ["CPUExecutionProvider"]
_KINDS = {  # operator -> kind of layer
    "Conv": "Conv",
    "LSTM": "LSTM",
    "DynamicQuantizeLSTM": "LSTM",
    "MatMul": "MatMul",
    "DynamicQuantizeMatMul": "MatMul",
}


def measure_floor(model: Path, strip: np.ndarray, *, threads: int, read_ms: float) -> dict[str, Any]:
    """Compare the network on one strip with its floor.

    Args:
        model: ONNX file.
        strip: Input of the network, (96, W).
        threads: Threads of the network.
        read_ms: Time of reading the staff as a whole, from image to score.

    Returns:
        Millions of multiply-adds by kind of layer, megabytes of weights, speeds of this CPU, times of network
        and floor, and their ratios.
    """
    counts = count_multiply_adds(model, strip.shape[1])
    elapsed_ms, gflops = [], []
    # Alternating, so that changes of the machine's speed affect both, and never with two open sessions: the
    # spinning threads of one would slow down the other. The best time of each counts.
    for _ in range(5):
        gflops.append(product_speed(threads))
        network = OnnxModel(model, threads=threads)
        elapsed_ms.append(_best_s(lambda network=network: network.log_probs([strip]), repeats=8) * 1e3)
        del network
    speed, network_ms = max(gflops), min(elapsed_ms)
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
    """Count the multiply-adds of a network on one strip, by kind of layer.

    Shapes come from running the graph with all intermediate results as outputs. Masks, norms and activations,
    less than 1 % of the operations, are not counted.
    """
    graph = onnx.load(str(model))
    counted = [node for node in graph.graph.node if node.op_type in _KINDS]
    shapes = _shapes(
        graph, [name for node in counted for name in (*node.input, *node.output) if name], width_px
    )
    counts = dict.fromkeys(_KINDS.values(), 0)
    for node in counted:
        out, weight = shapes[node.output[0]], shapes[node.input[1]]
        if node.op_type == "Conv":
            each = int(np.prod(weight[1:]))
        elif node.op_type in ("LSTM", "DynamicQuantizeLSTM"):
            # out (T, directions, B, H): four gates, from the inputs and from the previous state
            axis = 2 if node.op_type == "LSTM" else 1  # of the weights' inputs
            each = 4 * (weight[axis] + shapes[node.input[2]][axis])
        else:
            each = weight[0]
        counts[_KINDS[node.op_type]] += int(np.prod(out)) * each
    return counts


def _shapes(graph: onnx.ModelProto, names: list[str], width_px: int) -> dict[str, tuple[int, ...]]:
    known = {tensor.name: tuple(tensor.dims) for tensor in graph.graph.initializer}
    asked = [name for name in dict.fromkeys(names) if name not in known]
    inputs = {
        "images": np.zeros((1, 1, _height(graph), width_px), np.float32),
        "widths": np.array([width_px]),
    }
    known |= {name: value.shape for name, value in inputs.items()}
    asked = [name for name in asked if name not in known]
    more = onnx.ModelProto()
    more.CopyFrom(graph)
    del more.graph.output[:]
    more.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in asked)
    session = onnxruntime.InferenceSession(more.SerializeToString(), providers=_PROVIDERS)
    return known | dict(zip(asked, (value.shape for value in session.run(asked, inputs)), strict=True))


def _height(graph: onnx.ModelProto) -> int:
    return int(graph.graph.input[0].type.tensor_type.shape.dim[2].dim_value)


def layer_times(model: Path, strip: np.ndarray, *, threads: int, repeats: int = 15) -> dict[str, float]:
    """Minimum milliseconds of each kind of layer in the optimised graph, from ONNX Runtime's profiler.

    Args:
        model: ONNX file.
        strip: Input of the network, (96, W).
        threads: Threads of the network.
        repeats: Number of runs.
    """
    with TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = onnxruntime.InferenceSession(str(model), options, providers=_PROVIDERS)
        inputs = {"images": strip[None, None], "widths": np.array([strip.shape[1]])}
        for _ in range(repeats):
            session.run(None, inputs)
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
    """GFLOP/s of a float32 matrix product by ONNX Runtime, the best of several sizes.

    A product has 2 n^3 operations.
    """
    best = 0.0
    for size in _SIZES:
        random = np.random.default_rng(size)
        weight = numpy_helper.from_array(random.random((size, size), np.float32), "weight")
        ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [size, size]) for name in ("x", "y")]
        node = helper.make_node("MatMul", ["x", "weight"], ["y"])
        session = _session(helper.make_graph([node], "product", ends[:1], ends[1:], [weight]), threads)
        inputs = {"x": random.random((size, size), np.float32)}
        elapsed_s = _best_s(lambda session=session, inputs=inputs: session.run(None, inputs), repeats=8)
        best = max(best, 2 * size**3 / elapsed_s / 1e9)
        del session
    return best


def int8_speed(threads: int, *, size: int = 512) -> float:
    """Giga-operations per second of an int8 matrix product, as in LSTM and linear layers."""
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
    inputs = {"x": random.integers(0, 255, (size, size)).astype(np.uint8)}
    return 2 * size**3 / _best_s(lambda: session.run(None, inputs)) / 1e9


def _session(graph: onnx.GraphProto, threads: int) -> onnxruntime.InferenceSession:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=_PROVIDERS)


def copy_speed() -> float:
    """GB/s of a memory copy on one thread, counting bytes read and written."""
    source = np.ones(_COPIED_MB * 2**20, np.uint8)
    target = np.empty_like(source)
    return 2 * source.nbytes / _best_s(lambda: np.copyto(target, source)) / 1e9


def measure_page_bytes(page: Path, *, copy_gb_per_s: float) -> dict[str, float]:
    """Compare finding the staves of a page with a copy of the bytes that OpenCV reads and writes for it.

    Numpy operations are not counted; the large arrays are OpenCV's.
    """
    (picture,) = load_pages(page)
    moved, elapsed_s = 0, 0.0
    names = ("resize", "remap", "blur", "dilate", "morphologyEx", "divide", "subtract", "max", "calcHist")

    def counted(name: str) -> Callable[..., Any]:
        plain = getattr(cv2, name)

        def call(*inputs: Any, **options: Any) -> Any:
            nonlocal moved, elapsed_s
            start = time.perf_counter()
            result = plain(*inputs, **options)
            elapsed_s += time.perf_counter() - start
            moved += sum(value.nbytes for value in (*inputs, result) if isinstance(value, np.ndarray))
            return result

        return call

    upright(picture.gray)
    whole_s = _best_s(lambda: upright(picture.gray), repeats=5)
    with mock.patch.multiple(cv2, **{name: counted(name) for name in names}):
        upright(picture.gray)
    return {
        "whole_ms": whole_s * 1e3,
        "opencv_ms": elapsed_s * 1e3,
        "moved_mb": moved / 1e6,
        "copy_ms": moved / (copy_gb_per_s * 1e9) * 1e3,
        "of_copy": whole_s * copy_gb_per_s * 1e9 / moved,
    }


def measure_step(*, threads: int, staves_per_s: float, batch: int = 16) -> dict[str, float]:
    """Compare a training step of the default network with a matrix product by torch on the same threads.

    Args:
        threads: CPU threads of torch.
        staves_per_s: Measured speed, from `benchmarks.training`.
        batch: Batch size.
    """
    import torch

    from benchmarks.training import forward_multiply_adds

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        one, out = torch.rand(768, 768), torch.empty(768, 768)
        gflops = 2 * 768**3 / _best_s(lambda: torch.mm(one, one, out=out)) / 1e9
    finally:
        torch.set_num_threads(before)
    # Backward has twice the multiply-adds of forward: one product for inputs, one for weights.
    million = 3 * forward_multiply_adds() / 1e6
    floor_ms = 2 * million / gflops
    return {
        "million_multiply_adds": million,
        "torch_product_gflops": gflops,
        "floor_ms": floor_ms,
        "step_ms": batch / staves_per_s * 1e3,
        "step_of_floor": batch / staves_per_s * 1e3 / floor_ms,
    }


def _best_s(work: Callable[[], Any], *, repeats: int = 15) -> float:
    """Minimum time in seconds, without the first run."""
    elapsed_s = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        elapsed_s.append(time.perf_counter() - start)
    return min(elapsed_s[1:])
