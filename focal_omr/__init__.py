"""Focal-CTC-OMR: optical music recognition, from images of printed music to MusicXML and MIDI.

Public names are imported on first use, so `import focal_omr` is fast, and only the loss needs torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "Document",
    "FocalCTCLoss",
    "OmrError",
    "Recognizer",
    "Symbol",
    "focal_ctc_loss",
    "load_score",
    "read",
    "save_score",
]

if TYPE_CHECKING:
    from focal_omr.errors import OmrError
    from focal_omr.formats.registry import load_score, save_score
    from focal_omr.loss import FocalCTCLoss, focal_ctc_loss
    from focal_omr.recognize import Document, Recognizer, Symbol, read
else:
    # Hidden from type checkers, for which a module with `__getattr__` has every name.
    _MODULES = {
        "Document": "focal_omr.recognize",
        "FocalCTCLoss": "focal_omr.loss",
        "OmrError": "focal_omr.errors",
        "Recognizer": "focal_omr.recognize",
        "Symbol": "focal_omr.recognize",
        "focal_ctc_loss": "focal_omr.loss",
        "load_score": "focal_omr.formats.registry",
        "read": "focal_omr.recognize",
        "save_score": "focal_omr.formats.registry",
    }

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            return getattr(import_module(_MODULES[name]), name)
        except ModuleNotFoundError as error:
            if error.name != "torch":
                raise
            from focal_omr.errors import missing_extra

            message = missing_extra(f"focal_omr.{name}", "torch", extra="train")
            raise ModuleNotFoundError(message, name="torch") from None

    def __dir__() -> list[str]:
        return sorted([*globals(), *__all__])
