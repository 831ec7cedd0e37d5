"""Names of MusicXML that its reader and its writer share.

Source: MusicXML 4.0, W3C Community Group final report, the enumerations of its schema.
"""

from fractions import Fraction

__all__ = [
    "ACCIDENTALS",
    "ARTICULATIONS",
    "BAR_STYLES",
    "CHORD_KINDS",
    "DYNAMICS",
    "ELISION",
    "FERMATAS",
    "JUMP_SOUNDS",
    "NOTE_HEADS",
    "NOTE_TYPES",
    "ORNAMENTS",
    "TECHNIQUES",
    "TYPE_NAMES",
    "UNREAD",
]


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


NOTE_TYPES = {
    "maxima": Fraction(8),
    "long": Fraction(4),
    "breve": Fraction(2),
    "whole": Fraction(1),
    "half": Fraction(1, 2),
    "quarter": Fraction(1, 4),
    "eighth": Fraction(1, 8),
    "16th": Fraction(1, 16),
    "32nd": Fraction(1, 32),
    "64th": Fraction(1, 64),
    "128th": Fraction(1, 128),
    "256th": Fraction(1, 256),
    "512th": Fraction(1, 512),
    "1024th": Fraction(1, 1024),
}
TYPE_NAMES = {value: name for name, value in NOTE_TYPES.items()}

DYNAMICS = _names(
    "p pp ppp pppp ppppp pppppp f ff fff ffff fffff ffffff mp mf sf sfp sfpp fp rf rfz sfz sffz fz n pf sfzp"
)
ARTICULATIONS = _names(
    "accent strong-accent staccato tenuto detached-legato staccatissimo spiccato scoop plop doit falloff"
    " breath-mark caesura stress unstress soft-accent other-articulation"
)
ORNAMENTS = _names(
    "trill-mark turn delayed-turn inverted-turn delayed-inverted-turn vertical-turn inverted-vertical-turn"
    " shake mordent inverted-mordent schleifer haydn other-ornament"
)
# Without bends, holes, arrows and hammer-ons, which need more than a text.
TECHNIQUES = _names(
    "up-bow down-bow harmonic open-string thumb-position pluck double-tongue triple-tongue stopped"
    " snap-pizzicato fret string tap heel toe fingernails brass-bend flip smear open half-muted golpe"
    " other-technical"
)
ACCIDENTALS = _names(
    "sharp natural flat double-sharp sharp-sharp flat-flat natural-sharp natural-flat quarter-flat"
    " quarter-sharp three-quarters-flat three-quarters-sharp sharp-down sharp-up natural-down natural-up"
    " flat-down flat-up double-sharp-down double-sharp-up flat-flat-down flat-flat-up arrow-down arrow-up"
    " triple-sharp triple-flat slash-quarter-sharp slash-sharp slash-flat double-slash-flat sharp-1 sharp-2"
    " sharp-3 sharp-5 flat-1 flat-2 flat-3 flat-4 sori koron other"
)
NOTE_HEADS = frozenset(
    (
        *("slash", "triangle", "diamond", "square", "cross", "x", "circle-x", "inverted triangle"),
        *("arrow down", "arrow up", "circled", "slashed", "back slashed", "normal", "cluster", "circle dot"),
        *("left triangle", "rectangle", "none", "do", "re", "mi", "fa", "fa up", "so", "la", "ti", "other"),
    )
)
BAR_STYLES = _names(
    "regular dotted dashed heavy light-light light-heavy heavy-light heavy-heavy tick short none"
)
FERMATAS = _names("normal angled square double-angled double-square double-dot half-curve curlew")
CHORD_KINDS = _names(
    "major minor augmented diminished dominant major-seventh minor-seventh diminished-seventh"
    " augmented-seventh half-diminished major-minor major-sixth minor-sixth dominant-ninth major-ninth"
    " minor-ninth dominant-11th major-11th minor-11th dominant-13th major-13th minor-13th suspended-second"
    " suspended-fourth Neapolitan Italian French German pedal power Tristan other none"
)

# Attributes of <sound> that tell of a jump.
JUMP_SOUNDS = {"dacapo": "da-capo", "dalsegno": "dal-segno", "tocoda": "to-coda", "fine": "fine"}

ELISION = "\u203f"  # an undertie between the syllables that one note carries
UNREAD = "unread"  # type of the <feature> that marks a staff of a measure as seen but not read
