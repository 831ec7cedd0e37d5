"""Joining of the staves of one part, system by system, into one token sequence and one `Part`.

Every system restates clef and key signature. Restated signs that are in force already are dropped; signs that
are not restated (the meter, sometimes the key) stay in force. Music continues across the end of a system
whether or not a barline stands there.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate

from focal_omr.encodings.semantic import parse_barline, parse_sign, tokens_to_score
from focal_omr.score.records import NO_KEY, Break, Clef, Key, Meter, Part, Source


@dataclass(frozen=True)
class StaffContext:
    """Signs in force at the end of a staff, carried to the next one of its part; None: none so far."""

    clef: Clef | None = None
    key: Key | None = None
    meter: Meter | None = None

    @property
    def sounding_key(self) -> Key:
        """The key signature that applies to notes; C major if none was printed."""
        return self.key or NO_KEY

    @property
    def bar_length(self) -> Fraction | None:
        """Length of a bar in whole notes; None without a meter."""
        return self.meter.length if self.meter else None

    def updated(self, tokens: Iterable[str]) -> "StaffContext":
        """Return the context after these semantic tokens."""
        context = self
        for token in tokens:
            match parse_sign(token):
                case Clef() as clef:
                    context = replace(context, clef=clef)
                case Key() as key:
                    context = replace(context, key=key)
                case Meter() as meter:
                    context = replace(context, meter=meter)
        return context


@dataclass(frozen=True)
class StaffTokens:
    """The semantic tokens of one staff of a part.

    Attributes:
        tokens: From left to right.
        break_before: The break before the staff; None: none.
        sources: Where each token was read; tokens without one may follow.
    """

    tokens: tuple[str, ...]
    break_before: Break | None = None
    sources: tuple[Source, ...] = ()


def opening_signs(tokens: Sequence[str]) -> list[str]:
    """Return the leading clefs, keys and meters."""
    signs = []
    for token in tokens:
        if not isinstance(parse_sign(token), Clef | Key | Meter):
            break
        signs.append(token)
    return signs


def prints_meter(tokens: Sequence[str]) -> bool:
    """Check whether a meter is among the leading signs."""
    return any(isinstance(parse_sign(token), Meter) for token in opening_signs(tokens))


def is_over(tokens: Sequence[str], *, double: bool = False) -> bool:
    """Check whether a piece can end after these tokens: with a final barline or the end of a repeat.

    Signs after the last barline announce that the piece continues.

    Args:
        tokens: Semantic tokens of a staff.
        double: Whether a double barline counts as an end.
    """
    ends = ("final", "repeat_end", *(("double",) if double else ()))
    return bool(tokens) and parse_barline(tokens[-1]) in ends


def kept_tokens(staves: Sequence[Sequence[str]]) -> list[list[int]]:
    """Return, for each staff of a part, the indices of its tokens without leading signs already in force."""
    places = []
    context = StaffContext()
    for tokens in staves:
        signs = len(opening_signs(tokens))
        known = (context.clef, context.key, context.meter)
        kept = [place for place in range(signs) if parse_sign(tokens[place]) not in known]
        places.append([*kept, *range(signs, len(tokens))])
        context = context.updated(tokens)
    return places


def join_tokens(staves: Sequence[StaffTokens]) -> tuple[list[str], list[int], list[Source]]:
    """Concatenate the tokens of the staves of a part.

    Returns:
        The tokens without restated signs; for each staff the number of tokens before its first one; and where
        each token was read.
    """
    joined: list[str] = []
    starts: list[int] = []
    sources: list[Source] = []
    for staff, kept in zip(staves, kept_tokens([staff.tokens for staff in staves]), strict=True):
        starts.append(len(joined))
        joined += [staff.tokens[place] for place in kept]
        sources += [staff.sources[place] if place < len(staff.sources) else () for place in kept]
    return joined, starts, sources


def join_staves(staves: Sequence[StaffTokens]) -> Part:
    """Build the part of consecutive staves; a measure that begins a staff gets its break.

    Raises:
        NotationError: As `semantic.tokens_to_score`.
    """
    tokens, starts, sources = join_tokens(staves)
    (part,) = tokens_to_score(tokens, sources).parts
    measures = list(part.measures)
    closed = list(accumulate((parse_barline(token) is not None for token in tokens), initial=0))
    for staff, start in zip(staves, starts, strict=True):
        bars = closed[start]
        begins = start == 0 or parse_barline(tokens[start - 1]) is not None
        if begins and staff.break_before and bars < len(measures):
            measures[bars] = replace(measures[bars], break_before=staff.break_before)
    return replace(part, measures=tuple(measures))
