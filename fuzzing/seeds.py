"""Seed inputs: small valid files of every kind, from the examples and written by hand."""

import io
import json
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import cv2
import numpy as np

from focal_omr.encodings.agnostic import write_agnostic
from focal_omr.encodings.one_voice import to_score
from focal_omr.encodings.semantic import read_semantic
from focal_omr.formats.abc import write_abc
from focal_omr.formats.kern import write_kern
from focal_omr.formats.mei_writer import write_mei
from focal_omr.formats.registry import write_score
from focal_omr.score.records import Score

ROOT = Path(__file__).parent.parent
CONTAINER = (
    '<container><rootfiles><rootfile full-path="a.musicxml"/><rootfile full-path="b.pdf" media-type="x"/>'
    "</rootfiles></container>"
)


def good(suffix: str) -> list[bytes]:
    """Read the files of `good/` with a suffix."""
    return [path.read_bytes() for path in sorted((ROOT / "fuzzing" / "good").glob(f"*{suffix}"))]


def semantic() -> list[bytes]:
    return good(".semantic")


def scores() -> list[Score]:
    """Scores of the labels and of the shortest example."""
    labels = [*semantic(), (ROOT / "examples/ode-to-joy/ode-to-joy.semantic").read_bytes()]
    return [read_semantic(label.decode()) for label in labels]


def agnostic() -> list[bytes]:
    return [write_agnostic(score).encode() for score in (scores()[0], scores()[2], scores()[3])] + good(
        ".agnostic"
    )


def mei() -> list[bytes]:
    return [write_mei(score).encode() for score in scores()] + good(".mei")


def musicxml() -> list[bytes]:
    return [write_score(to_score(score), "musicxml").data for score in scores()] + good(".musicxml")


def kern() -> list[bytes]:
    return [*good(".krn"), write_kern(scores()[0]).encode()]


def abc() -> list[bytes]:
    return [*good(".abc"), write_abc(scores()[0]).encode()]


def pae() -> list[bytes]:
    return good(".pae")


def mxl() -> list[bytes]:
    return [zip_of({"META-INF/container.xml": CONTAINER.encode(), "a.musicxml": each}) for each in musicxml()]


def zip_of(files: Mapping[str, bytes]) -> bytes:
    """Make a zip archive with constant timestamps."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def tar_of(files: Mapping[str, bytes]) -> bytes:
    """Make a tar archive."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def staff_picture(height: int = 60, width: int = 120) -> np.ndarray:
    """Draw five lines and a few note-like blots, (H, W)."""
    gray = np.full((height, width), 255, np.uint8)
    gray[18:39:5] = 0
    for x in range(20, width - 10, 22):
        cv2.ellipse(gray, (x, 28), (4, 3), 0, 0, 360, 0, -1)
        gray[8:28, x + 4] = 0
    return gray


def pictures() -> list[bytes]:
    """A staff in every supported image format, with transparency, 16 bits, floats and several pages."""
    gray = staff_picture()
    colour = cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR)
    clear = cv2.cvtColor(gray, cv2.COLOR_GRAY2BGRA)
    deep = gray.astype(np.uint16) * 257
    made = [(".png", gray), (".png", clear), (".png", deep), (".jpg", gray), (".jpg", colour), (".bmp", gray)]
    made += [(".webp", colour), (".webp", clear), (".tiff", gray), (".tiff", deep), (".gif", colour)]
    made += [(".tiff", gray.astype(np.float32) / 255)]
    found = [cv2.imencode(suffix, picture)[1].tobytes() for suffix, picture in made]
    found.append(cv2.imencodemulti(".tiff", [gray, gray[::2, ::2], colour])[1].tobytes())
    return [*found, _with_exif(found[3])]


