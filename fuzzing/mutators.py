"""Structure-aware mutators: tokens, lines, trees, archives, chunks.

A mutator maps bytes and a random generator to bytes. Unstructured mutations are left to libFuzzer, see
`child`.
"""

import io
import json
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from copy import deepcopy
from random import Random
from typing import Any
from xml.etree import ElementTree as ET

from fuzzing.values import NUMBERS, PROLOGS, odd_text

Mutator = Callable[[bytes, Random], bytes]

_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
_PNG = b"\x89PNG\r\n\x1a\n"


def mutate_list(items: list[Any], random: Random, new: Callable[[], Any]) -> list[Any]:
    """Delete, repeat, copy, move, replace or insert items of a list.

    Args:
        items: The list, which stays unchanged.
        random: Random generator.
        new: Makes a new item.
    """
    place = random.randrange(len(items) + 1)
    match random.randrange(6):
        case 0:
            return items[:place] + items[place + 1 :]
        case 1 if items:
            length = random.choice((1, 1, 2, 8, 100))
            return (
                items[:place] + items[place : place + length] * random.choice((2, 2, 3, 40)) + items[place:]
            )
        case 2 if items:
            other = random.randrange(len(items))
            items = list(items)
            items.insert(place, items[other])
            return items
        case 3 if items:
            start = random.randrange(len(items))
            block, rest = items[start : start + 4], items[:start] + items[start + 4 :]
            return rest[:place] + block + rest[place:]
        case 4 if place < len(items):
            return [*items[:place], new(), *items[place + 1 :]]
    return [*items[:place], new(), *items[place:]]


def tokens(alphabet: Sequence[str]) -> Mutator:
    """Mutator of labels: tokens of an alphabet, some with another number in them."""

    def mutate(data: bytes, random: Random) -> bytes:
        words = data.decode("utf-8", "replace").split()[:4000]

        def new() -> str:
            word = random.choice(alphabet)
            if random.random() < 0.2:
                word = re.sub(r"\d+", lambda _: random.choice(NUMBERS), word, count=1)
            return word

        for _ in range(random.choice((1, 1, 2, 5))):
            words = mutate_list(words, random, new)
        return "\t".join(words).encode("utf-8", "replace")

    return mutate


def lines(pool: Sequence[str], separator: str) -> Mutator:
    """Mutator of line-based texts: lines, their fields, and numbers."""

    def mutate(data: bytes, random: Random) -> bytes:
        rows = data.decode("utf-8", "replace").split("\n")[:3000]
        for _ in range(random.choice((1, 1, 2, 5))):
            if random.random() < 0.5 or not rows:
                rows = mutate_list(rows, random, lambda: random.choice(pool))
                continue
            at = random.randrange(len(rows))
            fields = rows[at].split(separator)
            rows[at] = separator.join(mutate_list(fields, random, lambda: _field(random, pool, separator)))
        text = "\n".join(rows).encode("utf-8", "replace")
        return numbers(text, random) if random.random() < 0.2 else text

    return mutate


def _field(random: Random, pool: Sequence[str], separator: str) -> str:
    return odd_text(random) if random.random() < 0.4 else random.choice(random.choice(pool).split(separator))


def numbers(data: bytes, random: Random) -> bytes:
    """Replace one decimal number."""
    found = list(_NUMBER.finditer(data))
    if not found:
        return data
    match = random.choice(found)
    return data[: match.start()] + random.choice(NUMBERS).encode() + data[match.end() :]


def xml(data: bytes, random: Random) -> bytes:
    """Mutate the elements, attributes and texts of XML; sometimes add a prolog with entities."""
    try:
        root = ET.fromstring(data)
    except (ET.ParseError, ValueError, LookupError):
        return numbers(data, random)
    for _ in range(random.choice((1, 1, 2, 4))):
        _mutate_element(root, random)
    text = ET.tostring(root, encoding="utf-8")
    if random.random() < 0.08:
        text = _with_prolog(text, random)
    return text


