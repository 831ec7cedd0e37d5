"""An ONNX file of ours: what its metadata say, and how it is opened. No torch."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from focal_omr.encodings.codec import Codec, Encoding
from focal_omr.encodings.vocabulary import Vocabulary
from focal_omr.errors import ModelError, NotationError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

METADATA_KEY = "focal_omr"
FORMAT_VERSION = 1
DEFAULT_MODEL = "default"
# In float32 four staves of 80 spaces take 0.83 of the processor time of one by one, ten no less; on two
# threads 0.65 of the time: they wait for each other at each step of the LSTM, a quarter as often.
BATCH = 4
_MOST_COLUMNS = 8000  # of a batch, as `image.MAX_STRIP_WIDTH_PX`; the largest layer has 3 kB for each


@dataclass(frozen=True)
class ModelCard:
    """Metadata of an exported network.

    Attributes:
        preset: "default" (staff strips) or "paper" (plain images of height 128).
        codec: Its symbols and what they encode.
        height_px: Rows of its input.
        staff_space_px: Distance of two staff lines in a strip.
        middle_line_px: Row of the middle line in a strip.
        frame_px: Pixels of input per frame of output.
        config_digest: Digest of the training configuration.
        seed: Of the training.
        steps: Updates it was trained for.
        version: Version of the package that exported it.
        calibration: (slope, offset) of its confidence, see `confidence`; (1, 0) where it was not fitted.
        by_bytes: Whether recurrent and linear layers multiply bytes. These are rounded by the least and the
            greatest value of all that goes through them together, so that strips go one by one.
    """

    preset: str
    codec: Codec
    height_px: int
    staff_space_px: int
    middle_line_px: int
    frame_px: int
    config_digest: str
    seed: int
    steps: int
    version: str
    calibration: tuple[float, float] = (1.0, 0.0)
    by_bytes: bool = False

    def to_json(self) -> dict[str, Any]:
        """As plain values, with the format's version."""
        plain = {name: value for name, value in self.__dict__.items() if name != "codec"}
        symbols = list(self.codec.vocabulary.symbols)
        return {"format": FORMAT_VERSION, **plain, "encoding": self.codec.encoding, "vocabulary": symbols}

    @classmethod
    def from_text(cls, text: str, *, source: str) -> "ModelCard":
        """From the JSON in a file's metadata. Raises ModelError as `from_json`, or where it is no JSON."""
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:  # the second: nested too deeply
            raise ModelError(f"{source}: damaged metadata ({error})") from error
        return cls.from_json(values, source=source)

    @classmethod
    def from_json(cls, values: Any, *, source: str) -> "ModelCard":
        """Raises ModelError where the version or a key is not the one expected."""
        if not isinstance(values, dict) or values.get("format") != FORMAT_VERSION:
            raise ModelError(
                f"{source}: metadata of another format; this version reads format {FORMAT_VERSION}"
            )
        try:
            if values["encoding"] not in get_args(Encoding):
                raise ModelError(f"{source}: an unknown encoding {values['encoding']!r}")
            codec = Codec(values["encoding"], Vocabulary(tuple(values["vocabulary"])))
            own = ("format", "encoding", "vocabulary", "calibration")
            slope, offset = values.get("calibration", (1.0, 0.0))
            known = {key: value for key, value in values.items() if key not in own}
            return cls(codec=codec, calibration=(float(slope), float(offset)), **known)
        except (KeyError, TypeError, ValueError, OverflowError, NotationError) as error:
            raise ModelError(f"{source}: incomplete metadata ({error})") from error


