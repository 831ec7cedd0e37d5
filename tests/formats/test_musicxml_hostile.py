"""MusicXML made to do harm: one line that names part and measure, or a result that is defined here."""

import io
import zipfile
from contextlib import suppress
from fractions import Fraction

import pytest
from musicxml_snippets import SNIPPETS, TIME, document, measure, note, rest

from focal_omr.errors import NotationError
from focal_omr.formats.musicxml_reader import read_musicxml
from focal_omr.formats.musicxml_score import write_musicxml_score
from focal_omr.score.score import Chord, Rest, Score, Slur
from focal_omr.score.validate import validate

WHOLE = note("C5", "whole")
TIES = "<tie type='{}'/>"


def _modified(actual: str) -> str:
    numbers = f"<actual-notes>{actual}</actual-notes><normal-notes>2</normal-notes>"
    return note("C5", "eighth", 4, value=f"<time-modification>{numbers}</time-modification>")


REFUSED = {
    "a chord without notes": (
        measure(note("C5", "whole", head="<chord/>")),
        "part P1, measure 1: a <chord/> without a note before it",
    ),
    "a chord of a rest": (
        measure(rest("whole") + note("C5", "whole", head="<chord/>")),
        "part P1, measure 1: a <chord/> after a rest",
    ),
    "a backup before the bar": (
        measure(note() + "<backup><duration>24</duration></backup>" + note()),
        "part P1, measure 1: a backup of 1/2 whole notes at 1/4 leads before the measure",
    ),
    "overlapping voices": (
        measure(WHOLE + "<backup><duration>24</duration></backup>" + note("D5", "half")),
        "part P1, measure 1: overlapping events: voice 1 begins one at 1/2 before the last one ends at 1",
    ),
    "10,000 voices": (
        measure("".join(note(voice=n) + "<backup><duration>12</duration></backup>" for n in range(10_000))),
        "part P1, measure 1: more than 64 voices",
    ),
    "a staff that no part can have": (
        measure(WHOLE.replace("</note>", "<staff>40</staff></note>")),
        "part P1, measure 1: staff 40 of a part with 16",
    ),
    "no divisions": (
        measure("<attributes><divisions>0</divisions></attributes>" + WHOLE),
        "part P1, measure 1: divisions of 0",
    ),
    "a time modification of 0": (
        measure(_modified("0")),
        "part P1, measure 1: a time modification with actual-notes of 0",
    ),
    "a time modification that is no number": (
        measure(_modified("1e9")),
        "part P1, measure 1: '1e9' is no number",
    ),
    "an alter of a billion": (
        measure(WHOLE.replace("</step>", "</step><alter>1000000000</alter>")),
        "part P1, measure 1: no pitch: step 'C', alter 1000000000",
    ),
    "a quarter tone": (
        measure(WHOLE.replace("</step>", "</step><alter>0.5</alter>")),
        "part P1, measure 1: no pitch: step 'C', alter 1/2",
    ),
    "a step that is none": (
        measure(WHOLE.replace("<step>C", "<step>H")),
        "part P1, measure 1: no pitch: step 'H', alter 0",
    ),
    "an octave of a million": (
        measure(WHOLE.replace("<octave>5", "<octave>1000000")),
        "part P1, measure 1: a pitch in an octave of 1000000",
    ),
    "a note without duration": (
        measure(note(ticks=0)),
        "part P1, measure 1: a note without duration that is no grace note",
    ),
    "no measures": ("", "part P1: no measures"),
    "a negative duration": (
        measure(note(ticks=-12)),
        "part P1, measure 1: a duration of -1/4 whole notes",
    ),
    "a duration of a thousand digits": (
        measure(WHOLE.replace("<duration>48", "<duration>" + "9" * 1000)),
        f"part P1, measure 1: '{'9' * 40}' is no number",
    ),
    "a key of 99 sharps": (
        measure("<attributes><key><fifths>99</fifths></key></attributes>" + WHOLE),
        "part P1, measure 1: a key signature of 99",
    ),
    "a meter of 4/0": (
        measure("<attributes><time><beats>4</beats><beat-type>0</beat-type></time></attributes>" + WHOLE),
        "part P1, measure 1: a meter of 4/0",
    ),
    "a billion staff lines": (
        measure(
            "<attributes><staff-details><staff-lines>1000000000</staff-lines></staff-details></attributes>"
        ),
        "part P1, measure 1: staff lines of 1000000000",
    ),
    "a note that lasts what no note value does": (
        measure(WHOLE.replace("<type>whole</type>", "").replace("<duration>48", "<duration>13")),
        "part P1, measure 1: a note of 13/48 whole notes without a <type>",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_part_and_measure(name: str) -> None:
    body, message = REFUSED[name]
    with pytest.raises(NotationError) as caught:
        read_musicxml(document(body, attributes="" if name == "no measures" else TIME))
    assert str(caught.value) == message


def _survives(data: str | bytes) -> Score:
    """The score, which is written and read again."""
    score = read_musicxml(data)
    assert read_musicxml(write_musicxml_score(score)) == score
    return score


def test_ids_twice_are_kept_once_and_generated_for_the_others() -> None:
    score = _survives(
        document(
            measure(note("C5", "half", attributes=" id='n1'") + note("D5", "half", attributes=" id='n1'"))
        )
    )
    assert [event.id for *_, event in score.events()] == ["n1", "P1m1v1e2"]
    assert validate(score) == []


def test_generated_ids_avoid_those_of_the_file() -> None:
    score = _survives(document(measure(note("C5", "half") + note("D5", "half", attributes=" id='P1m1v1e1'"))))
    assert [event.id for *_, event in score.events()] == ["P1m1v1e1_2", "P1m1v1e1"]


def test_ids_that_are_no_names_are_replaced() -> None:
    score = _survives(
        document(measure(note("C5", "whole", attributes=" id='1 &lt;'"))).replace("'P1'", "'1'")
    )
    assert (score.parts[0].id, next(score.events())[3].id) == ("P", "Pm1v1e1")


def test_parts_of_the_same_id_are_two() -> None:
    data = document(measure(WHOLE))
    part = data[data.index("<part id") : data.index("</score-partwise>")]
    score = _survives(data.replace(part, part + part))
    assert [p.id for p in score.parts] == ["P1", "P"]


def test_a_tie_to_nothing_is_one_without_an_end() -> None:
    score = _survives(document(measure(note("C5", "half", tie="start") + note("D5", "half", tie="stop"))))
    assert [n.tie_to for *_, e in score.events() if isinstance(e, Chord) for n in e.notes] == ["", None]


def test_slurs_and_lines_without_the_other_end() -> None:
    slurs = "".join(f"<slur type='stop' number='{n}'/>" for n in range(1, 17))
    line = "<direction><direction-type><wedge type='stop'/></direction-type></direction>"
    score = _survives(document(measure(note("C5", "whole", notations=slurs) + line)))
    assert score.parts[0].spanners == (Slur(None, "P1m1v1e1"),) * 16


def test_a_voice_that_is_only_forwards_is_space() -> None:
    score = _survives(document(measure("<forward><duration>999999999999</duration></forward>")))
    assert score.parts[0].measures[0].length == Fraction(999_999_999_999, 48)


def test_names_that_the_schema_does_not_know_are_left_out(schema: object) -> None:
    from lxml import etree

    score = _survives(
        document(
            measure(
                note(
                    "C5",
                    "whole",
                    value="<accidental>what</accidental><stem>left</stem><notehead>star</notehead>",
                    notations="<articulations><loud/></articulations><ornaments><curl/></ornaments>"
                    "<technical><bend/></technical><fermata>round</fermata>",
                )
                + "<barline location='right'><bar-style>pink</bar-style></barline>"
            )
        )
    )
    assert isinstance(schema, etree.XMLSchema)
    schema.assertValid(etree.fromstring(write_musicxml_score(score).encode()))


def test_a_thousand_open_slurs_are_written() -> None:
    """More than the sixteen numbers that MusicXML has."""
    starts = "".join("<slur type='start' number='1'/>" for _ in range(1000))
    score = read_musicxml(document(measure(note("C5", "whole", notations=starts))))
    assert "<slur" in write_musicxml_score(score)


def test_many_backups_take_no_time() -> None:
    body = "".join(
        f"<forward><duration>{n}</duration></forward><backup><duration>{n}</duration></backup>"
        for n in range(1, 5_000)
    )
    assert read_musicxml(document(measure(body))).parts[0].measures[0].voices


def test_rests_of_the_measure_after_something_else_are_no_such_rests() -> None:
    whole = "<note><rest measure='yes'/><duration>24</duration><voice>1</voice></note>"
    score = _survives(document(measure(note("C5", "half") + whole)))
    last = [event for *_, event in score.events()][-1]
    assert isinstance(last, Rest)
    assert (last.measure, last.duration.value) == (False, Fraction(1, 2))


def _zip(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


CONTAINER = b"<container><rootfiles><rootfile full-path='a.xml'/></rootfiles></container>"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"META-INF/container.xml": CONTAINER, "a.xml": b" " * 100_000_001}, "larger than 100,000,000 bytes"),
        ({"a.xml": b""}, "container"),
        ({"META-INF/container.xml": b"<container/>"}, "names no file"),
        ({"META-INF/container.xml": CONTAINER}, "a.xml"),
    ],
)
def test_zip_bombs_and_other_archives_are_refused(files: dict[str, bytes], message: str) -> None:
    with pytest.raises(NotationError, match=message):
        read_musicxml(_zip(files))


def test_snippets_with_any_element_left_out_are_read_or_refused() -> None:
    """Every element of the snippets once: nothing else than a NotationError comes out."""
    from lxml import etree

    for name in ("nested tuplets", "endings", "tempo", "chord symbols", "figured bass", "meters", "lyrics"):
        root = etree.fromstring(SNIPPETS[name].encode())
        for element in [*root.iter()][1:]:
            parent = element.getparent()
            place = parent.index(element)
            parent.remove(element)
            with suppress(NotationError):
                write_musicxml_score(read_musicxml(etree.tostring(root)))
            parent.insert(place, element)
