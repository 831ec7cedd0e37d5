"""Exported networks on ONNX Runtime, and the metadata stored in their files. Imports no torch."""

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
PACKAGED_MODELS = DEFAULT_MODEL, COLUMNS_MODEL = "default", "columns"
# In float32, four staves of 80 spaces in one batch take 0.83 of the CPU time of four single runs; ten save no
# more. On two threads they take 0.65 of the wall time, because threads synchronise at every step of the LSTM.
BATCH_SIZE = 4
# Pixel columns of a batch, padding included; equals `staff.strip.MAX_STRIP_WIDTH_PX`. The largest layer needs
# 3 kB per column.
_MAX_COLUMNS = 8000
_DYNAMIC_INT8_KEY = "by_bytes"  # of `ModelCard.dynamic_int8` in the metadata


@dataclass(frozen=True)
class ModelCard:
    """Metadata of an exported network.

    Attributes:
        preset: "default" (staff strips) or "paper" (plain images of height 128).
        codec: Vocabulary and encoding of the output classes.
        height_px: Height of the input.
        staff_space_px: Distance between two staff lines in a strip.
        middle_line_px: Row of the middle staff line in a strip.
        frame_px: Input pixels per output frame.
        config_digest: Digest of the training configuration.
        seed: Training seed.
        steps: Number of updates.
        version: Package version that exported the file.
        calibration: (slope, offset) of the confidence, see `focal_omr.calibration`; (1, 0) if not fitted.
        dynamic_int8: Whether LSTM and linear layers use dynamic int8 quantisation. Activations are scaled by
            their range over the whole batch, so strips run one at a time.
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
    dynamic_int8: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the card as JSON values, including the format version."""
        values = {name: value for name, value in self.__dict__.items() if name != "codec"}
        values[_DYNAMIC_INT8_KEY] = values.pop("dynamic_int8")
        symbols = list(self.codec.vocabulary.symbols)
        return {"format": FORMAT_VERSION, **values, "encoding": self.codec.encoding, "vocabulary": symbols}

    @classmethod
    def from_text(cls, text: str, *, source: str) -> "ModelCard":
        """Parse the JSON text stored in a model file.

        Args:
            text: Value of the metadata key.
            source: File name for error messages.

        Raises:
            ModelError: The text is not JSON, or as for `from_json`.
        """
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:  # RecursionError: nested too deeply
            raise ModelError(f"{source}: damaged metadata ({error})") from error
        return cls.from_json(values, source=source)

    @classmethod
    def from_json(cls, values: Any, *, source: str) -> "ModelCard":
        """Build a card from the values of `to_json`.

        Args:
            values: Decoded JSON.
            source: File name for error messages.

        Raises:
            ModelError: The format version differs, or a key is missing, unknown or of the wrong type.
        """
        if not isinstance(values, dict) or values.get("format") != FORMAT_VERSION:
            raise ModelError(f"{source}: metadata format not supported; this version reads {FORMAT_VERSION}")
        try:
            if values["encoding"] not in get_args(Encoding):
                raise ModelError(f"{source}: unknown encoding {values['encoding']!r}")
            codec = Codec(values["encoding"], Vocabulary(tuple(values["vocabulary"])))
            slope, offset = values.get("calibration", (1.0, 0.0))
            converted = ("format", "encoding", "vocabulary", "calibration", _DYNAMIC_INT8_KEY)
            return cls(
                codec=codec,
                calibration=(float(slope), float(offset)),
                dynamic_int8=values.get(_DYNAMIC_INT8_KEY, False),
                **{key: value for key, value in values.items() if key not in converted},
            )
        except (KeyError, TypeError, ValueError, OverflowError, NotationError) as error:
            raise ModelError(f"{source}: incomplete metadata ({error})") from error


