"""Every exception that this package raises for bad input.

    OmrError
    ├── ImageError         the image cannot be opened or used
    │   └── NoStaffError   no five-line staff was found in the image
    ├── NotationError      text, tokens or a score violate their grammar
    ├── EngraveError       Verovio refused or could not draw a score
    ├── ModelError         an ONNX file or checkpoint is of another program, or damaged
    ├── ConfigError        unknown key, wrong type or value out of range
    ├── DataError          a data set, a sample or a list of ids cannot be used
    ├── EditError          an edit cannot be made at the given place
    └── OutputError        a result cannot be written

A message says what was found, what is needed, and in which file or sample. Only the command line and the web
server turn an error into text and an exit or HTTP status.
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
    "missing_extra",
]


_MAX_LENGTH = 1000


class OmrError(Exception):
    """Base class of all errors of this package.

    Messages quote untrusted files, so `str` gives one printable line: line breaks and unprintable characters
    are escaped, and the middle of a very long message is cut.
    """

    def __str__(self) -> str:
        message = super().__str__()
        if not message.isprintable():
            message = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in message)
        if len(message) > _MAX_LENGTH:
            message = f"{message[: _MAX_LENGTH // 2]} ... {message[-_MAX_LENGTH // 4 :]}"
        return message


class ImageError(OmrError):
    """The image cannot be opened or used."""


class NoStaffError(ImageError):
    """No five-line staff was found; the message says what was found instead."""


class NotationError(OmrError):
    """Text, tokens or a score violate their grammar."""


class EngraveError(OmrError):
    """Verovio refused a score or could not draw it."""


class ModelError(OmrError):
    """A model file is of another program, or damaged."""


class ConfigError(OmrError):
    """A configuration has an unknown key, a wrong type or a value out of range."""


class DataError(OmrError):
    """A data set, a sample or a list of ids cannot be used."""


class EditError(OmrError):
    """An edit cannot be made at the given place."""


class OutputError(OmrError):
    """A result cannot be written."""


def missing_extra(feature: str, module: str | None, *, extra: str) -> str:
    """The message for an optional dependency that is not installed.

    Args:
        feature: What needs it, such as "the web page".
        module: The module that is missing.
        extra: The extra of this package that installs it.
    """
    install = (
        f"pip install 'focal-ctc-omr[{extra}]', or in a clone pip install -c constraints.txt '.[{extra}]'"
    )
    return f"{feature} needs {module}, which the extra {extra!r} installs: {install}"
