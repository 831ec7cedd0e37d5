"""What stands around notes on real pages and is not transcribed, put into the MEI before it is engraved.

Lyrics, dynamics, slurs, fingering, text, ornaments, numbers and marks: a network has to learn to read past
all of it, so it has to see it.
"""

from collections.abc import Callable, Sequence
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


_Decoration = Callable[[ET.Element, ET.Element, Sequence[ET.Element], Random], None]


def _control(
    measure: ET.Element, note: ET.Element, name: str, text: str | None = None, **attributes: str
) -> ET.Element:
    element = ET.SubElement(measure, name, {"startid": f"#{note.get('xml:id')}", **attributes})
    element.text = text
    return element


def _dynamic(measure: ET.Element, note: ET.Element, notes: Sequence[ET.Element], random: Random) -> None:
    _control(
        measure, note, "dynam", random.choice(_DYNAMICS), place=random.choice(("below", "below", "above"))
    )


def _text(measure: ET.Element, note: ET.Element, notes: Sequence[ET.Element], random: Random) -> None:
    _control(measure, note, "dir", random.choice(_TEXTS), place=random.choice(("below", "above")))


def _tempo(measure: ET.Element, note: ET.Element, notes: Sequence[ET.Element], random: Random) -> None:
    _control(measure, note, "tempo", random.choice(_TEMPI), place="above")


def _chord_name(measure: ET.Element, note: ET.Element, notes: Sequence[ET.Element], random: Random) -> None:
    _control(measure, note, "harm", random.choice(_CHORDS), place="above")


def _finger(measure: ET.Element, note: ET.Element, notes: Sequence[ET.Element], random: Random) -> None:
    _control(measure, note, "fing", str(random.randint(0, 5)), place="above")


def _ornament(measure: ET.Element, note: ET.Element, notes: Sequence[ET.Element], random: Random) -> None:
    _control(measure, note, random.choice(("trill", "trill", "mordent", "turn")), place="above")


def _slur(measure: ET.Element, note: ET.Element, notes: Sequence[ET.Element], random: Random) -> None:
    later = notes[list(notes).index(note) + 1 :][: random.choice((1, 1, 2, 3, 6))]
    if later:
        _control(measure, note, "slur", endid=f"#{later[-1].get('xml:id')}")


def _hairpin(measure: ET.Element, note: ET.Element, notes: Sequence[ET.Element], random: Random) -> None:
    later = notes[list(notes).index(note) + 1 :][:4]
    if later:
        form = random.choice(("cres", "dim"))
        _control(measure, note, "hairpin", form=form, endid=f"#{later[-1].get('xml:id')}", place="below")


def _articulation(measure: ET.Element, note: ET.Element, notes: Sequence[ET.Element], random: Random) -> None:
    if note.get("grace") is None:
        note.set("artic", random.choice(_ARTICULATIONS))


def _breath(measure: ET.Element, note: ET.Element, notes: Sequence[ET.Element], random: Random) -> None:
    _control(measure, note, random.choice(("breath", "caesura")))


def _repeat_mark(measure: ET.Element, note: ET.Element, notes: Sequence[ET.Element], random: Random) -> None:
    _control(measure, note, "repeatMark", func=random.choice(_MARKS), place="above")


def _rehearsal(measure: ET.Element, note: ET.Element, notes: Sequence[ET.Element], random: Random) -> None:
    mark = ET.SubElement(measure, "reh", startid=f"#{note.get('xml:id')}", place="above")
    letter = random.choice(("A", "B", "C", "D", "12", "24"))
    ET.SubElement(mark, "rend", rend=random.choice(("box", "circle", "none"))).text = letter


def _bracket(measure: ET.Element, note: ET.Element, notes: Sequence[ET.Element], random: Random) -> None:
    """An accidental in parentheses, as editors print reminders."""
    if (sign := note.attrib.pop("accid", None)) is not None:
        ET.SubElement(note, "accid", accid=sign, enclose=random.choice(("paren", "paren", "brack")))


def _lyric(measure: ET.Element, note: ET.Element, notes: Sequence[ET.Element], random: Random) -> None:
    if note.get("grace") is None:  # under grace notes Verovio 6.4 puts them out of range, see `glyphs`
        verse = ET.SubElement(note, "verse", n="1")
        ET.SubElement(verse, "syl", con="d", wordpos="i").text = random.choice(_SYLLABLES)


def _second_verse(measure: ET.Element, note: ET.Element, notes: Sequence[ET.Element], random: Random) -> None:
    if note.get("grace") is None:
        verse = ET.SubElement(note, "verse", n="2")
        ET.SubElement(verse, "syl").text = random.choice(_SYLLABLES)


def _draw_furniture(random: Random, amount: float) -> dict[_Decoration, float]:
    """Which decorations one staff has, and each one's chance at a note; most staves have few kinds."""
    usual: dict[_Decoration, tuple[float, float]] = {
        _dynamic: (0.2, 0.1),
        _text: (0.12, 0.05),
        _tempo: (0.1, 0.04),
        _chord_name: (0.05, 0.3),
        _finger: (0.06, 0.5),
        _ornament: (0.12, 0.12),
        _slur: (0.35, 0.25),
        _hairpin: (0.12, 0.08),
        _articulation: (0.25, 0.4),
        _lyric: (0.15, 0.9),
        _second_verse: (0.05, 0.9),
        _breath: (0.06, 0.08),
        _repeat_mark: (0.05, 0.04),
        _rehearsal: (0.07, 0.04),
        _bracket: (0.04, 0.7),
    }
    return {kind: chance for kind, (share, chance) in usual.items() if random.random() < share * amount}


def decorate(tree: ET.Element, random: Random, *, amount: float) -> None:
    """Add to an MEI tree of one part what stands around notes and is not transcribed.

    Args:
        tree: From `mei_tree`; changed in place.
        random: Source of all chance.
        amount: 0 nothing, 1 as much as pages usually have.
    """
    furniture = _draw_furniture(random, amount)
    for measure in tree.iter("measure"):
        notes = list(measure.iter("note"))
        for add, chance in furniture.items():
            for note in notes:
                if random.random() < chance:
                    add(measure, note, notes, random)
    for likely, change in ((0.15, _name), (0.06, _ending), (0.04, _one_way_stems)):
        if random.random() < likely * amount:
            change(tree, random)


def _name(tree: ET.Element, random: Random) -> None:
    """An instrument's name or a tune's number before the staff."""
    label = ET.Element("label")
    label.text = random.choice(_NAMES)
    definition = tree.find(".//staffDef")
    assert definition is not None  # every tree of `mei_tree` has one
    definition.insert(0, label)


def _ending(tree: ET.Element, random: Random) -> None:
    """A first or second ending's bracket over a bar or two."""
    section = tree.find(".//section")
    assert section is not None
    places = [index for index, element in enumerate(section) if element.tag == "measure"]
    first = random.choice(places)
    last = first + random.choice((1, 1, 2))
    inside = [element for element in section[first:last] if element.tag == "measure"]
    number = random.choice(("1", "2"))
    ending = ET.Element("ending", n=number, label=f"{number}.")
    for element in inside:
        section.remove(element)
        ending.append(element)
    section.insert(first, ending)


def _one_way_stems(tree: ET.Element, random: Random) -> None:
    """All stems up, or all down, as where a second voice rests."""
    direction = random.choice(("up", "down"))
    for note in tree.iter("note"):
        note.set("stem.dir", direction)
