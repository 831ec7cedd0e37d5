"""What was read, changed by a person: symbol by symbol, with what follows from it for the rest of its part.

The names are loaded when they are first used: who only names changes (`changes`) needs no numpy.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__all__ = [
    "Change",
    "Mended",
    "Place",
    "StaffSymbols",
    "mend",
    "parse_change",
    "staff_symbols_json",
    "with_symbols",
]

if TYPE_CHECKING:
    from focal_omr.mend.apply import Mended, Place, mend
    from focal_omr.mend.changes import Change, parse_change
    from focal_omr.mend.history import StaffSymbols, staff_symbols_json, with_symbols
else:
    # Not for the type checker, to which a module with `__getattr__` would seem to have every name.
    _HOMES = {
        "Change": "changes",
        "Mended": "apply",
        "Place": "apply",
        "StaffSymbols": "history",
        "mend": "apply",
        "parse_change": "changes",
        "staff_symbols_json": "history",
        "with_symbols": "history",
    }

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
