"""Markdown report of an evaluation: figures, confusions, and the worst staves with their alignments."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
from rapidfuzz.distance import Levenshtein

from focal_omr.data.frequency import LEAST_COUNT
from focal_omr.errors import ImageError
from focal_omr.evaluation.evaluate import Evaluation, SampleReading
from focal_omr.runtime.atomic_files import make_folder, write_together
from focal_omr.staff.strip import load_gray

__all__ = ["report_files", "save_report"]

_WORST = 20  # staves that are shown
_MOST_CONFUSED = 10
_MOST_SYMBOLS = 20
_CONTEXT = 2  # symbols shown before and after a difference
_WIDEST_PX = 1600
_JPEG_QUALITY = 80  # a noisy photo is ten times as large as a PNG


def save_report(evaluation: Evaluation, folder: Path, *, title: str) -> None:
    """Write `report.md` and the images of the worst staves, all or none.

    Args:
        evaluation: The result to report.
        folder: Created if it does not exist.
        title: Heading of the page.

    Raises:
        OutputError: The files cannot be written.
    """
    make_folder(folder)
    files = report_files(evaluation, title=title)
    write_together({folder / name: data for name, data in files.items()})


def report_files(evaluation: Evaluation, *, title: str) -> dict[str, bytes]:
    """The files of a report by name; `report.md` is the last."""
    files: dict[str, bytes] = {}
    staves: list[str] = []
    for number, reading in enumerate(evaluation.worst[:_WORST], 1):
        name = f"worst-{number:02d}.jpg"
        try:
            gray = load_gray(reading.image)
            if gray.shape[1] > _WIDEST_PX:
                size = (_WIDEST_PX, max(1, round(gray.shape[0] * _WIDEST_PX / gray.shape[1])))
                gray = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
            encoded = cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1]
            files[name] = bytes(encoded)
            shown = f"![The staff {reading.id}]({name})\n\n"
        except ImageError as error:
            shown = f"{error}\n\n"
        if reason := evaluation.failures.get(reading.id):
            diff = f"Not read: {reason.removeprefix(f'{reading.image}: ')}\n"
        else:
            diff = "\n".join(("```diff", *_alignment(reading), "```\n"))
        heading = f"### {number}. {reading.id}: {reading.edits} edits in {len(reading.reference)} symbols\n"
        staves.append(f"{heading}\n{shown}{diff}")
    parts = [f"# {title}\n", _figures(evaluation), _symbol_errors(evaluation)]
    if staves:
        parts += ["## The worst staves\n\n`-` stands in the label, `+` was read.\n", *staves]
    files["report.md"] = "\n".join(parts).encode()
    return files


def _figures(evaluation: Evaluation) -> str:
    values = evaluation.to_json()
    low, high = values["ser_interval"]
    bins = [(f"SER of the {name} symbols among them", ser) for name, ser in values["bin_ser"].items()]
    rows = [
        ("staves, symbols", f"{values['samples']}, {values['symbols']}"),
        ("SER, with its 95 % bootstrap interval", f"{values['ser']:.2f} % [{low:.2f}, {high:.2f}]"),
        ("SeqER", f"{values['sequence_error_rate']:.1f} %"),
        (f"macro recall, symbols that occur {LEAST_COUNT} times or more", f"{values['macro_recall']:.2f} %"),
        *((text, f"{ser:.2f} %") for text, ser in bins),
        ("expected calibration error of the confidence", f"{values['calibration_error']:.4f}"),
        (
            "chance that doubt ranks a wrong staff before a right one",
            "-" if values["doubt_auc"] is None else f"{values['doubt_auc']:.2f}",
        ),
        ("staves that could not be read", f"{values['failed']}"),
        ("time for a staff", f"{1000 * values['seconds'] / max(1, values['samples']):.0f} ms"),
    ]
    return _table(("", ""), rows)


def _symbol_errors(evaluation: Evaluation) -> str:
    """The most frequent confusions, and the frequent symbols that are missed most."""
    errors = evaluation.symbol_errors
    confused = errors.confused.most_common(_MOST_CONFUSED)
    frequent = [symbol for symbol, count in errors.count.items() if count >= LEAST_COUNT]
    missed = [symbol for symbol in frequent if errors.hit[symbol] < errors.count[symbol]]
    missed.sort(key=lambda symbol: (-errors.miss_rate([symbol]), symbol))
    confusions = [(f"`{label}`", f"`{read}`", str(count)) for (label, read), count in confused]
    misses = [
        (f"`{symbol}`", str(errors.count[symbol]), f"{errors.miss_rate([symbol]):.0f} %")
        for symbol in missed[:_MOST_SYMBOLS]
    ]
    return (
        f"## Most confused\n\n{_table(('label', 'read', 'times'), confusions)}\n"
        f"## Most missed\n\n{len(frequent) - len(missed)} of the {len(frequent)} symbols that occur "
        f"{LEAST_COUNT} times or more were always read.\n\n"
        f"{_table(('symbol', 'occurs', 'missed'), misses)}"
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _alignment(reading: SampleReading) -> Iterator[str]:
    """Diff of label and reading, line by line; long matches are abbreviated."""
    label, read = reading.reference, reading.hypothesis
    codes = list(Levenshtein.opcodes(label, read))
    for number, code in enumerate(codes):
        same = label[code.src_start : code.src_end]
        if code.tag != "equal":
            yield from (f"- {symbol}" for symbol in same)
            yield from (f"+ {symbol}" for symbol in read[code.dest_start : code.dest_end])
            continue
        before = same[:_CONTEXT] if number else ()
        after = same[-_CONTEXT:] if number + 1 < len(codes) else ()
        if len(before) + len(after) >= len(same):
            yield from (f"  {symbol}" for symbol in same)
            continue
        yield from (f"  {symbol}" for symbol in before)
        yield f"  ... {len(same) - len(before) - len(after)} symbols"
        yield from (f"  {symbol}" for symbol in after)
