"""Every error that a user of this package can meet.

    OmrError
    ├── ImageError         the picture cannot be opened, or is not a usable picture
    │   └── NoStaffError   a picture, but no staff of five lines was found in it
    ├── NotationError      text, tokens or a score that break their grammar
    ├── EngraveError       Verovio refused or could not draw a score
    ├── ModelError         an ONNX file or a checkpoint that is not ours, or is damaged
    ├── ConfigError        an unknown key, a wrong type, a value out of range
    ├── DataError          a data set, a sample or a list of ids that cannot be used
    ├── EditError          a change that cannot be made where it was asked for
    └── OutputError        a result that cannot be written

A message says what was got, what is needed, and which file or sample. Only the command line and the web
page turn an error into text and a failing status.
"""

__all__ = [
    "ConfigError",
    "DataError",
    "EditError",
    "EngraveError",
    "ImageError",
    "ModelError",
    "NoStaffError",
    "NotationError",
    "OmrError",
    "OutputError",
]


_MOST_CHARACTERS = 1000


class OmrError(Exception):
    """The parent of all errors of this package.

    Messages quote files that may come from anywhere. They stay one line that a terminal can show: line breaks
    and what cannot be printed are written as escapes, and of a very long one the middle is left out.
    """

    def __str__(self) -> str:
        message = super().__str__()
        if not message.isprintable():
            message = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in message)
        if len(message) > _MOST_CHARACTERS:
            message = f"{message[: _MOST_CHARACTERS // 2]} ... {message[-_MOST_CHARACTERS // 4 :]}"
        return message


class ImageError(OmrError):
    """The picture cannot be opened, or is not a usable picture."""


class NoStaffError(ImageError):
    """No staff of five lines was found; the message says what was seen instead."""


class NotationError(OmrError):
    """Text, tokens or a score break their grammar."""


class EngraveError(OmrError):
    """Verovio refused a score or could not draw it."""


class ModelError(OmrError):
    """A model file is not ours, or is damaged."""


class ConfigError(OmrError):
    """A configuration holds an unknown key, a wrong type or a value out of range."""


class DataError(OmrError):
    """A data set, a sample or a list of ids cannot be used."""


class EditError(OmrError):
    """A change of what was read cannot be made where it was asked for."""


class OutputError(OmrError):
    """A result cannot be written."""
