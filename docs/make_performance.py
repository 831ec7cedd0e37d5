"""Writes `performance.md` from the output of `make bench` in `experiments/results/bench.json`.

    make bench > bench.json && mv bench.json experiments/results/ && .venv/bin/python docs/make_performance.py

The text around the tables summarises profiles; its numbers are of the runs that it names.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from focal_omr.runtime.atomic_files import write_atomic

HERE = Path(__file__).parent
BENCH = HERE.parent / "experiments" / "results" / "bench.json"
# Operator in the ONNX graph -> description.
_LAYERS = {"Conv": "convolutions", "LSTM": "recurrent layers", "MatMul": "linear layers", "other": "other"}
_STAGES = {
    "load_s": "decoding the PNG file",
    "staves_s": "orientation, deskewing, staff detection",
    "systems_s": "systems",
    "strips_s": "extracting strips",
    "network_s": "the network",
    "decoding_s": "beam search, pieces, score",
    "outputs_s": "MusicXML, MIDI, JSON",
}


def main() -> None:
    """Write the page."""
    write_atomic(HERE / "performance.md", page(json.loads(BENCH.read_text(encoding="utf-8"))).encode())


def page(run: dict[str, Any]) -> str:
    """The page of one run."""
    about = "Commit {commit}, {machine}, Python {python}, {threads} threads.\n\n".format(**run)
    parts = [_HEAD, about, "## Targets\n\n", _targets(run["targets"])]
    parts += ["## The network\n\n", _network(run["floor"]), _NETWORK]
    parts += ["## A page\n\n", _pages(run["page_warm"], run["page_bytes"]), _PAGE]
    parts += ["## A training step\n\n", _training(run), _TRAINING, _START, _THREADS, _COMPARE]
    return "".join(parts)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(line)} |\n" for line in (head, ["---"] * len(head), *rows)) + "\n"


def _targets(targets: dict[str, dict[str, Any]]) -> str:
    rows = [
        [f"`{name}`", f"{float(each['value']):.3g}", each["target"], "yes" if each["met"] else "no"]
        for name, each in targets.items()
    ]
    return _table(["figure", "measured", "target", "met"], rows)


def _network(floor: dict[str, Any]) -> str:
    counts, times = floor["million_multiply_adds"], floor["layers_ms"]
    rows = []
    for kind, about in _LAYERS.items():
        count = counts.get(kind, 0.0)
        least_ms = 2e6 * count / (floor["product_gflops"] * 1e9) * 1e3
        share = f"{times[kind] / least_ms:.1f}" if least_ms else "-"
        rows.append([about, f"{count:.0f}" if count else "-", f"{least_ms:.1f}", f"{times[kind]:.1f}", share])
    lines = (
        "On this machine a float32 matrix product reaches {product_gflops:.0f} GFLOP/s, an int8 product "
        "{int8_product_gops:.0f} GOP/s, a memory copy {copy_gb_per_s:.0f} GB/s. The weights take "
        "{weights_mb:.1f} MB as float32. The network takes {network_ms:.1f} ms, {network_of_floor:.1f} times "
        "its floor of {floor_ms:.1f} ms; reading as a whole takes {reading_ms:.1f} ms, "
        "{reading_of_floor:.1f} times the floor.\n\n"
    ).format(**floor)
    head = ["one staff of 70 spaces", "million multiply-adds", "floor, ms", "measured, ms", "ratio"]
    return _table(head, rows) + lines


def _pages(warm: dict[str, Any], moved: dict[str, Any]) -> str:
    rows = [[about, f"{warm[name] * 1e3:.0f}"] for name, about in _STAGES.items()]
    rows.append([f"total, {warm['staves']} staves", f"{warm['whole_s'] * 1e3:.0f}"])
    line = (
        "Staff detection moves {moved_mb:.0f} MB through OpenCV operations. A plain copy of that takes "
        "{copy_ms:.0f} ms; staff detection takes {of_copy:.1f} times as long. OpenCV accounts for "
        "{opencv_ms:.0f} of its {whole_ms:.0f} ms.\n\n"
    ).format(**moved)
    return _table(["stage", "ms"], rows) + line


def _training(run: dict[str, Any]) -> str:
    step, loss = run["training_floor"], run["loss"]
    values = {**step, "billion": step["million_multiply_adds"] / 1e3}
    values |= {"many": loss["focal_ratio"], "few": loss["focal_few_ratio"]}
    return (
        "A step with batch size 16 has {billion:.1f} billion multiply-adds. Torch's matrix product reaches "
        "{torch_product_gflops:.0f} GFLOP/s, which gives a floor of {floor_ms:.0f} ms; the step takes "
        "{step_ms:.0f} ms, {step_of_floor:.1f} times that. Relative to plain CTC, focal CTC costs "
        "{many:.2f} at 1,782 classes and {few:.2f} at 61.\n\n"
    ).format(**values)


_HEAD = """<!-- Written by docs/make_performance.py; change that. -->
# Performance

