"""Validation of samples in PrIMuS layout: images decode, tokens are known."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from focal_omr.data.primus.samples import Defect, Problem, Sample
from focal_omr.encodings.agnostic import parse_agnostic_symbol
from focal_omr.encodings.semantic import TUPLET_NORMAL, parse_barline, parse_sign
from focal_omr.encodings.vocabulary import full_semantic, primus_agnostic
from focal_omr.errors import DataError, ImageError, NotationError
from focal_omr.images.load import decode_gray

_MAX_SHOWN = 5
_TUPLETS = frozenset(f"tuplet-{actual}" for actual in TUPLET_NORMAL)


@dataclass(frozen=True)
class Checked:
    """A sample without defects, with the size of its image."""

    sample: Sample
    width_px: int
    height_px: int


def check_samples(found: Iterable[Sample | Defect]) -> Iterator[Checked | Defect]:
    """Decode every image and look up every token of what `read_primus` found.

    A sample passes when all its files are good, the distorted image and the agnostic label included.
    """
    for each in found:
        if isinstance(each, Defect):
            yield each
            continue
        size, defects = _decode(each, each.picture)
        if each.distorted:
            defects += _decode(each, each.distorted)[1]
        defects += _unknown_tokens(each, "semantic", each.semantic)
        if each.agnostic:
            defects += _unknown_tokens(each, "agnostic", each.agnostic)
        if defects:
            yield from defects
        else:
            yield Checked(each, *size)


def _decode(sample: Sample, path: Path) -> tuple[tuple[int, int], list[Defect]]:
    """(width, height) of an image in pixels, or (0, 0) and the defect."""
    try:
        gray = decode_gray(sample.picture_bytes(distorted=path == sample.distorted), name=str(path))
    except (ImageError, DataError) as error:
        reason = str(error).removeprefix(f"{path}: ")
        return (0, 0), [Defect(sample.id, path, "unreadable picture", reason)]
    return (gray.shape[1], gray.shape[0]), []


def _unknown_tokens(sample: Sample, encoding: str, tokens: tuple[str, ...]) -> list[Defect]:
    known, other = (_semantic, _agnostic) if encoding == "semantic" else (_agnostic, _semantic)
    unknown = [(place, token) for place, token in enumerate(tokens, 1) if not known(token)]
    if not unknown:
        return []
    problem: Problem = "unknown token"
    shown = ", ".join(f"{token!r} (number {place})" for place, token in unknown[:_MAX_SHOWN])
    detail = f"{len(unknown)} of {len(tokens)}: {shown}"
    # In a label of the wrong encoding nearly all tokens are of the other one; typos leave most tokens known.
    if 2 * sum(other(token) for _, token in unknown) > len(tokens):
        problem = "label in the other encoding"
        detail = f"expected the {encoding} encoding, got {shown}"
    return [Defect(sample.id, sample.picture.with_name(f"{sample.id}.{encoding}"), problem, detail)]


@cache
def _semantic(token: str) -> bool:
    """Whether a token is in the vocabulary or the grammar: multirest-357 is rare, not wrong."""
    if token in full_semantic() or token in _TUPLETS:
        return True
    return parse_sign(token) is not None or parse_barline(token) is not None


@cache
def _agnostic(token: str) -> bool:
    """Whether a token is in the vocabulary or the grammar of the agnostic encoding."""
    if token in primus_agnostic():
        return True
    try:
        parse_agnostic_symbol(token)
    except NotationError:
        return False
    return True
