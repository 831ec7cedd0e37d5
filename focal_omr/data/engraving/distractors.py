"""Distractors: notation around the notes that is engraved but not transcribed.

Lyrics, dynamics, slurs, fingerings, tempo marks and the like are added to the MEI before engraving, because a
network learns to ignore them only if it sees them.
"""

from collections.abc import Sequence
from random import Random
from xml.etree import ElementTree as ET

_DYNAMICS = ("p", "pp", "f", "ff", "mf", "mp", "sf", "fp", "ppp", "sfz")
_TEXTS = (
    "dolce",
    "cresc.",
    "dim.",
    "rit.",
    "a tempo",
    "espress.",
    "pizz.",
    "arco",
    "Solo",
    "Tutti",
    "Fine",
    "D.C.",
)
_TEMPI = ("Allegro", "Andante", "Adagio", "Largo", "Allegretto", "Presto", "Moderato", "Vivace", "Menuetto")
_SYLLABLES = (
    "A",
    "men",
    "glo",
    "ri",
    "a",
    "la",
    "Ky",
    "ri",
    "e",
    "le",
    "son",
    "du",
    "bist",
    "mein",
    "the",
    "lord",
)
_MARKS = ("segno", "coda", "daCapo", "dalSegno", "fine")
_ARTICULATIONS = ("stacc", "acc", "ten", "marc", "stacciss")
_CHORDS = ("G", "D7", "Am", "C", "F", "Em", "Bb", "Gm7", "A7")
_NAMES = (
    "12.",
    "347",
    "5",
    "II",
    "No. 9",
    "Violin",
    "Vln.",
    "Vl. I",
    "Flute",
    "Fl.",
    "Oboe",
    "Vc.",
    "Viola",
    "Soprano",
    "Basso",
    "Clarinetto in B",
)
# Per kind: probability that a staff has it, and then the probability at each note.
_KINDS = {
    "dynamic": (0.2, 0.1),
    "text": (0.12, 0.05),
    "tempo": (0.1, 0.04),
    "chord name": (0.05, 0.3),
    "fingering": (0.06, 0.5),
    "ornament": (0.12, 0.12),
    "slur": (0.35, 0.25),
    "hairpin": (0.12, 0.08),
    "articulation": (0.25, 0.4),
    "lyric": (0.15, 0.9),
    "second verse": (0.05, 0.9),
    "breath": (0.06, 0.08),
    "repeat mark": (0.05, 0.04),
    "rehearsal mark": (0.07, 0.04),
    "bracketed accidental": (0.04, 0.7),
}


def add_distractors(tree: ET.Element, random: Random, *, amount: float) -> None:
    """Add distractors to an MEI tree of one part, in place.

    Args:
        tree: From `mei_tree`.
        random: Random generator.
        amount: 0 none, 1 as many as a typical page has.
    """
    chances = {kind: chance for kind, (share, chance) in _KINDS.items() if random.random() < share * amount}
    for measure in tree.iter("measure"):
        notes = list(measure.iter("note"))
        for kind, chance in chances.items():
            for index, note in enumerate(notes):
                if random.random() < chance:
                    _add_at_note(kind, measure, note, notes[index + 1 :], random)
    if random.random() < 0.15 * amount:
        label = ET.Element("label")
        label.text = random.choice(_NAMES)
        definition = tree.find(".//staffDef")
        assert definition is not None  # every tree of `mei_tree` has one
        definition.insert(0, label)
    if random.random() < 0.06 * amount:
        _add_ending(tree, random)
    if random.random() < 0.04 * amount:  # all stems in one direction, as where a second voice rests
        direction = random.choice(("up", "down"))
        for note in tree.iter("note"):
            note.set("stem.dir", direction)


def _add_at_note(
    kind: str, measure: ET.Element, note: ET.Element, later: Sequence[ET.Element], random: Random
) -> None:
    """Add one distractor of `kind` at `note`; `later` are the notes after it in the measure."""

    def add(name: str, text: str | None = None, **attributes: str) -> None:
        element = ET.SubElement(measure, name, {"startid": f"#{note.get('xml:id')}", **attributes})
        element.text = text

    is_grace = note.get("grace") is not None
    match kind:
        case "dynamic":
            add("dynam", random.choice(_DYNAMICS), place=random.choice(("below", "below", "above")))
        case "text":
            add("dir", random.choice(_TEXTS), place=random.choice(("below", "above")))
        case "tempo":
            add("tempo", random.choice(_TEMPI), place="above")
        case "chord name":
            add("harm", random.choice(_CHORDS), place="above")
        case "fingering":
            add("fing", str(random.randint(0, 5)), place="above")
        case "ornament":
            add(random.choice(("trill", "trill", "mordent", "turn")), place="above")
        case "slur":
            if spanned := later[: random.choice((1, 1, 2, 3, 6))]:
                add("slur", endid=f"#{spanned[-1].get('xml:id')}")
        case "hairpin":
            if spanned := later[:4]:
                form = random.choice(("cres", "dim"))
                add("hairpin", form=form, endid=f"#{spanned[-1].get('xml:id')}", place="below")
        case "articulation" if not is_grace:
            note.set("artic", random.choice(_ARTICULATIONS))
        case "breath":
            add(random.choice(("breath", "caesura")))
        case "repeat mark":
            add("repeatMark", func=random.choice(_MARKS), place="above")
        case "rehearsal mark":
            mark = ET.SubElement(measure, "reh", startid=f"#{note.get('xml:id')}", place="above")
            letter = random.choice(("A", "B", "C", "D", "12", "24"))
            ET.SubElement(mark, "rend", rend=random.choice(("box", "circle", "none"))).text = letter
        case "bracketed accidental":  # as editors print cautionary accidentals
            if (sign := note.attrib.pop("accid", None)) is not None:
                ET.SubElement(note, "accid", accid=sign, enclose=random.choice(("paren", "paren", "brack")))
        case "lyric" if not is_grace:  # under grace notes Verovio 6.4 places them out of range, see `glyphs`
            verse = ET.SubElement(note, "verse", n="1")
            ET.SubElement(verse, "syl", con="d", wordpos="i").text = random.choice(_SYLLABLES)
        case "second verse" if not is_grace:
            verse = ET.SubElement(note, "verse", n="2")
            ET.SubElement(verse, "syl").text = random.choice(_SYLLABLES)


def _add_ending(tree: ET.Element, random: Random) -> None:
    """Add the bracket of a first or second ending over one or two measures."""
    section = tree.find(".//section")
    assert section is not None  # every tree of `mei_tree` has one
    measures = [index for index, element in enumerate(section) if element.tag == "measure"]
    first = random.choice(measures)
    last = first + random.choice((1, 1, 2))
    inside = [element for element in section[first:last] if element.tag == "measure"]
    number = random.choice(("1", "2"))
    ending = ET.Element("ending", n=number, label=f"{number}.")
    for element in inside:
        section.remove(element)
        ending.append(element)
    section.insert(first, ending)
