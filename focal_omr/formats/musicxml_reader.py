"""MusicXML reader: a partwise or timewise document becomes a `Score` with everything the records can hold.

Source: MusicXML 4.0, W3C Community Group final report.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast
from xml.etree import ElementTree as ET

from focal_omr.errors import NotationError
from focal_omr.formats.musicxml_elements import squeezed, text_of
from focal_omr.formats.musicxml_measure import MeasureReader
from focal_omr.formats.musicxml_part import IdPool, PartState
from focal_omr.formats.safe_xml import parse_xml, unzip_musicxml
from focal_omr.score.score import Chord, Event, Measure, Part, PartGroup, Score

__all__ = ["read_musicxml"]

_MAX_STAVES = 16  # of one part; an organ has 3, a condensed score 5


def read_musicxml(data: str | bytes) -> Score:
    """The score of a MusicXML document.

    Ids of parts, measures and notes are kept where they are valid and were not used before; the others are
    generated. Durations that were rounded to divisions are made exact again by the note values and tuplets
    printed. Notes that are not printed are left out, and their time is a space.

    Args:
        data: The document, as text or in its declared encoding, or a zipped one (`.mxl`).

    Raises:
        NotationError: It is no MusicXML, or its voices cannot be laid in time: what, in which part and
            measure.
    """
    if isinstance(data, bytes) and data.startswith(b"PK\x03\x04"):
        data = unzip_musicxml(data)
    root = parse_xml(data)
    if root.tag == "score-timewise":
        root = _partwise(root)
    if root.tag != "score-partwise":
        raise NotationError(f"not a MusicXML score: its root is <{root.tag}>, needed is <score-partwise>")
    ids = IdPool(root)
    heads = {element.get("id"): element for element in root.iterfind("part-list/score-part")}
    parts: dict[str, Part] = {}  # by the id in the document; the first one of several
    read: list[Part] = []
    for element in root.iterfind("part"):
        read.append(_part(element, heads.get(element.get("id")), ids))
        parts.setdefault(element.get("id", ""), read[-1])
    if not read:
        raise NotationError("a MusicXML score without parts")
    credit = {e.get("type", ""): text_of(e) for e in root.iterfind("identification/creator")}
    titles = (squeezed(root.findtext(path)) for path in ("work/work-title", "movement-title"))
    title, *others = dict.fromkeys(text for text in titles if text) or [""]
    return Score(
        parts=tuple(read),
        groups=tuple(_groups(root, {id_: part.id for id_, part in parts.items()})),
        title=title,
        subtitle=others[0] if others else "",
        composer=credit.get("composer", ""),
        lyricist=credit.get("lyricist", credit.get("poet", "")),
        copyright=squeezed(root.findtext("identification/rights")),
    )


def _partwise(root: ET.Element) -> ET.Element:
    """A timewise document turned into a partwise one."""
    out = ET.Element("score-partwise")
    out.extend(child for child in root if child.tag != "measure")
    parts: dict[str, ET.Element] = {}
    for measure in root.iterfind("measure"):
        for part in measure.iterfind("part"):
            id_ = part.get("id", "")
            if id_ not in parts:
                parts[id_] = ET.SubElement(out, "part", id=id_)
            ET.SubElement(parts[id_], "measure", measure.attrib).extend(part)
    return out


def _groups(root: ET.Element, ids: dict[str, str]) -> Iterator[PartGroup]:
    """Groups of the parts in `ids` (ids in the document to ids in the score), the outer ones first."""
    open_: dict[str, tuple[ET.Element, list[str]]] = {}
    order: dict[str, int] = {}
    found: list[tuple[ET.Element, list[str]]] = []
    for element in root.iterfind("part-list/*"):
        number = element.get("number", "1")
        if element.tag == "score-part" and (id_ := element.get("id", "")) in ids:
            order.setdefault(ids[id_], len(order))
            for _, members in open_.values():
                members.append(ids[id_])
        elif element.tag == "part-group" and element.get("type") == "start":
            open_[number] = (element, [])
            found.append(open_[number])
        elif element.tag == "part-group":
            open_.pop(number, None)
    grouped = [(head, members) for head, members in found if members]
    for head, members in sorted(grouped, key=lambda g: (order[g[1][0]], -order[g[1][-1]])):
        symbol = squeezed(head.findtext("group-symbol"))
        yield PartGroup(
            members[0],
            members[-1],
            cast("Any", symbol if symbol in ("brace", "bracket", "line", "square") else None),
            barlines=squeezed(head.findtext("group-barline")) != "no",
            name=squeezed(head.findtext("group-name")),
        )


def _part(element: ET.Element, head: ET.Element | None, ids: IdPool) -> Part:
    """One part; `head` is its entry in the part list."""
    numbers = [squeezed(e.text) for tag in ("staves", "staff") for e in element.iter(tag)]
    staves = max([1, *(int(number) for number in numbers if number.isdecimal() and len(number) < 9)])
    state = PartState(ids.keep(element.get("id"), "P"), ids, min(staves, _MAX_STAVES))
    measures: list[Measure] = []
    for index, child in enumerate(element.iterfind("measure")):
        try:
            measures.append(MeasureReader(state, child, index).read(index))
        except NotationError as error:
            number = squeezed(child.get("number"))[:40] or str(index + 1)
            raise NotationError(f"part {state.id}, measure {number}: {error}") from None
    if not measures:
        raise NotationError(f"part {state.id}: no measures")
    ends = state.spanners.tied_notes()
    return Part(
        id=state.id,
        measures=tuple(_tied(measure, ends) for measure in measures) if ends else tuple(measures),
        staves=state.staves,
        name="" if head is None else squeezed(head.findtext("part-name")),
        abbreviation="" if head is None else squeezed(head.findtext("part-abbreviation")),
        spanners=tuple(state.spanners.end_part(measures)),
    )


def _tied(measure: Measure, ends: dict[str, str]) -> Measure:
    """The measure with each tie led to its note (`ends`: ids of notes)."""

    def tied(event: Event) -> Event:
        if not isinstance(event, Chord) or not any(note.id in ends for note in event.notes):
            return event
        notes = tuple(replace(n, tie_to=ends[n.id]) if n.id in ends else n for n in event.notes)
        return replace(event, notes=notes)

    voices = (replace(voice, events=tuple(map(tied, voice.events))) for voice in measure.voices)
    return replace(measure, voices=tuple(voices))
