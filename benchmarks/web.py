"""Load and crash test of the server: `python -m benchmarks.web` prints one JSON object.

Eight clients upload a hundred pages and compare every score with that of `Recognizer`, while another process
requests the state of a job every 20 ms. Then the server is killed at work and restarted on the same folder.
"""

import argparse
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import httpx

from benchmarks.pages import engraved_page
from focal_omr.batch.outputs import document_results
from focal_omr.recognize import Recognizer
from focal_omr.runtime.provenance import commit, machine

_PROBE_S = 0.02
_POLL_S = 0.5  # of a client for its job
# Shared by all threads: creating a client takes 50 ms of processor time.
_CLIENT = httpx.Client(timeout=120, verify=False)
_SEEDS = (1, 2, 3, 4)  # different pages, to detect mixed-up responses
_TIMEOUT_S = 1200.0
_DONE_SHARE = 0.3  # of the jobs, before the server is killed


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--pages", type=int, default=100)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--killed-pages", type=int, default=16)
    options = parser.parse_args()
    pages = [bytes(cv2.imencode(".png", engraved_page(seed)[0])[1]) for seed in _SEEDS]
    reader = Recognizer(threads=2)
    truths = [_score(reader, page) for page in pages]
    with TemporaryDirectory() as folder:
        serve = ("--data", folder, "--workers", str(options.workers))
        figures = {
            "machine": machine(),
            "commit": commit(),
            "load_before": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
            "load": _under_load(serve, pages, truths, options.clients, options.pages),
            "killed": _killed(serve, pages, truths, options.killed_pages),
        }
    print(json.dumps(figures, indent=1))


def _score(reader: Recognizer, page: bytes) -> bytes:
    document = reader.read(page, name="page.png")
    (score,) = document_results(document, "page", ["musicxml"]).values()
    return score


def _under_load(
    serve: Sequence[str], pages: Sequence[bytes], truths: Sequence[bytes], clients: int, count: int
) -> dict[str, Any]:
    """Upload `count` pages from concurrent clients, each of which waits for its score before the next
    upload."""
    with _server(serve) as (address, process), _memory(process.pid) as memory:
        probed = _upload(address, pages[0])
        _wait(address, probed)
        start = time.monotonic()
        with _probe(address, probed) as latencies, ThreadPoolExecutor(clients) as pool:
            work = [(address, pages[i % len(pages)], truths[i % len(pages)]) for i in range(count)]
            right = list(pool.map(lambda task: _is_right(*task), work))
        seconds = time.monotonic() - start
        lines = _get(address, "/metrics").splitlines()
    times = sorted(1000 * each for each in latencies)
    return {
        "clients": clients,
        "pages": count,
        "right": sum(right),
        "lost": count - len(right),
        "seconds": round(seconds, 1),
        "jobs": [line for line in lines if line.startswith("focal_omr_jobs{")],
        "status_requests": len(times),
        **{f"status_p{percent}_ms": _percentile(times, percent) for percent in (50, 95, 99)},
        "status_max_ms": round(times[-1], 1),
        "peak_mb": {name: round(value) for name, value in memory.items()},
    }


