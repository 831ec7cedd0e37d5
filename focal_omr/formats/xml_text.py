"""XML elements as indented text, several times faster than `ET.indent` and `ET.tostring`."""

from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

__all__ = ["write_elements"]

_NAMES = {"{http://www.w3.org/XML/1998/namespace}id": "xml:id"}


def write_elements(root: ET.Element, head: str, indent: str) -> str:
    """A document whose elements hold others, text, or text around others.

    Args:
        root: The outermost element; its tags are written as they are.
        head: What stands before it.
        indent: Blanks by which each level is indented.
    """
    out = [head]
    _serialize(root, "\n", indent, out)
    out.append("\n")
    return "".join(out)


def _serialize(element: ET.Element, line: str, indent: str, out: list[str]) -> None:
    """Appends an element; `line` is a line break and the blanks after it."""
    tag, attributes = element.tag, ""
    if element.attrib:
        pairs = element.attrib.items()
        quoted = [(name, f'"{value}"' if value.isalnum() else quoteattr(value)) for name, value in pairs]
        attributes = "".join([f" {_NAMES.get(name, name)}={value}" for name, value in quoted])
    if len(element) and (element.text or element[0].tail):  # text around other elements stays on its line
        out.append(ET.tostring(element, encoding="unicode"))
    elif len(element):
        out.append(f"<{tag}{attributes}>")
        deeper = line + indent
        for child in element:
            out.append(deeper)
            _serialize(child, deeper, indent, out)
        out.append(f"{line}</{tag}>")
    elif element.text:
        text = element.text if element.text.isalnum() else escape(element.text)
        out.append(f"<{tag}{attributes}>{text}</{tag}>")
    else:
        out.append(f"<{tag}{attributes}/>")