def _mutate_element(root: ET.Element, random: Random) -> None:
    elements = list(root.iter())
    element, other = random.choice(elements), random.choice(elements)
    match random.randrange(9):
        case 0 if len(element):
            del element[random.randrange(len(element))]
        case 1 if len(element):
            child = element[random.randrange(len(element))]
            for _ in range(random.choice((1, 1, 3, 30))):
                element.insert(random.randrange(len(element) + 1), deepcopy(child))
        case 2 if element is not root and not any(each is element for each in other.iter()):
            other.insert(random.randrange(len(other) + 1), deepcopy(element))
        case 3 if element.attrib:
            element.set(random.choice(list(element.attrib)), _plain(odd_text(random)))
        case 4:
            element.attrib.update(other.attrib)
        case 5:
            element.text = _plain(odd_text(random))
        case 6:
            element.text = other.text
        case 7 if element is not root:
            element.tag = other.tag
        case 8:
            for _ in range(random.choice((1, 5, 300))):
                element = ET.SubElement(element, other.tag, other.attrib)
        case _:
            for name in list(element.attrib)[: random.choice((1, 9))]:
                del element.attrib[name]


def _plain(text: str) -> str:
    """Remove the characters that XML cannot represent."""
    return "".join(c for c in text if c in "\t\n" or c >= " ")


def _with_prolog(text: bytes, random: Random) -> bytes:
    text = text.partition(b"?>")[2].lstrip() if text.startswith(b"<?xml") else text
    if random.random() < 0.7:
        text = text.replace(b"</", b"&e;</", 1)
    return random.choice(PROLOGS).encode() + text


def json_values(data: bytes, random: Random) -> bytes:
    """Mutate the values, keys and nesting of JSON."""
    try:
        root = [json.loads(data)]
    except (ValueError, RecursionError):
        return numbers(data, random)
    for _ in range(random.choice((1, 1, 2, 4))):
        _mutate_value(root, random)
    return json.dumps(root[0]).encode()


def _mutate_value(root: list[Any], random: Random) -> None:
    """Mutate one value, found by a random walk from the root."""
    holder: Any = root
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            return
        key = random.choice(keys)
        if isinstance(holder[key], dict | list) and holder[key] and random.random() < 0.8:
            holder = holder[key]
            continue
        break
    if isinstance(holder, dict) and random.random() < 0.3:
        if random.random() < 0.5:
            del holder[key]
        else:
            holder[odd_text(random)] = holder[key]
        return
    odd: tuple[Any, ...] = (
        None,
        True,
        -1,
        0,
        1e308,
        float("nan"),
        float("inf"),
        10**30,
        "",
        "x",
        [],
        {},
        [[]],
    )
    nested: Any = holder[key]
    for _ in range(random.choice((1, 3, 100))):
        nested = [nested]
    holder[key] = random.choice((*odd, odd_text(random), nested))


def json_lines(data: bytes, random: Random) -> bytes:
    """Mutate one line of JSON Lines, as `json_values`."""
    rows = data.split(b"\n")
    at = random.randrange(len(rows))
    return b"\n".join((*rows[:at], json_values(rows[at], random), *rows[at + 1 :]))


def one_of(*mutators: Mutator) -> Mutator:
    """Mutator that picks one of several at random."""
    return lambda data, random: random.choice(mutators)(data, random)


def zipped(inner: Mutator, names: Sequence[str] = ()) -> Mutator:
    """Mutator of zip archives: content by `inner`, names, number of files; the bytes of a broken archive."""

    def mutate(data: bytes, random: Random) -> bytes:
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                files = [(info.filename, archive.read(info)) for info in archive.infolist()]
        except Exception:  # a broken archive may raise anything
            return binary(data, random)
        if not files:
            return binary(data, random)
        at = random.randrange(len(files))
        name, content = files[at]
        match random.randrange(8):
            case 0:
                files[at] = (random.choice((*names, "../" + name, "/" + name, name + "/", "")), content)
            case 1:
                files.append(files[at])
            case 2:
                del files[at]
            case _:
                files[at] = (name, inner(content, random))
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
            for name, content in files:
                archive.writestr(zipfile.ZipInfo(name or "x"), content)
        return binary(out.getvalue(), random) if random.random() < 0.2 else out.getvalue()

    return mutate


