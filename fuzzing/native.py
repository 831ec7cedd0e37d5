"""Verovio in a process of its own, as the commands run it; what ends that process is kept and counted."""

import hashlib
from pathlib import Path
from typing import Any

from focal_omr.errors import EngraveError
from focal_omr.runtime.worker_processes import Lost, ProcessLimits, WorkerProcess
from fuzzing.limits import LIMIT_S, MEMORY_MB

_KEPT = 40  # files that ended Verovio's process


def _to_mei(text: tuple[str, str]) -> str | EngraveError:
    from focal_omr.formats.verovio import Engraver

    try:
        return Engraver().mei(text[0], input_format=text[1])
    except EngraveError as error:  # sent, so that the worker's traceback is not
        return error


class ContainedEngraver:
    """Stands for `Engraver` where scores are read."""

    process: WorkerProcess[tuple[str, str], str | EngraveError] | None = None
    lost = 0
    folder = Path()

    def __init__(self, **_: Any) -> None:
        pass

    def mei(self, text: str, *, input_format: str = "auto") -> str:
        """As of `Engraver`; an EngraveError where Verovio does not survive it."""
        cls = ContainedEngraver
        if cls.process is None:
            cls.process = WorkerProcess(_to_mei, ProcessLimits(LIMIT_S, MEMORY_MB))
        found = cls.process((text, input_format))
        if isinstance(found, Lost):
            cls.lost += 1
            if cls.lost <= _KEPT:
                cls.folder.mkdir(parents=True, exist_ok=True)
                name = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]
                (cls.folder / f"{name}.{input_format}").write_text(text, encoding="utf-8", errors="replace")
            raise EngraveError(f"Verovio {found.reason}")
        if isinstance(found, EngraveError):
            raise found
        return found


def contain_verovio(folder: Path) -> None:
    """Put it in the place of `Engraver` in the readers of scores; what ends it goes into a folder."""
    import focal_omr.evaluation.score_diff.read as judge
    import focal_omr.formats.registry as formats

    ContainedEngraver.folder = folder
    formats.Engraver = judge.Engraver = ContainedEngraver  # type: ignore[assignment, misc, attr-defined]
