"""Verdict on a reader's outcome: a result, or an `OmrError` with a one-line message that names the file."""

import sys
import traceback
from pathlib import Path

from focal_omr.errors import OmrError
from fuzzing.targets import Target
from fuzzing.values import CANARY

__all__ = ["MAX_MESSAGE", "finding", "install_audit_hook"]

MAX_MESSAGE = 1000  # characters
_FORBIDDEN = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "subprocess.Popen",
    "socket.connect",
    "urllib",
)
_events: list[str] = []


def finding(target: Target, path: Path) -> tuple[str, str] | None:
    """Read a file and judge the outcome.

    Returns:
        The kind of the finding, which identifies it, and its details; None for a valid outcome.
    """
    _events.clear()
    try:
        target.read(path)
    except OmrError as error:
        if why := _message_fault(str(error), path, target):
            return f"{why} {_location(error)}", f"{why}: {str(error)[:2000]!r}\n{_traceback(error)}"
    except Exception as error:
        return f"{type(error).__name__} {_location(error)}", _traceback(error)
    return (_events[0].split()[0], _events[0]) if _events else None


def _message_fault(message: str, path: Path, target: Target) -> str | None:
    if len(message.splitlines()) != 1:
        return "message of several lines"
    if len(message) > MAX_MESSAGE:
        return "message too long"
    if not message.isprintable():
        return "unprintable message"
    if target.names_file and path.name not in message and path.with_suffix(".tar").name not in message:
        return "message without the file's name"
    return None


def _location(error: BaseException) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "focal_omr" in frame.filename]
    return f"{Path(frames[-1].filename).name}:{frames[-1].name}" if frames else "elsewhere"


def _traceback(error: BaseException) -> str:
    text = "".join(traceback.format_exception(error))
    return text if len(text) < 8000 else text[:4000] + "\n...\n" + text[-4000:]


def install_audit_hook() -> None:
    """Record started programs, connections and access to the canary; an audit hook cannot be removed."""

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        opened = event == "open" and str(arguments[0]).startswith(str(Path(CANARY).parent))
        if opened or event.startswith(_FORBIDDEN):
            _events.append(f"{event} {arguments!r}")

    sys.addaudithook(hook)
