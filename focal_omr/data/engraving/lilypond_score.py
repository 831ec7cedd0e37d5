"""LilyPond input of whole scores for engraving: every note and rest has its id as an attribute in the SVG.

Accidentals, beams, stems and barlines are written as the score says them. What is not written is refused, or
left out of the score by `drawable`.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from focal_omr.errors import EngraveError
from focal_omr.score.score import (
    Articulation,
    Chord,
    Clef,
    Duration,
    Event,
    Fermata,
    Key,
    Lyric,
    Measure,
    Meter,
    Note,
    Part,
    Pitch,
    Rest,
    Score,
    Slur,
    Tuplet,
    Voice,
)

__all__ = ["drawable", "write_lilypond_score"]

_CLEFS = {
    **{("G", 2, 0): "treble", ("F", 4, 0): "bass", ("C", 3, 0): "alto", ("C", 4, 0): "tenor"},
    **{("C", 1, 0): "soprano", ("C", 2, 0): "mezzosoprano", ("C", 5, 0): "baritone", ("G", 1, 0): "french"},
    **{("F", 3, 0): "varbaritone", ("F", 5, 0): "subbass", ("G", 2, -1): "treble_8", ("G", 2, 1): "treble^8"},
    ("F", 4, -1): "bass_8",
}
_TONICS = ["ces", "ges", "des", "aes", "ees", "bes", "f", "c", "g", "d", "a", "e", "b", "fis", "cis"]
_ARTICULATIONS = {
    **{"staccato": "-.", "accent": "->", "tenuto": "--", "strong-accent": "-^", "staccatissimo": "-!"},
    "detached-legato": "-_",
}
_BARS = {"regular": "|", "light-light": "||", "light-heavy": "|.", "dashed": "!", "dotted": ";", "heavy": "."}
_HIDDEN_METER = "\\once \\omit Staff.TimeSignature"
_RANKS = ("One", "Two", "Three", "Four")
_ZERO = Fraction(0)


def drawable(score: Score) -> Score:
    """The score without the marks, directions and spanners that are not written for LilyPond."""
    parts = []
    for part in score.parts:
        voice_of = {
            event.id: (voice.number, event.staff)
            for measure in part.measures
            for voice in measure.voices
            for event in voice.events
        }
        spanners = tuple(
            s
            for s in part.spanners
            if isinstance(s, Tuplet)
            or (isinstance(s, Slur) and s.start and s.end and voice_of.get(s.start) == voice_of.get(s.end))
        )
        measures = tuple(
            replace(
                measure,
                directions=(),
                voices=tuple(replace(v, events=tuple(map(_with_marks, v.events))) for v in measure.voices),
            )
            for measure in part.measures
        )
        parts.append(replace(part, measures=measures, spanners=spanners))
    return replace(score, parts=tuple(parts))


def _with_marks(event: Event) -> Event:
    if not isinstance(event, Chord | Rest):
        return event
    marks = tuple(
        mark
        for mark in event.marks
        if isinstance(mark, Fermata | Lyric)
        or (isinstance(mark, Articulation) and mark.name in _ARTICULATIONS)
    )
    return event if marks == event.marks else replace(event, marks=marks)


def write_lilypond_score(score: Score, layout: str) -> str:
    """A score, in the form of `for_engraving`, as a LilyPond file.

    Args:
        score: What `drawable` leaves.
        layout: Settings of the Score context.

    Raises:
        EngraveError: Something of its columns cannot be written: what.
    """
    groups = []
    for number, part in enumerate(score.parts):
        staves = "\n".join(_staff(part, staff, number, score) for staff in range(1, part.staves + 1))
        name = part.name.replace("\\", "").replace('"', "")
        label = f'\\with {{ instrumentName = "{name}" }} ' if name else ""
        groups.append(f"\\new PianoStaff {label}<<\n{staves}\n>>" if part.staves > 1 else staves)
    body = "\n".join(groups)
    body = f"\\new StaffGroup <<\n{body}\n>>" if score.groups else f"<<\n{body}\n>>"
    return (
        '\\version "2.24.0"\n\\paper { page-breaking = #ly:one-line-breaking indent = 40 tagline = ##f\n'
        "oddHeaderMarkup = ##f oddFooterMarkup = ##f top-margin = 30 bottom-margin = 30 left-margin = 30 }\n"
        f"\\layout {{ \\context {{ \\Score {layout} }} }}\n\\score {{ {body} }}\n"
    )


def _staff(part: Part, staff: int, number: int, score: Score) -> str:
    ranks = {v.number for m in part.measures for v in m.voices if _home(v) == staff}
    voices = [_voice(part, staff, rank) for rank in sorted(ranks)]
    verses = list(_verses(part, staff))
    top = _global(part, staff, score)
    name = f"s{number}-{staff}"
    music = "\n".join(f"\\new Voice {{ {text} }}" for text in voices)
    lyrics = "\n".join(f'\\new Lyrics \\with {{ alignBelowContext = "{name}" }} {text}' for text in verses)
    return f'\\new Staff = "{name}" << {{ {top} }}\n{music} >>\n{lyrics}'


def _home(voice: Voice) -> int:
    staves = {event.staff for event in voice.events}
    if len(staves) > 1:
        raise EngraveError("a voice on two staves is not written for LilyPond")
    return staves.pop() if staves else 1


def _skip(length: Fraction) -> str:
    return f"s1*{length.numerator}/{length.denominator} " if length else ""


# Signs -----------------------------------------------------------------------------------------------------


def _global(part: Part, staff: int, score: Score) -> str:
    """Clefs, keys, meters and barlines of a staff, between skips."""
    out = ["\\autoBeamOff "]
    tops = score.parts[0].measures
    for index, measure in enumerate(part.measures):
        length = max(p.measures[index].length for p in score.parts)
        if measure.barlines or measure.repeats or measure.multirest or measure.unread or not length:
            raise EngraveError("a measure of its kind is not written for LilyPond")
        left = tops[index].left
        if index == 0 and left is not None and left.repeat == "forward":
            out.append('\\bar ".|:" ')
        now = _ZERO
        own = sorted((s for s in measure.signs if s.staff in (None, staff)), key=lambda s: s.onset)
        opening = [s for s in own if s.onset == 0]
        out += (_sign(sign.value, printed=sign.printed) for sign in opening)
        out.append(f"\\set Timing.measureLength = #(ly:make-moment {length}) ")
        for sign in own[len(opening) :]:
            out.append(_skip(sign.onset - now))
            now = sign.onset
            out.append(_sign(sign.value, printed=sign.printed))
        out.append(_skip(length - now))
        out.append(_bar(tops, index))
    return "".join(out)


def _sign(value: object, *, printed: bool) -> str:
    if isinstance(value, Clef):
        name = _CLEFS.get((value.shape, value.line, value.octave))
        if name is None:
            raise EngraveError(f"the clef {value} is not written for LilyPond")
        return f'\\clef "{name}" '
    if isinstance(value, Key):
        return f"\\key {_TONICS[value.fifths + 7]} \\major "
    if isinstance(value, Meter):
        if len(value.terms) != 1 or len(value.terms[0][0]) != 1:
            raise EngraveError("a meter of several terms is not written for LilyPond")
        (beats,), unit = value.terms[0]
        style = "\\defaultTimeSignature" if value.symbol in ("common", "cut") else "\\numericTimeSignature"
        return f"{style if printed else _HIDDEN_METER} \\time {beats}/{unit} "
    return ""


def _bar(tops: tuple[Measure, ...], index: int) -> str:
    right = tops[index].right
    after = tops[index + 1].left if index + 1 < len(tops) else None
    opens = after is not None and after.repeat == "forward"
    if right is not None and right.repeat == "backward":
        return '\\bar ":..:" ' if opens else '\\bar ":|." '
    if opens:
        return '\\bar ".|:" '
    if right is None:
        return '\\bar "" '
    if right.style not in _BARS:
        raise EngraveError(f"a {right.style} barline is not written for LilyPond")
    return f'\\bar "{_BARS[right.style]}" '


# Notes -----------------------------------------------------------------------------------------------------


def _voice(part: Part, staff: int, rank: int) -> str:
    """The events of the voices of one number on a staff, measure after measure."""
    tuplets: dict[str, list[Tuplet]] = defaultdict(list)
    ends: dict[str, list[str]] = defaultdict(list)  # what closes after an event
    for number, spanner in enumerate(part.spanners):
        if isinstance(spanner, Tuplet):
            tuplets[spanner.start].append(spanner)
            ends[spanner.end].append("} ")
        elif isinstance(spanner, Slur) and spanner.start and spanner.end:
            ends[spanner.start].insert(0, f"\\={number}( ")
            ends[spanner.end].insert(0, f"\\={number}) ")
    out = []
    for measure in part.measures:
        length = measure.length
        own = [voice for voice in measure.voices if _home(voice) == staff]
        voice = next((v for v in own if v.number == rank), None)
        if voice is None:
            out.append(_skip(length))
            continue
        out.append(f"\\voice{_RANKS[rank - 1]} " if len(own) > 1 else "\\oneVoice ")
        out += _events(voice, measure, tuplets, ends)
    return "\n".join(out)


def _events(
    voice: Voice,
    measure: Measure,
    tuplets: dict[str, list[Tuplet]],
    ends: dict[str, list[str]],
) -> Iterator[str]:
    now, in_grace = _ZERO, False
    for number, event in enumerate(voice.events):
        grace = isinstance(event, Chord) and event.grace is not None
        if grace and not in_grace:
            last = number + 1 == len(voice.events)
            if last:
                raise EngraveError("grace notes after the last note are not written for LilyPond")
            slash = isinstance(event, Chord) and event.grace == "slash"
            yield "\\slashedGrace { " if slash else "\\grace { "
        if in_grace and not grace:
            yield "} "
        in_grace = grace
        for tuplet in tuplets.get(event.id, ()):
            yield f"\\tuplet {tuplet.actual}/{tuplet.normal} {{ "
        yield _event(event, whole=event.length == measure.length) + "".join(ends.get(event.id, ()))
        now = event.onset + event.length
    if in_grace:
        yield "} "
    yield _skip(measure.length - now)


def _event(event: Event, *, whole: bool) -> str:
    if not isinstance(event, Chord | Rest):
        return _skip(event.length)
    if event.cue:
        raise EngraveError("cue notes are not written for LilyPond")
    after = "".join(
        _ARTICULATIONS[mark.name] if isinstance(mark, Articulation) else "\\fermata "
        for mark in event.marks
        if isinstance(mark, Articulation | Fermata)
    )
    beam = {"begin": "[", "end": "]"}.get(event.beams[0] if event.beams else "", "")
    if isinstance(event, Rest):
        if event.measure and whole:
            length = f"{event.length.numerator}/{event.length.denominator}"
            return f"{_named('rest', event.id)}R1*{length} "
        return f"{_named('rest', event.id)}r{_duration(event.duration)}{beam}{after} "
    stem = {"up": "\\once \\stemUp ", "down": "\\once \\stemDown "}.get(event.stem or "", "")
    if event.stem in ("none", "double"):
        raise EngraveError("a note without a stem is not written for LilyPond")
    notes = " ".join(_note(note) for note in event.notes)
    return f"{stem}< {notes} >{_duration(event.duration)}{beam}{after} "


def _note(note: Note) -> str:
    if not isinstance(note.pitch, Pitch) or note.head not in ("normal", "x", "diamond") or note.staff:
        raise EngraveError("a note of its kind is not written for LilyPond")
    pitch = note.pitch
    name = pitch.step.lower() + ("is" if pitch.alter > 0 else "es") * abs(pitch.alter)
    name += "'" * (pitch.octave - 3) + "," * (3 - pitch.octave)
    style = {"x": "\\tweak style #'cross ", "diamond": "\\tweak style #'diamond "}.get(note.head, "")
    sign = "" if note.accidental is None else "?" if note.enclosed else "!"
    tie = "" if note.tie_to is None else " ~" if note.tie_to else " \\laissezVibrer"
    return f"{_named('head', note.id)}{style}{name}{sign}{tie}"


def _named(kind: str, id_: str) -> str:
    return f'\\tweak output-attributes #\'((class . "{kind}") (id . "{id_}")) '


def _duration(duration: Duration) -> str:
    names = {Fraction(2): "\\breve", Fraction(4): "\\longa"}
    return names.get(duration.value, str(1 / duration.value)) + "." * duration.dots


# Lyrics ----------------------------------------------------------------------------------------------------


def _verses(part: Part, staff: int) -> Iterator[str]:
    """Each verse of a staff, its syllables with the lengths of their notes."""
    syllables: dict[str, list[tuple[Fraction, Lyric]]] = defaultdict(list)
    begun = _ZERO
    for measure in part.measures:
        for voice in measure.voices:
            for event in voice.events:
                if isinstance(event, Chord) and event.staff == staff and not event.grace:
                    for mark in event.marks:
                        if isinstance(mark, Lyric):
                            syllables[mark.verse].append((begun + event.onset, mark))
        begun += measure.length
    for verse in sorted(syllables):
        out, own = [], sorted(syllables[verse], key=lambda pair: pair[0])
        out.append(_skip(own[0][0]).replace("s1", "\\skip 1"))
        for (onset, lyric), following in zip(own, [o for o, _ in own[1:]] + [begun], strict=True):
            length = following - onset
            if not length:
                raise EngraveError("two syllables at one note")
            text = lyric.text.replace("\\", "").replace('"', "'")
            join = " --" if lyric.syllabic in ("begin", "middle") else " __" if lyric.extend else ""
            out.append(f'"{text}"1*{length.numerator}/{length.denominator}{join} ')
        yield f"\\lyricmode {{ {''.join(out)} }}"
