"""Untrusted XML: entities are refused, nothing outside is read, zip bombs are not unpacked."""

import io
import zipfile

import pytest

from focal_omr.errors import NotationError
from focal_omr.formats import safe_xml as xml_input
from focal_omr.formats.safe_xml import MAX_DEPTH, parse_xml, unzip_musicxml, xml_text


@pytest.mark.parametrize(
    "prolog",
    [
        '<!DOCTYPE a [<!ENTITY b "c">]>',
        '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE a [<!ENTITY % b SYSTEM "file:///etc/hostname"> %b;]>',
    ],
)
def test_documents_that_declare_entities_are_refused(prolog: str) -> None:
    with pytest.raises(NotationError, match="declares an entity, 'b'"):
        parse_xml(f"{prolog}<a/>")


def test_plain_doctype_is_accepted() -> None:
    assert parse_xml('<!DOCTYPE a PUBLIC "x" "http://localhost:1/x.dtd"><a/>').tag == "a"


def test_depth_is_limited() -> None:
    assert parse_xml("<a>" * MAX_DEPTH + "</a>" * MAX_DEPTH).tag == "a"
    with pytest.raises(NotationError, match=f"elements nested deeper than {MAX_DEPTH}"):
        parse_xml("<a>" * (MAX_DEPTH + 1) + "</a>" * (MAX_DEPTH + 1))


def test_encodings_by_declaration_and_byte_order_mark() -> None:
    assert xml_text('<?xml version="1.0" encoding="latin-1"?><a>\xe9</a>'.encode("latin-1")).endswith(
        "\xe9</a>"
    )
    assert "<a/>" in xml_text("<a/>".encode("utf-16"))
    with pytest.raises(NotationError, match="not XML in its encoding rot13"):
        xml_text(b'<?xml version="1.0" encoding="rot13"?><a/>')


def test_extraction_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/container.xml", '<container><rootfile full-path="a"/></container>')
        archive.writestr("a", b"<a>" + b" " * 1000)
    assert len(unzip_musicxml(out.getvalue())) == 1003
    monkeypatch.setattr(xml_input, "MAX_SCORE_BYTES", 500)
    with pytest.raises(NotationError, match="'a' in it is larger than 500 bytes"):
        unzip_musicxml(out.getvalue())