def _with_exif(jpeg: bytes) -> bytes:
    exif = (
        b"Exif\0\0MM\0*\0\0\0\x08\0\x02\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\x01\x1a\0\x05\0\0\0\x01\0\0\0\x28"
        + bytes(30)
    )
    return jpeg[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + jpeg[2:]


def pdfs() -> list[bytes]:
    """PDFs with strokes and text, with a scan and hidden text, and with a form on a rotated page."""
    lines = b"".join(b"%d %d m %d %d l S\n" % (10, 40 + 6 * k, 190, 40 + 6 * k) for k in range(5))
    words = b"BT /F1 12 Tf 20 90 Td (A tune) Tj ET\n"
    hidden = b"BT 3 Tr /F1 12 Tf 20 90 Td (hidden) Tj ET\n"
    gray = staff_picture(24, 40)
    scan = (
        b"<< /Type /XObject /Subtype /Image /Width 40 /Height 24 /ColorSpace /DeviceGray /BitsPerComponent 8"
    )
    image = b"%s /Length %d >>\nstream\n%s\nendstream" % (scan, gray.size, gray.tobytes())
    form = (
        b"<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Length 14 >>\nstream\n0 0 9 9 re f  \nendstream"
    )
    draw = b"q 200 0 0 100 0 0 cm /I Do Q\n"
    return [
        _pdf([lines + words, words]),
        _pdf([draw + hidden], b"<< /XObject << /I 6 0 R >> /Font << /F1 5 0 R >> >>", image),
        _pdf([lines + b"/I Do\n"], b"<< /XObject << /I 6 0 R >> >>", form, b"/Rotate 90 /UserUnit 2"),
    ]


def _pdf(pages: list[bytes], resources: bytes = b"", more: bytes = b"null", keys: bytes = b"") -> bytes:
    resources = resources or b"<< /Font << /F1 5 0 R >> >>"
    kids = b" ".join(b"%d 0 R" % (7 + 2 * k) for k in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d /MediaBox [0 0 200 100] >>" % (kids, len(pages)),
        b"<< /Title (A title) >>",
        b"<< >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        more,
    ]
    for k, content in enumerate(pages):
        page = (resources, b"%d 0 R" % (8 + 2 * k), keys)
        objects.append(b"<< /Type /Page /Parent 2 0 R /Resources %s /Contents %s %s >>" % page)
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
    out, places = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    tail = b"trailer << /Root 1 0 R /Info 3 0 R /Size %d >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(out))
    return out + b"xref\n0 %d\n0000000000 65535 f \n" % size + table + tail


def shard_files() -> dict[str, bytes]:
    """Files of a shard with two staff images."""
    png = cv2.imencode(".png", staff_picture(140, 200))[1].tobytes()
    label = b"clef-G2\tnote-C4_quarter\tbarline"
    places = json.dumps({"x": [3.0, None, 90], "accidental_x": [None, 20.5, None]}).encode()
    files: dict[str, bytes] = {}
    for name in ("a-1", "a-2"):
        files |= {f"{name}.png": png, f"{name}.semantic": label, f"{name}.json": places}
    return files


def shards() -> list[bytes]:
    return [tar_of(shard_files())]


def shard_indices() -> list[bytes]:
    """The index of `shards()`."""
    with tarfile.open(fileobj=io.BytesIO(shards()[0])) as tar:
        members = [member for member in tar if member.name.endswith(".png")]
    staves = [
        {
            **{
                "id": m.name[:-4],
                "width": 200,
                "semantic": "clef-G2\tnote-C4_quarter\tbarline",
                "size": m.size,
            },
            **{"x": [3.0, None, 90], "accidental_x": [None, None, None], "offset": m.offset_data},
        }
        for m in members
    ]
    return [json.dumps({"format": 1, "bytes": len(shards()[0]), "plates": staves}).encode()]


def primus() -> list[bytes]:
    """An archive in PrIMuS layout with two samples."""
    png = cv2.imencode(".png", staff_picture())[1].tobytes()
    files: dict[str, bytes] = {}
    for name in ("000051650-1_1_1", "200000000-1_2_1"):
        own = {".png": png, ".semantic": semantic()[2], ".agnostic": b"clef.G-L2 note.quarter-L1"}
        own |= {"_distorted.jpg": cv2.imencode(".jpg", staff_picture())[1].tobytes(), ".mei": mei()[2]}
        files |= {f"set/{name}/{name}{ending}": content for ending, content in own.items()}
    return [tar_of(files)]


def tunes() -> list[bytes]:
    """A zip archive of tunes."""
    return [zip_of({"a/b.krn": kern()[1], "c.abc": abc()[0] + b"\n" + abc()[1], "d.mxl": mxl()[0]})]


def indices() -> list[bytes]:
    head = "id,source,root,picture,distorted,width,height,symbols,semantic,agnostic,mei,pae\n"
    row = "000051650-1_1_1,000051650,.,p/a.png,,120,60,2,clef-G2 note-C4_quarter,clef.G-L2,1,0\n"
    return [(head + row + row.replace("1_1_1", "1_2_1")).encode()]


def manifests() -> list[bytes]:
    entry: dict[str, object] = {"format": 1, "file": "a.png", "name": "a", "status": "read", "error": None}
    entry |= {"pages": 1, "staves": 2, "symbols": 30, "confidence": 0.99, "seconds": 0.5}
    entry |= {"outputs": {"a.mid": 12}, "size": 10, "modified": 1, "sha256": "ab", "work": "cd"}
    failed = entry | {"name": "b", "status": "failed", "error": "b.png: no such file", "outputs": {}}
    return [(json.dumps(entry) + "\n" + json.dumps(failed) + "\n").encode()]


def texts(*paths: str) -> list[bytes]:
    """Read files of the repository."""
    return [each.read_bytes() for path in paths for each in sorted(ROOT.glob(path))]


def cards() -> list[bytes]:
    """Model metadata."""
    card: dict[str, object] = {"format": 1, "preset": "default", "encoding": "printed", "height_px": 96}
    card |= {"staff_space_px": 8.0, "middle_line_px": 48.0, "frame_px": 4, "config_digest": "x", "seed": 1}
    card |= {"steps": 10, "version": "0.1.0", "calibration": [1.0, 0.5], "vocabulary": ["clef-G2", "barline"]}
    return [json.dumps(card).encode()]


def networks() -> list[bytes]:
    """A tiny ONNX model with our metadata."""
    from onnx import TensorProto, helper

    value = helper.make_tensor_value_info
    inputs = [
        value("images", TensorProto.FLOAT, ["B", 1, 96, "W"]),
        value("widths", TensorProto.INT64, ["B"]),
    ]
    outputs = [
        value("log_probs", TensorProto.FLOAT, ["W", "B", 3]),
        value("lengths", TensorProto.INT64, ["B"]),
    ]
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("Transpose", ["mean"], ["turned"], perm=[1, 0]),
        helper.make_node("Constant", [], ["three"], value_floats=[1.0, 2.0, 3.0]),
        helper.make_node("Constant", [], ["last"], value_ints=[-1]),
        helper.make_node("Unsqueeze", ["turned", "last"], ["wide"]),
        helper.make_node("Mul", ["wide", "three"], ["log_probs"]),
        helper.make_node("Identity", ["widths"], ["lengths"]),
    ]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    prop = model.metadata_props.add()
    prop.key, prop.value = "focal_omr", cards()[0].decode()
    return [bytes(model.SerializeToString())]


def checkpoints() -> list[bytes]:
    """A checkpoint of a tiny network."""
    import torch

    from focal_omr.config import TrainConfig
    from focal_omr.encodings.codec import Codec
    from focal_omr.encodings.vocabulary import Vocabulary
    from focal_omr.training.checkpoint import save_checkpoint

    path = Path(io_folder()) / "seed.pt"
    codec, model = Codec("semantic", Vocabulary(("clef-G2", "barline"))), torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    save_checkpoint(path, config=TrainConfig(), codec=codec, model=model, optimizer=optimizer, step=3)
    return [path.read_bytes()]


def io_folder() -> str:
    """Create a temporary folder, in memory if the system has `/dev/shm`."""
    import tempfile

    shared = "/dev/shm"
    return tempfile.mkdtemp(prefix="focal-omr-fuzz-", dir=shared if Path(shared).is_dir() else None)


def pickles() -> Iterable[bytes]:
    """Pickles that run a program if loaded without `weights_only`."""
    import pickle

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            import os

            return os.system, ("touch /tmp/focal-omr-canary/executed",)

    yield pickle.dumps(Evil())
