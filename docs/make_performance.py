"""Writes `performance.md` from the figures of `make bench` in `experiments/results/bench.json`.

    make bench > bench.json && mv bench.json experiments/results/ && .venv/bin/python docs/make_performance.py

The text around the tables says what the profiles showed; its figures are of the runs that it names.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from focal_omr.runtime.atomic_files import write_atomic

HERE = Path(__file__).parent
BENCH = HERE.parent / "experiments" / "results" / "bench.json"
# Kind of node in the graph -> what it is.
_LAYERS = {"Conv": "convolutions", "LSTM": "recurrent layers", "MatMul": "linear layers", "other": "all else"}
_STAGES = {
    "load_s": "decoding the PNG file",
    "staves_s": "upright, levelled, staves found",
    "systems_s": "systems",
    "strips_s": "strips cut out",
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
        "A plain float32 product of matrices reaches {product_gflops:.0f} GFLOP/s here, one of bytes "
        "{int8_product_gops:.0f}, a copy in memory {copy_gb_per_s:.0f} GB/s. The weights are "
        "{weights_mb:.1f} MB as float32. The network takes {network_ms:.1f} ms, {network_of_floor:.1f} times "
        "its floor of {floor_ms:.1f}; all of reading takes {reading_ms:.1f} ms, {reading_of_floor:.1f} "
        "times.\n\n"
    ).format(**floor)
    head = ["one staff of 70 spaces", "million multiply-adds", "floor, ms", "taken, ms", "times"]
    return _table(head, rows) + lines


def _pages(warm: dict[str, Any], moved: dict[str, Any]) -> str:
    rows = [[about, f"{warm[name] * 1e3:.0f}"] for name, about in _STAGES.items()]
    rows.append([f"as a whole, {warm['staves']} staves", f"{warm['whole_s'] * 1e3:.0f}"])
    line = (
        "Finding the staves moves {moved_mb:.0f} MB through OpenCV's operations, which a copy would move in "
        "{copy_ms:.0f} ms; it takes {of_copy:.1f} times that, {opencv_ms:.0f} of {whole_ms:.0f} ms there.\n\n"
    ).format(**moved)
    return _table(["stage", "ms"], rows) + line


def _training(run: dict[str, Any]) -> str:
    step, loss = run["training_floor"], run["loss"]
    values = {**step, "billion": step["million_multiply_adds"] / 1e3}
    values |= {"many": loss["focal_ratio"], "few": loss["focal_few_ratio"]}
    return (
        "A step on 16 staves has {billion:.1f} thousand million multiply-adds. Torch's product of "
        "matrices reaches {torch_product_gflops:.0f} GFLOP/s, which makes a floor of {floor_ms:.0f} ms; the "
        "step takes {step_ms:.0f} ms, {step_of_floor:.1f} times that. Focal CTC costs {many:.2f} of plain "
        "CTC at 1,782 classes, {few:.2f} at 61.\n\n"
    ).format(**values)


_HEAD = """<!-- Written by docs/make_performance.py; change that. -->
# Performance

`make bench` measures everything on this page and prints it as one JSON object. Times of reading are the
least or the median of many in one process, beside each other in one run; *floor* is the time that the
multiply-adds of a part take at the speed of a plain float32 product of matrices on the same threads in the
same run. It is a mark to measure by, not a bound: kernels for small convolutions can be quicker, and products
of bytes are.

Limits: one machine and one staff, one page, one batch of training. Times beside busy neighbours can double,
for threads that wait for each other wait for the slower one; counts of operations and bytes do not move.

"""
_NETWORK = """What bounds it: arithmetic. Convolutions compute in float32, at about the speed of the plain
product; their int8 weights are multiplied out once, when the file is opened. Recurrent and linear layers
multiply bytes, which is why they can take less than the floor, counted in float32. The recurrent ones
multiply one frame at a time: 150 kB of weights go from the second-level cache to the multipliers at each of
121 frames, twice, on one thread. In float32 that was 590 kB, and two threads that waited for each other at
each frame: 3.2 ms. What was tried and did not help is in [the log](../experiments/LOG.md).

"""
_PAGE = """What bounds it: calls, not bytes. Of the time outside OpenCV most is Python between short numpy
calls: ten to twelve staves, each led along by dynamic programming, fitted three times and looked at
closely. Of OpenCV's, the resampling of the whole page by factors that are no whole numbers (a working
picture of 8 rows to a staff space) is the largest part, then 33 shears of the page from afar, which measure
its slopes.

"""
_TRAINING = """What bounds it: the recurrent layers, 41 % of the processor time backward and 11 % forward by
torch's profiler; convolutions have 17 %, batch norms 6 %. The loss was 72 ms of a step of 530 and is 25
since it looks at the labels' columns alone.

"""
_START = """## Starting

`import focal_omr` loads what Python itself loads and this package's `__init__`; `focal-omr --help` loads
typer and no numpy, OpenCV, ONNX Runtime or torch. Tests count the modules. Reading one staff cold is half
imports: numpy, OpenCV, ONNX Runtime and Verovio take 0.1 s of processor time each, typer and pydantic 0.05;
opening the network takes 0.02 s, and was 0.025 before its graph was simplified.

"""
_THREADS = """## Threads and batches

`--threads N` is for all readers together: a single document is read with that many threads in ONNX Runtime
and in OpenCV, several by as many processes with one thread each, so that threads never outnumber what was
asked for. ONNX Runtime's threads wait busily between the steps of a run. Without that the operating system
has to wake the other thread for each step: with a network in float32, whose recurrent layers take both
threads, 10.7 ms against 6.6 for one staff at the best moments of a busy machine, but the other way round, 20
to 24 against 31 to 34, in its median, where the waiting takes the processor from others. From one run to the
next they do not wait so: what is done with a staff before and after has the processor to itself.

`Recognizer(batch_size=4)`, `--batch`: staves of a page in one run of a float32 network (`export --float32`):
0.83 of the processor time of one by one, 0.65 of the time on two threads; more than four gain nothing. A
network that multiplies bytes, as the packaged one does, takes them one by one and is quicker so: bytes are
rounded by the least and the greatest value of all that goes through together, and no staff shall be read
otherwise because of its neighbours. Results depend neither on `--batch` nor on `--threads`, to the last bit
on the processors tried.

"""
_COMPARE = """## Comparing

    python -m benchmarks --compare experiments/results/bench.json > new.json

prints each figure beside the old one, what became worse first. A time counts as moved from a tenth on, a
count at once; a run of another machine is not judged.
"""


if __name__ == "__main__":
    main()
