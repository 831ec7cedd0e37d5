"""What a reader may do with a file: give a result, or an `OmrError` of one line that names the file."""

import sys
import traceback
from pathlib import Path

from focal_omr.errors import OmrError
from fuzzing.targets import Target
from fuzzing.values import CANARY

__all__ = ["MOST_CHARACTERS", "finding", "watch"]

MOST_CHARACTERS = 1000  # of a message
_FORBIDDEN = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "subprocess.Popen",
    "socket.connect",
    "urllib",
)
_seen: list[str] = []


def finding(target: Target, path: Path) -> tuple[str, str] | None:
    """What is wrong with how a file is read: (what kind it is, for telling it from others; all of it)."""
    _seen.clear()
    try:
        target.read(path)
    except OmrError as error:
        if why := _of_message(str(error), path, target):
            return f"{why} {_place(error)}", f"{why}: {str(error)[:2000]!r}\n{_all(error)}"
    except Exception as error:
        return f"{type(error).__name__} {_place(error)}", _all(error)
    return (_seen[0].split()[0], _seen[0]) if _seen else None


def _of_message(message: str, path: Path, target: Target) -> str | None:
    if len(message.splitlines()) != 1:
        return "message of several lines"
    if len(message) > MOST_CHARACTERS:
        return "message too long"
    if not message.isprintable():
        return "unprintable message"
    if target.names_file and path.name not in message and path.with_suffix(".tar").name not in message:
        return "message without the file's name"
    return None


def _place(error: BaseException) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "focal_omr" in frame.filename]
    return f"{Path(frames[-1].filename).name}:{frames[-1].name}" if frames else "elsewhere"


def _all(error: BaseException) -> str:
    text = "".join(traceback.format_exception(error))
    return text if len(text) < 8000 else text[:4000] + "\n...\n" + text[-4000:]


def watch() -> None:
    """Programs, connections and opened canaries are noticed from here on; there is no way back."""

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        opened = event == "open" and str(arguments[0]).startswith(str(Path(CANARY).parent))
        if opened or event.startswith(_FORBIDDEN):
            _seen.append(f"{event} {arguments!r}")

    sys.addaudithook(hook)
