"""A score with every accidental and stem that its columns print, written into its notes.

A score may leave accidentals and stems to the engraver. Columns decide them by their own rules, so an image
agrees with its columns for certain only if the score says what is decided.
"""

from dataclasses import replace

from focal_omr.encodings.to_columns import ScoreColumns, score_to_columns
from focal_omr.score.score import Chord, Event, Part, Score

__all__ = ["as_printed"]

_HEADLESS = 1  # whole notes and longer have no stem


def as_printed(score: Score, *, stems: bool = True) -> tuple[Score, ScoreColumns]:
    """The score with accidentals and stems as in its columns, and the columns.

    The columns of the result are those of the score.

    Args:
        score: A valid score.
        stems: Set also stems; without, those that the score leaves to the engraver stay so.
    """
    columns = score_to_columns(score)
    printed = columns if stems else replace(columns, stems={})
    parts = tuple(_printed_part(part, printed) for part in score.parts)
    return replace(score, parts=parts), columns


def _printed_part(part: Part, columns: ScoreColumns) -> Part:
    measures = tuple(
        replace(
            measure,
            voices=tuple(
                replace(voice, events=tuple(_printed_event(event, columns) for event in voice.events))
                for voice in measure.voices
            ),
        )
        for measure in part.measures
    )
    return replace(part, measures=measures)


def _printed_event(event: Event, columns: ScoreColumns) -> Event:
    if not isinstance(event, Chord):
        return event
    stem = columns.stems.get(event.id, event.stem)
    if event.duration.value >= _HEADLESS and not event.grace:
        stem = event.stem
    notes = tuple(
        note
        if (sign := columns.accidentals.get(note.id, note.accidental)) == note.accidental
        else replace(note, accidental=sign, enclosed=note.enclosed if sign else None)
        for note in event.notes
    )
    if stem == event.stem and notes == event.notes:
        return event
    return replace(event, stem=stem, notes=notes)
