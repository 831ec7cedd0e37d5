"""Verovio in a worker process, as the commands run it; inputs that crash the worker are stored and
counted."""

import hashlib
from pathlib import Path
from typing import Any

from focal_omr.errors import EngraveError
from focal_omr.runtime.worker_processes import Lost, ProcessLimits, WorkerProcess
from fuzzing.limits import LIMIT_S, MEMORY_MB

_MAX_STORED = 40  # inputs that crashed Verovio


def _to_mei(text: tuple[str, str]) -> str | EngraveError:
    from focal_omr.formats.verovio import Engraver

    try:
        return Engraver().mei(text[0], input_format=text[1])
    except EngraveError as error:  # returned, because raising it would send the worker's traceback along
        return error


class IsolatedEngraver:
    """Replacement of `Engraver` that runs Verovio in a worker process."""

    process: WorkerProcess[tuple[str, str], str | EngraveError] | None = None
    lost = 0
    folder = Path()

    def __init__(self, **_: Any) -> None:
        pass

    def mei(self, text: str, *, input_format: str = "auto") -> str:
        """Convert a score to MEI, as `Engraver.mei`.

        Raises:
            EngraveError: Verovio rejects the text, crashes, or exceeds a limit.
        """
        cls = IsolatedEngraver
        if cls.process is None:
            cls.process = WorkerProcess(_to_mei, ProcessLimits(LIMIT_S, MEMORY_MB))
        found = cls.process((text, input_format))
        if isinstance(found, Lost):
            cls.lost += 1
            if cls.lost <= _MAX_STORED:
                cls.folder.mkdir(parents=True, exist_ok=True)
                name = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]
                (cls.folder / f"{name}.{input_format}").write_text(text, encoding="utf-8", errors="replace")
            raise EngraveError(f"Verovio {found.reason}")
        if isinstance(found, EngraveError):
            raise found
        return found


def isolate_verovio(folder: Path) -> None:
    """Replace `Engraver` in the score readers; inputs that crash Verovio are stored in `folder`."""
    import focal_omr.evaluation.score_diff.read as judge
    import focal_omr.formats.kern_score as kern_score
    import focal_omr.formats.one_voice_files as one_voice_files
    import focal_omr.formats.registry as formats

    IsolatedEngraver.folder = folder
    formats.Engraver = one_voice_files.Engraver = judge.Engraver = IsolatedEngraver  # type: ignore[assignment, misc, attr-defined]
    kern_score.Engraver = IsolatedEngraver  # type: ignore[assignment, misc, attr-defined]
