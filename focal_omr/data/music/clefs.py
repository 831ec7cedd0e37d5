"""The clefs that staves are drawn in, and which notes a strip shows under each."""

from focal_omr.score.records import Clef, Note, Part, flat_events

# The weights follow what 18th-century incipits and modern parts show most, with a floor so that none is rare.
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
# A strip shows four staff spaces above and below the staff. These positions, in steps above the lowest line,
# are the last ones whose note heads are seen whole.
LOWEST_POSITION, HIGHEST_POSITION = -7, 15
# A fermata, and the flags of a grace note, stand two spaces above the head.
_HIGHEST_WITH_SIGN = HIGHEST_POSITION - 4


def is_seen(note: Note, clef: Clef) -> bool:
    """Whether a strip shows a note under a clef, and what stands above its head."""
    highest = _HIGHEST_WITH_SIGN if note.grace or note.fermata else HIGHEST_POSITION
    return LOWEST_POSITION <= note.pitch.diatonic - clef.lowest_line <= highest


def clefs_for(note: Note) -> dict[Clef, int]:
    """The clefs, with weights, under which a strip shows a note; some notes have none."""
    return {clef: weight for clef, weight in CLEFS.items() if is_seen(note, clef)}


def fits_strip(part: Part) -> bool:
    """Whether a strip shows all notes of a staff; without a clef it is read in the treble."""
    clef = Clef("G", 2)
    for measure in part.measures:
        for event in flat_events(measure):
            if isinstance(event, Clef):
                clef = event
            if isinstance(event, Note) and not is_seen(event, clef):
                return False
    return True
