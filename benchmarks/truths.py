"""Pictures with their truths beside them: `python -m benchmarks.truths FOLDER... --record FILE.csv`.

A folder holds NAME.png, .jpg or .pdf beside NAME.musicxml or .mxl, or single parts NAME-Part-VIOLIN.pdf
beside the whole score. Each picture is read and compared as by `focal-omr compare`, and a row of the folder's
summed counts is appended to the CSV file. A picture that cannot be read has all its notes wrong.
Takes seconds a page.
"""

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from focal_omr.errors import DataError, OmrError
from focal_omr.evaluation.compare_scores import compare_folders
from focal_omr.onnx_model import model_digest
from focal_omr.recognize import Recognizer
from focal_omr.runtime.provenance import record

PICTURES = (".png", ".jpg", ".jpeg", ".pdf", ".tif", ".tiff")
THREADS = 2


def measure(recognizer: Recognizer, folder: Path) -> dict[str, Any]:
    """Read the pictures of a folder; return the figures of a row, F1s, shares and errors in percent.

    Raises:
        DataError: The folder holds no pictures, or no truths.
    """
    pictures = sorted(path for path in folder.glob("*") if path.suffix.lower() in PICTURES)
    if not pictures:
        raise DataError(f"{folder} holds no pictures; known are {', '.join(PICTURES)}")
    pages = unread = 0
    start = time.perf_counter()
    with TemporaryDirectory() as results:
        for picture in pictures:
            try:
                document = recognizer.read(picture)
                document.save(Path(results) / f"{picture.stem}.musicxml")
                pages += len(document.pages)
            except OmrError as error:
                print(f"  {error}")
                pages, unread = pages + 1, unread + 1
        seconds = time.perf_counter() - start
        figures = compare_folders(Path(results), folder, with_omr_ned=False).to_json()
    for pair in figures["pairs"]:
        print("  {name}: pitch F1 {pitch_f1}, duration F1 {duration_f1}".format(**pair))
    total = figures["total"]
    f1s = {f"{kind}_f1": round(100 * total[f"{kind}_f1"], 2) for kind in ("pitch", "onset", "duration")}
    return {
        **{"set": folder.name, "pages": pages, "unread": unread},
        **{name: total[name] for name in ("bars", "truth_notes", "result_notes")},
        **f1s,
        "bars_right": round(100 * total["bars_right_share"], 2),
        "note_error": round(total["note_error"], 2),
        "seconds": round(seconds, 1),
    }


def main() -> None:
    """Measure the folders and append the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--model", default="default")
    parser.add_argument("--record", type=Path, metavar="FILE", help="CSV file to append the rows to")
    options = parser.parse_args()
    recognizer = Recognizer(model=options.model, threads=THREADS)
    about = {"model": options.model, "weights": model_digest(options.model)[:12]}
    for folder in options.folders:
        figures = measure(recognizer, folder)
        print(*(f"{name} {value}" for name, value in figures.items()), sep=", ", flush=True)
        if options.record:
            record(options.record, {**figures, **about})


if __name__ == "__main__":
    main()