def tarred(inner: Mutator) -> Mutator:
    """Mutator of tar archives: content by `inner`, names, types, number of files."""

    def mutate(data: bytes, random: Random) -> bytes:
        try:
            with tarfile.open(fileobj=io.BytesIO(data)) as tar:
                files = [(m, tar.extractfile(m).read() if m.isreg() else b"") for m in tar]  # type: ignore[union-attr]
        except Exception:  # a broken archive may raise anything
            return binary(data, random)
        if not files:
            return binary(data, random)
        at = random.randrange(len(files))
        member, content = files[at]
        match random.randrange(8):
            case 0:
                member.name = random.choice(("../" + member.name, "/" + member.name, "", member.name + "\n"))
            case 1:
                member.type = random.choice(
                    (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE)
                )
                member.linkname = random.choice((member.name, "/etc/passwd", "x"))
            case 2:
                files.append(files[at])
            case 3:
                del files[at]
            case _:
                files[at] = (member, inner(content, random))
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", errors="replace") as tar:
            for member, content in files:
                member.size = len(content) if member.isreg() else 0
                tar.addfile(member, io.BytesIO(content))
        return binary(out.getvalue(), random) if random.random() < 0.2 else out.getvalue()

    return mutate


def binary(data: bytes, random: Random) -> bytes:
    """Mutate integers of 1, 2, 4 and 8 bytes, and delete or repeat blocks."""
    if len(data) < 8:
        return data + random.randbytes(8)
    out = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 4))):
        if not out:
            break
        at = random.randrange(min(len(out), 400)) if random.random() < 0.6 else random.randrange(len(out))
        match random.randrange(6):
            case 0:
                size = random.choice((1, 4, 12, 100))
                del out[at : at + size]
            case 1:
                out[at:at] = out[at : at + random.choice((1, 12, 100))]
            case _:
                form = random.choice(("<B", "<H", ">H", "<I", ">I", "<Q", ">Q"))
                limit = 1 << 8 * struct.calcsize(form)
                value = random.choice(
                    (0, 1, 2, 3, 4, 5, 8, 255, 256, 274, limit - 1, limit // 2, at, len(out))
                )
                if random.random() < 0.3:
                    value = random.randrange(limit)
                out[at : at + struct.calcsize(form)] = struct.pack(form, value % limit)
    return bytes(out)


def picture(data: bytes, random: Random) -> bytes:
    """Mutate an image as a binary file; in most PNGs, correct the checksums of the chunks afterwards."""
    out = binary(data, random)
    return _fix_checksums(out) if out.startswith(_PNG) and random.random() < 0.9 else out


def _fix_checksums(data: bytes) -> bytes:
    out, at = bytearray(data), len(_PNG)
    while at + 12 <= len(out):
        end = at + 8 + int.from_bytes(out[at : at + 4], "big")
        if end + 4 > len(out):
            break
        out[end : end + 4] = zlib.crc32(out[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(out)


def pdf(data: bytes, random: Random) -> bytes:
    """Mutate the numbers, names, references and delimiters of a PDF."""
    if random.random() < 0.4:
        return numbers(data, random)
    if random.random() < 0.3:
        return binary(data, random)
    names = re.findall(rb"/[A-Za-z]+|\d+ \d+ R|<<|>>|\[|\]|endobj|endstream", data)
    found = list(re.finditer(rb"/[A-Za-z]+|\d+ \d+ R|<<|>>|\[|\]|endobj|endstream", data))
    if not found:
        return binary(data, random)
    match = random.choice(found)
    return data[: match.start()] + random.choice((*names, b"")) + data[match.end() :]
