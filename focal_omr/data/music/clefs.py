"""Clefs of generated staves, and the notes that fit on a strip under each clef."""

from focal_omr.score.records import Clef, Note, Part, flat_events

# Weights follow the frequency in 18th-century incipits and modern parts, with a floor so that none is rare.
CLEFS = {
    Clef("G", 2): 50,
    Clef("C", 1): 12,
    Clef("F", 4): 12,
    Clef("C", 3): 6,
    Clef("C", 4): 5,
    Clef("C", 2): 2,
    Clef("F", 3): 2,
    Clef("G", 1): 2,
    Clef("C", 5): 1,
    Clef("F", 5): 1,
}
# A strip shows four staff spaces above and below the staff. These are the outermost positions, in steps above
# the lowest line, whose note heads fit completely.
LOWEST_POSITION, HIGHEST_POSITION = -7, 15
# A fermata, and the flags of a grace note, extend two spaces above the head.
_HIGHEST_WITH_MARK = HIGHEST_POSITION - 4


def is_visible(note: Note, clef: Clef) -> bool:
    """Return whether a strip shows a note under a clef, with any mark above its head."""
    highest = _HIGHEST_WITH_MARK if note.grace or note.fermata else HIGHEST_POSITION
    return LOWEST_POSITION <= note.pitch.diatonic - clef.lowest_line <= highest


def clefs_for(note: Note) -> dict[Clef, int]:
    """Return the clefs, with weights, under which a strip shows a note; empty for extreme notes."""
    return {clef: weight for clef, weight in CLEFS.items() if is_visible(note, clef)}


def fits_strip(part: Part) -> bool:
    """Return whether a strip shows all notes of a staff; without a clef it is read in the treble clef."""
    clef = Clef("G", 2)
    for measure in part.measures:
        for event in flat_events(measure):
            if isinstance(event, Clef):
                clef = event
            if isinstance(event, Note) and not is_visible(event, clef):
                return False
    return True