class OnnxModel:
    """An exported network opened on ONNX Runtime (CPU).

    Args:
        path: ONNX file written by `focal-omr export`, or the name of a packaged network.
        threads: Intra-op threads; 0 lets ONNX Runtime choose (all cores).

    Attributes:
        source: `path` as text, for error messages.
        card: Metadata of the file.

    Raises:
        ModelError: The file is missing, is not an ONNX file, or was not written by this package.
    """

    def __init__(self, path: str | Path = DEFAULT_MODEL, *, threads: int = 0) -> None:
        import onnxruntime  # imported late: `model_digest` and `ModelCard` work without it

        self.source = str(path)
        data = _model_bytes(path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        # Let threads spin within a run but not between runs: image processing before and after the network
        # would compete with them for the CPU (28 ms instead of 22 per staff).
        options.add_session_config_entry("session.force_spinning_stop", "1")
        try:
            self._session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime raises its own types for damaged bytes
            raise ModelError(f"{self.source}: not an ONNX file that can be run") from error
        self.card = self._read_card()

    def _read_card(self) -> ModelCard:
        """Read the metadata and check the graph's inputs and outputs against it."""
        try:
            text = self._session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
            inputs = [each.name for each in self._session.get_inputs()]
            outputs = [each.shape for each in self._session.get_outputs()]
        except UnicodeDecodeError as error:
            raise ModelError(f"{self.source}: damaged metadata ({error})") from error
        if text is None:
            raise ModelError(f"{self.source}: not written by `focal-omr export` (no metadata)")
        card = ModelCard.from_text(text, source=self.source)
        if inputs != ["images", "widths"] or len(outputs) != 2:
            raise ModelError(f"{self.source}: unexpected inputs or outputs of the graph")
        classes, expected = (outputs[0] or [None])[-1], card.codec.vocabulary.classes
        if isinstance(classes, int) and classes != expected:
            raise ModelError(f"{self.source}: {classes} output classes, but its vocabulary has {expected}")
        return card

    def log_probs(self, strips: "list[NDArray[np.float32]]") -> "list[NDArray[np.float32]]":
        """Run the network on strips, as one batch unless it uses dynamic int8.

        The result for a strip does not depend on the other strips.

        Args:
            strips: Arrays (H, W_i) of ink, 0 .. 1.

        Returns:
            Natural log-probabilities (T_i, C) of each strip.

        Raises:
            ModelError: A strip has the wrong height, or the network cannot run or returns wrong shapes.
        """
        import numpy as np

        if self.card.dynamic_int8 and len(strips) > 1:
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
        shapes = [getattr(each, "shape", ()) for each in (log_probs, lengths)]  # foreign graphs return lists
        if shapes != [(*shapes[0][:1], len(strips), self.card.codec.vocabulary.classes), (len(strips),)]:
            raise ModelError(f"{self.source}: returns shapes {shapes} for images {images.shape}")
        return [log_probs[: lengths[row], row] for row in range(len(strips))]

    def batched_log_probs(
        self, strips: "Sequence[NDArray[np.float32]]", *, batch_size: int
    ) -> "Iterator[tuple[int, NDArray[np.float32]]]":
        """Run `log_probs` over any number of strips in batches of similar width.

        Results do not depend on `batch_size`. Memory is bounded: a batch is no wider in total than the widest
        strip allowed.

        Args:
            strips: Arrays (H, W_i) of ink, 0 .. 1.
            batch_size: Largest number of strips in a batch, at least 1.

        Yields:
            Index of a strip and its log-probabilities (T_i, C), widest strips first.
        """
        remaining = sorted(range(len(strips)), key=lambda index: strips[index].shape[1])
        while remaining:
            widest = strips[remaining[-1]].shape[1]
            count = max(1, min(batch_size, _MAX_COLUMNS // widest))
            remaining, batch = remaining[:-count], remaining[-count:]
            yield from zip(batch, self.log_probs([strips[index] for index in batch]), strict=True)


def model_digest(path: str | Path) -> str:
    """Return the SHA-256 of a model file; `path` as for `OnnxModel`, "default" for both packaged networks.

    Raises:
        ModelError: The file cannot be read.
    """
    digest = hashlib.sha256(_model_bytes(path))
    if path == DEFAULT_MODEL:  # reading with it uses the other one, too
        digest.update(_model_bytes(COLUMNS_MODEL))
    return digest.hexdigest()


def _model_bytes(path: str | Path) -> bytes:
    try:
        if path in PACKAGED_MODELS:
            return (files("focal_omr.weights") / f"{path}.onnx").read_bytes()
        return Path(path).read_bytes()
    except OSError as error:
        reason = error.strerror or error
        if path in PACKAGED_MODELS:
            raise ModelError(f"the packaged weights, {error.filename}, cannot be read ({reason})") from error
        if isinstance(error, FileNotFoundError):
            reason = "no such file; give an ONNX file of `focal-omr export`, 'default' or 'columns'"
            raise ModelError(f"{path}: {reason}") from None
        raise ModelError(f"{path}: cannot be read ({reason})") from error
