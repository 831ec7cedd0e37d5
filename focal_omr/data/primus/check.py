"""Whether samples in PrIMuS layout can be used: pictures that can be decoded, symbols that are known."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from focal_omr.data.primus.samples import Defect, Problem, Sample
from focal_omr.encodings.agnostic import parse_agnostic_symbol
from focal_omr.encodings.semantic import TUPLET_NORMAL, parse_barline, parse_sign
from focal_omr.encodings.vocabulary import full_semantic, primus_agnostic
from focal_omr.errors import DataError, ImageError, NotationError
from focal_omr.images.load import decode_gray

_MOST_SHOWN = 5
_TUPLETS = frozenset(f"tuplet-{actual}" for actual in TUPLET_NORMAL)


@dataclass(frozen=True)
class Checked:
    """A sample without defects, and the size of its picture."""

    sample: Sample
    width_px: int
    height_px: int


def check_samples(found: Iterable[Sample | Defect]) -> Iterator[Checked | Defect]:
    """What `read_primus` found, with every picture decoded and every symbol looked up.

    A sample passes when all files that it has are good: the distorted picture and the agnostic label, too.
    """
    for each in found:
        if isinstance(each, Defect):
            yield each
        else:
            yield from _check(each)


def _check(sample: Sample) -> Iterator[Checked | Defect]:
    size, defects = _size(sample, sample.picture)
    if sample.distorted:
        defects += _size(sample, sample.distorted)[1]
    defects += _label_defects(sample, "semantic", sample.semantic)
    if sample.agnostic:
        defects += _label_defects(sample, "agnostic", sample.agnostic)
    if defects:
        yield from defects
    else:
        yield Checked(sample, *size)


def _size(sample: Sample, path: Path) -> tuple[tuple[int, int], list[Defect]]:
    """(width, height) of a picture, or (0, 0) and why it cannot be decoded."""
    try:
        gray = decode_gray(sample.picture_bytes(distorted=path == sample.distorted), name=str(path))
    except (ImageError, DataError) as error:
        reason = str(error).removeprefix(f"{path}: ")
        return (0, 0), [Defect(sample.id, path, "unreadable picture", reason)]
    return (gray.shape[1], gray.shape[0]), []


def _label_defects(sample: Sample, encoding: str, tokens: tuple[str, ...]) -> list[Defect]:
    known, other = (_semantic, _agnostic) if encoding == "semantic" else (_agnostic, _semantic)
    unknown = [(place, token) for place, token in enumerate(tokens, 1) if not known(token)]
    if not unknown:
        return []
    problem: Problem = "unknown token"
    shown = ", ".join(f"{token!r} (number {place})" for place, token in unknown[:_MOST_SHOWN])
    detail = f"{len(unknown)} of {len(tokens)}: {shown}"
    # A label of the wrong encoding is so from end to end; a few mistakes leave most symbols known.
    if 2 * sum(other(token) for _, token in unknown) > len(tokens):
        problem = "label in the other encoding"
        detail = f"{shown} where the {encoding} encoding is needed"
    return [Defect(sample.id, sample.picture.with_name(f"{sample.id}.{encoding}"), problem, detail)]


@cache
def _semantic(token: str) -> bool:
    """Whether the vocabulary or the grammar knows a semantic symbol: multirest-357 is rare, not wrong."""
    if token in full_semantic() or token in _TUPLETS:
        return True
    return parse_sign(token) is not None or parse_barline(token) is not None


@cache
def _agnostic(token: str) -> bool:
    return token in _agnostic_symbols() or _is_known(parse_agnostic_symbol, token)


@cache
def _agnostic_symbols() -> frozenset[str]:
    return frozenset(primus_agnostic().symbols)


def _is_known(parse: Callable[[str], object], token: str) -> bool:
    try:
        parse(token)
    except NotationError:
        return False
    return True
