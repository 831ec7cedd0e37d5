"""Random composer: plain music that looks like real incipits, in all clefs, keys and meters.

Real tunes cover the usual symbols, this composer combinations that they lack, and `rarity` the rest.
"""

from dataclasses import replace
from random import Random

from focal_omr.data.music.clefs import CLEFS
from focal_omr.data.music.melody import METERS, Melody, Style, weighted
from focal_omr.data.music.ties import drop_dangling_ties
from focal_omr.score.accidentals import sound_accidentals
from focal_omr.score.records import Clef, Event, Key, Meter, Part, Score

_FIFTHS = {0: 22, 1: 14, -1: 14, 2: 13, -2: 11, 3: 8, -3: 9, 4: 4, -4: 4, 5: 2, -5: 2, 6: 1, -6: 1, 7: 1}
_PLAIN_FIFTHS = {0: 6, 1: 3, -1: 2}
_PLAIN_METERS = {Meter(4, 4, "C"): 6, Meter(3, 4): 3, Meter(2, 4): 2}
_UNMEASURED = 0.03  # share of staves without barlines
_METER_SHOWN = 0.87


def compose(random: Random, *, symbols: int = 24, plain: bool = False) -> Score:
    """Compose a staff of random music.

    Args:
        random: Random generator.
        symbols: Approximate number of tokens.
        plain: Use the treble clef, three keys and meters and no ornaments, for data with a small vocabulary.
    """
    clef = Clef("G", 2) if plain else weighted(random, CLEFS)
    key = Key(weighted(random, _PLAIN_FIFTHS if plain else _FIFTHS))
    meter = weighted(random, _PLAIN_METERS if plain else METERS)
    melody = Melody(random, clef, key, Style.plain(random) if plain else Style.drawn(random))
    measures = melody.measures(meter, symbols, unmeasured=not plain and random.random() < _UNMEASURED)
    lead: list[Event] = [clef]
    if key.fifths:
        lead.append(key)
    if random.random() < _METER_SHOWN:
        lead.append(meter)
    measures[0] = replace(measures[0], events=(*lead, *measures[0].events))
    return Score((sound_accidentals(Part(drop_dangling_ties(measures))),))
