"""What was read, changed by a person: symbol by symbol, with what follows from it in its part."""

from focal_omr.mend.apply import Mended, Place, mend
from focal_omr.mend.changes import Change, parse_change
from focal_omr.mend.history import StaffSymbols, staff_symbols_json, with_symbols

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