`make bench` measures everything on this page and prints it as one JSON object. Reading times are the minimum
or the median of many repetitions in one process, all within one run. The *floor* is the time that the
multiply-adds of a part would take at the speed of a float32 matrix product on the same threads in the same
run. It is a reference, not a lower bound: kernels for small convolutions can be faster, and int8 products
are.

Limits: one machine, one staff, one page, one training batch. Times can double on a busy machine, because
threads wait for the slowest one. Counts of operations and bytes are not affected.

"""
_NETWORK = """Bottleneck: arithmetic. Convolutions compute in float32, at about the speed of the matrix
product; their int8 weights are dequantised once, when the model is loaded. Recurrent and linear layers use
dynamic int8 quantisation and can therefore be faster than the float32 floor. The recurrent layers process
one frame at a time: 150 kB of weights are loaded from the L2 cache for each of 121 frames, twice, on one
thread. In float32 this was 590 kB, with two threads that synchronised at each frame: 3.2 ms. The
[log](../experiments/LOG.md) lists what was tried without success.

"""
_PAGE = """Bottleneck: calls, not memory bandwidth. Most of the time outside OpenCV is Python between short
numpy calls: each of ten to twelve staves is traced by dynamic programming, fitted three times and verified.
Within OpenCV, the largest part is resampling the whole page by non-integer factors (to a working image with
8 rows per staff space), followed by 33 shears of a downscaled page, which measure its slopes.

"""
_TRAINING = """Bottleneck: the recurrent layers, with 41 % of the CPU time in the backward and 11 % in the
forward pass according to torch's profiler. Convolutions take 17 %, batch norms 6 %. The loss took 72 ms of a
step of 530 ms, and takes 25 ms since its gradient is restricted to the columns of the labels.

"""
_START = """## Start-up

`import focal_omr` loads only the standard library and this package's `__init__`. `focal-omr --help` loads
typer, but not numpy, OpenCV, ONNX Runtime or torch. Tests check the loaded modules. Half of the time of a
cold reading of one staff is spent on imports: numpy, OpenCV, ONNX Runtime and Verovio take 0.1 s of CPU time
each, typer and pydantic 0.05 s. Loading the network takes 0.02 s, down from 0.025 s before its graph was
simplified.

"""
_THREADS = """## Threads and batches

`--threads N` is the total over all workers. A single document is read with N threads in ONNX Runtime and in
OpenCV; several documents are read by N processes with one thread each. The number of threads therefore never
exceeds N. ONNX Runtime's threads spin between the operators of a run. Without spinning, the operating system
has to wake the other thread for each operator. For one staff and a float32 network, whose recurrent layers
use both threads, the best times on a busy machine were 10.7 ms without and 6.6 ms with spinning. The median
showed the opposite, 20 to 24 ms without and 31 to 34 ms with, because spinning takes CPU time from other
processes. Between runs the threads do not spin, so the work before and after has the CPU to itself.

`Recognizer(batch_size=4)` and `--batch` set the number of staves per run of a float32 network (`export
--float32`). Compared with batch size 1, a batch of 4 takes 0.83 of the CPU time and 0.65 of the time on two
threads; larger batches gain nothing. Networks with dynamic int8 quantisation, such as the packaged one,
always use batch size 1, and are still faster: quantisation ranges span the whole batch, so a reading would
depend on the other staves in its batch. Results do not depend on `--batch` or `--threads`, bit for bit on the
processors tried.

"""
_COMPARE = """## Comparing runs

    python -m benchmarks --compare experiments/results/bench.json > new.json

prints each value beside the old one, regressions first. A time counts as changed from a difference of 10 %,
a count from any difference. Runs on different machines are not compared.
"""


if __name__ == "__main__":
    main()