class OnnxModel:
    """An exported network on ONNX Runtime."""

    def __init__(self, path: str | Path = DEFAULT_MODEL, *, threads: int = 0) -> None:
        """Open a network.

        Args:
            path: An ONNX file that `focal-omr export` wrote, or "default" for the packaged weights.
            threads: Threads to compute with; 0 leaves it to ONNX Runtime (all cores).

        Raises:
            ModelError: Missing, not an ONNX file, or not one of ours.
        """
        import onnxruntime  # here: a model's name and digest are asked for where none is run

        self.source = str(path)
        data = _model_bytes(path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        # Threads wait busily between the steps of a run, but not from one run to the next: what is done with
        # a staff before and after would share the processor with them (28 ms of it for a staff, and 22 so).
        options.add_session_config_entry("session.force_spinning_stop", "1")
        try:
            self._session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime raises its own types for damaged bytes
            raise ModelError(f"{self.source}: not an ONNX file that can be run") from error
        self.card = self._card()

    def _card(self) -> ModelCard:
        try:
            text = self._session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
            inputs = [each.name for each in self._session.get_inputs()]
            outputs = [each.shape for each in self._session.get_outputs()]
        except UnicodeDecodeError as error:
            raise ModelError(f"{self.source}: damaged metadata ({error})") from error
        if text is None:
            raise ModelError(
                f"{self.source}: an ONNX file, but not one of ours; `focal-omr export` makes them"
            )
        card = ModelCard.from_text(text, source=self.source)
        if inputs != ["images", "widths"] or len(outputs) != 2:
            raise ModelError(f"{self.source}: an ONNX file with other inputs and outputs than ours")
        classes = (outputs[0] or [None])[-1]
        if isinstance(classes, int) and classes != card.codec.vocabulary.classes:
            wanted = card.codec.vocabulary.classes
            raise ModelError(f"{self.source}: {classes} classes, but its vocabulary has {wanted}")
        return card

    def log_probs(self, strips: "list[NDArray[np.float32]]") -> "list[NDArray[np.float32]]":
        """(T_i, C) log-probabilities for each (H, W_i) picture.

        All go through the network as one batch, but for a network `by_bytes`: of no picture the result
        depends on the others.
        """
        import numpy as np

        if self.card.by_bytes and len(strips) > 1:
            return [self.log_probs([strip])[0] for strip in strips]
        if heights := {strip.shape[0] for strip in strips} - {self.card.height_px}:
            raise ModelError(f"{self.source}: reads {self.card.height_px} rows, not {min(heights)}")
        widths = np.array([strip.shape[1] for strip in strips], np.int64)
        if len(strips) == 1:
            images = np.ascontiguousarray(strips[0], np.float32)[None, None]
        else:
            images = np.zeros((len(strips), 1, self.card.height_px, int(widths.max())), np.float32)
            for row, strip in enumerate(strips):
                images[row, 0, :, : strip.shape[1]] = strip
        try:
            log_probs, lengths = self._session.run(None, {"images": images, "widths": widths})
        except Exception as error:  # ONNX Runtime raises its own types
            reason = str(error).splitlines()[0]
            raise ModelError(f"{self.source}: cannot be run on {images.shape}: {reason}") from error
        shapes = [getattr(each, "shape", ()) for each in (log_probs, lengths)]  # others give lists
        if shapes != [(*shapes[0][:1], len(strips), self.card.codec.vocabulary.classes), (len(strips),)]:
            raise ModelError(f"{self.source}: gives {shapes} for {images.shape}, not frames of each picture")
        return [log_probs[: lengths[row], row] for row in range(len(strips))]

    def in_batches(
        self, strips: "Sequence[NDArray[np.float32]]", *, batch: int
    ) -> "Iterator[tuple[int, NDArray[np.float32]]]":
        """`log_probs` of any number of strips, so many of about one width at a time, as they are done.

        What comes out does not depend on `batch`. Memory is bounded: together the strips of a batch are no
        wider than the widest that is read at all.

        Args:
            strips: (H, W_i) each.
            batch: Strips that go through the network together, at least 1.

        Yields:
            Each strip's number, and its (T_i, C), the widest first.
        """
        left = sorted(range(len(strips)), key=lambda number: strips[number].shape[1])
        while left:
            widest = strips[left[-1]].shape[1]
            count = max(1, min(batch, _MOST_COLUMNS // widest))
            left, together = left[:-count], left[-count:]
            yield from zip(together, self.log_probs([strips[number] for number in together]), strict=True)


def model_digest(path: str | Path) -> str:
    """SHA-256 of a model's file, which tells it from all others; `path` as of `OnnxModel`.

    Raises:
        ModelError: It cannot be read.
    """
    return hashlib.sha256(_model_bytes(path)).hexdigest()


def _model_bytes(path: str | Path) -> bytes:
    try:
        if path == DEFAULT_MODEL:
            return (files("focal_omr.weights") / "default.onnx").read_bytes()
        return Path(path).read_bytes()
    except OSError as error:
        reason = error.strerror or error
        if path == DEFAULT_MODEL:
            raise ModelError(f"the packaged weights, {error.filename}, cannot be read ({reason})") from error
        raise ModelError(f"{path}: cannot be read ({reason})") from error
