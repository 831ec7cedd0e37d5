"""CSV files of results, each row with the date, commit and machine that produced it."""

import csv
import io
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from focal_omr.errors import OutputError
from focal_omr.runtime.atomic_files import append_atomic


def record(path: Path, figures: Mapping[str, object]) -> None:
    """Append a row to a CSV file, with date, commit and machine.

    Raises:
        OutputError: The file cannot be written, or has other columns.
    """
    row = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": commit(),
        "machine": machine(),
        **figures,
    }
    try:
        if _holds_rows(path):
            with path.open(encoding="utf-8", newline="") as file:
                columns = next(csv.reader(file), [])
            if columns != list(row):
                raise OutputError(f"{path}: has the columns {columns}, not {list(row)}; choose another file")
    except OSError as error:
        raise OutputError(f"{path} cannot be read: {error.strerror or error}") from error
    append_row(path, row)


def append_row(path: Path, row: Mapping[str, object]) -> None:
    """Append a row to a CSV file atomically, after a header if the file is new.

    Raises:
        OutputError: The file cannot be written.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, list(row), lineterminator="\n")
    if not _holds_rows(path):
        writer.writeheader()
    writer.writerow(row)
    append_atomic(path, text.getvalue().encode())


def _holds_rows(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def commit() -> str:
    """Short hash of the checked-out commit, with `+` if files are modified; "unknown" outside git."""
    command = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, check=False)
    return done.stdout.decode("ascii").strip() or "unknown"


def machine() -> str:
    """Processor model and number of cores; no host name."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text(encoding="utf-8").splitlines() if "model name" in line]
        model = names[0].partition(":")[2].strip() if names else model
    return f"{model}, {os.cpu_count()} cores"
