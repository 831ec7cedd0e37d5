"""Verovio: MEI to SVG and MIDI, and every format that Verovio reads to MEI."""

import json
from typing import Any

import verovio

from focal_omr.errors import EngraveError

# One system as wide as its music, without page furniture.
ONE_STAFF: dict[str, Any] = {
    "adjustPageHeight": True,
    "adjustPageWidth": True,
    "breaks": "none",
    "footer": "none",
    "header": "none",
}


class Engraver:
    """A Verovio toolkit with its options; making one costs some milliseconds, so keep it."""

    def __init__(self, **options: Any) -> None:
        verovio.enableLog(verovio.LOG_OFF)
        self._toolkit = verovio.toolkit()
        self.set_options(**options)

    def set_options(self, **options: Any) -> None:
        """Change options by Verovio's names. Raises EngraveError for an option it does not have."""
        if not self._toolkit.setOptions(options):
            raise EngraveError(f"Verovio refused the options {json.dumps(options)}")

    def svg(self, mei: str) -> str:
        """The first page of an MEI document as SVG.

        Raises:
            EngraveError: Verovio could not read the document.
        """
        self._load(mei)
        return str(self._toolkit.renderToSVG(1))

    def _load(self, data: str) -> None:
        if not self._toolkit.loadData(data):
            raise EngraveError(f"Verovio could not read the score: {data[:80]!r}...")