def _percentile(ascending: Sequence[float], percent: int) -> float:
    return round(ascending[min(len(ascending) - 1, percent * len(ascending) // 100)], 1)


def _is_right(address: str, page: bytes, truth: bytes) -> bool:
    job = _upload(address, page)
    state = _wait(address, job)
    return state["status"] == "done" and _get(address, f"/api/jobs/{job}/score.musicxml").encode() == truth


def _killed(
    serve: Sequence[str], pages: Sequence[bytes], truths: Sequence[bytes], count: int
) -> dict[str, Any]:
    """Kill the server at work, restart it, and count the jobs that survive."""
    with _server(serve) as (address, process):
        jobs = [_upload(address, pages[i % len(pages)]) for i in range(count)]
        while sum(_state(address, job)["status"] == "done" for job in jobs) < max(1, _DONE_SHARE * count):
            time.sleep(0.05)
        before = {job: _state(address, job)["status"] for job in jobs}
        children = _tree(process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
        time.sleep(1)
        orphans = [pid for pid in children if _is_alive(pid)]
    start = time.monotonic()
    with _server(serve) as (address, _):
        up_s = time.monotonic() - start
        kept = sum(_state(address, job)["status"] == "done" for job in jobs if before[job] == "done")
        after = {job: _wait(address, job) for job in jobs}
        right = sum(
            after[job]["status"] == "done"
            and _get(address, f"/api/jobs/{job}/score.musicxml").encode() == truths[i % len(truths)]
            for i, job in enumerate(jobs)
        )
    return {
        "pages": count,
        "before": {status: list(before.values()).count(status) for status in ("done", "running", "queued")},
        "orphans": len(orphans),
        "restarted_s": round(up_s, 1),
        "done_and_still_there": kept,
        "read_in_the_end": sum(state["status"] == "done" for state in after.values()),
        "failed_with_a_message": sum(bool(state["error"]) for state in after.values()),
        "right": right,
    }


@contextmanager
def _server(options: Sequence[str]) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    command = [sys.executable, "-m", "focal_omr", "serve", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[0].rstrip("/"), process
        finally:
            process.terminate()


@contextmanager
def _probe(address: str, job: str) -> Iterator[list[float]]:
    """Request the state of a job repeatedly from another process; the latencies in seconds, after the
    block."""
    command = [sys.executable, "-c", "from benchmarks.web import probe; probe()", address, job]
    latencies: list[float] = []
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:  # type: ignore[call-overload]
        yield latencies
        latencies += json.loads(process.communicate("")[0])


def probe() -> None:
    """Request the state of a job until standard input ends, and print the latencies in seconds."""
    address, job = sys.argv[1:]
    url = httpx.URL(address)
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    connection = http.client.HTTPConnection(url.host, url.port)
    latencies = []
    while not ended.wait(_PROBE_S):
        start = time.perf_counter()
        connection.request("GET", f"/api/jobs/{job}")
        answer = connection.getresponse()
        answer.read()
        latencies.append(time.perf_counter() - start)
        assert answer.status == 200
    print(json.dumps(latencies))


@contextmanager
def _memory(pid: int) -> Iterator[dict[str, float]]:
    """Peak resident memory in MB of the server process, its child processes, and all."""
    peaks = {"answering": 0.0, "others": 0.0, "all": 0.0}
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.2):
            own, others = _resident_mb(pid), sum(map(_resident_mb, _tree(pid)))
            for name, value in (("answering", own), ("others", others), ("all", own + others)):
                peaks[name] = max(peaks[name], value)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peaks
    finally:
        ended.set()
        thread.join()


def _tree(pid: int) -> list[int]:
    """Ids of all descendants of a process."""
    files = Path(f"/proc/{pid}/task").glob("*/children")
    children = [int(each) for file in files for each in file.read_text().split()]
    return children + [below for child in children for below in _tree(child)]


def _is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _resident_mb(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _upload(address: str, page: bytes) -> str:
    answer = _CLIENT.post(f"{address}/api/jobs", files={"file": ("page.png", page)})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def _get(address: str, path: str) -> str:
    answer = _CLIENT.get(f"{address}{path}")
    assert answer.status_code == 200, answer.text
    return answer.text


def _state(address: str, job: str) -> dict[str, Any]:
    return dict(json.loads(_get(address, f"/api/jobs/{job}")))


def _wait(address: str, job: str) -> dict[str, Any]:
    end = time.monotonic() + _TIMEOUT_S
    while time.monotonic() < end:
        state = _state(address, job)
        if state["status"] in ("done", "failed"):
            return state
        time.sleep(_POLL_S)
    raise AssertionError(f"{job} hangs: {state}")


if __name__ == "__main__":
    main()
