"""Text to learn from: the manual inside every Python, or a file of the user's."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

PARAGRAPH_BREAK = "\n\n"
BLANK_LINES = re.compile(r"\n(?:[^\S\n]*\n)+")
LONG_LINE = 40  # characters: a line as long as this that is met twice was copied


@dataclass(frozen=True)
class Split:
    """What a model learns from, and what it is judged by."""

    train: str
    valid: str


def tour_text() -> str:
    """The Python language reference that CPython carries for its `help()`.

    Topics come in the alphabetical order of their names, a blank line between
    them. The text differs between Python versions: pin results to
    `text_sha256(tour_text())`, not to a version. Many topics quote one another, so
    learn from `split_tail(keep_paragraphs_once(tour_text()))`.

    Errors: ValueError if this Python was built without its help topics.
    """
    try:
        topics: dict[str, str] = import_module("pydoc_data.topics").topics
    except ImportError as error:
        raise ValueError(
            f"this Python has no help topics to learn from: {error}"
        ) from error
    return PARAGRAPH_BREAK.join(topics[name] for name in sorted(topics))


def read_text(path: str | Path) -> str:
    """The text of a UTF-8 file: every line end is "\\n", a byte-order mark is gone.

    Errors: ValueError if the file is missing, a folder, a device, unreadable, empty,
    or not text; offsets count bytes from the start of the file.
    """
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"text file {path} is a folder: name a file of UTF-8 text")
    if path.is_char_device() or path.is_block_device():
        raise ValueError(f"text file {path} is a device, which may never end")
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ValueError(f"text file {path} does not exist") from None
    except OSError as error:
        raise ValueError(f"text file {path} cannot be read: {error.strerror}") from error
    nul = content.find(b"\0")
    if nul >= 0:
        raise ValueError(f"text file {path} is not text: byte {nul} is NUL")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"text file {path} is not UTF-8 text: byte {error.start} is "
            f"0x{content[error.start]:02x} ({error.reason})"
        ) from error
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise ValueError(f"text file {path} is empty: {len(content)} bytes, no words")
    return text


def keep_paragraphs_once(text: str) -> str:
    """Keep the first of paragraphs that are equal, in the order of the text.

    Paragraphs are what blank lines part; one blank line parts those that stay.
    """
    return PARAGRAPH_BREAK.join(dict.fromkeys(_paragraphs(text)))


def split_tail(text: str, held_out: float = 0.1) -> Split:
    """Hold out the end of the text, and of that only what training does not show.

    The cut is the paragraph break nearest to the wanted place; if that is off by
    more than half of the wanted share, the nearest line break; else a character.
    A held-out line of 40 characters or more, without its margins, that stands
    anywhere in training, within another line too, is dropped: a model would be
    praised for knowing it by heart. What the held-out text itself repeats stays.

    Units: held_out is a share of the characters, above 0 and below 1.
    Errors: ValueError if held_out is out of range or one of the parts is empty.
    """
    if not 0 < held_out < 1:
        raise ValueError(f"held_out {held_out} is not between 0 and 1")
    cut = _cut_near(text, round(len(text) * (1 - held_out)), len(text) * held_out / 2)
    train = text[:cut].strip("\n")
    valid = _new_paragraphs(text[cut:], train)
    for name, part in (("training", train), ("held-out", valid)):
        if not part.strip():
            raise ValueError(
                f"a text of {len(text)} characters leaves no {name} text at held_out "
                f"{held_out}: it is too short or repeats itself, give another"
            )
    return Split(train, valid)


def text_sha256(text: str) -> str:
    """The SHA-256 of the text's UTF-8 bytes in hexadecimal: which text was it?"""
    return hashlib.sha256(text.encode()).hexdigest()


def _paragraphs(text: str) -> Iterable[str]:
    return filter(None, BLANK_LINES.split(f"\n\n{text}\n\n"))


def _cut_near(text: str, wanted: int, tolerance: float) -> int:
    """The end of the break nearest to `wanted`, of the best kind within tolerance."""
    for pattern in (BLANK_LINES, re.compile("\n")):
        ends = (match.end() for match in pattern.finditer(text))
        nearest = min(ends, key=lambda end: abs(end - wanted), default=-1)
        if nearest >= 0 and abs(nearest - wanted) <= tolerance:
            return nearest
    return wanted


def _new_paragraphs(held_out: str, train: str) -> str:
    """The held-out text without its long lines that occur in training."""
    lines = held_out.split("\n")
    seen = _starts_seen({line.strip()[:LONG_LINE] for line in lines}, train)
    kept = [
        line
        for line in lines
        if line.strip()[:LONG_LINE] not in seen or line.strip() not in train
    ]
    return PARAGRAPH_BREAK.join(_paragraphs("\n".join(kept)))


def _starts_seen(starts: set[str], train: str) -> set[str]:
    """Those of the starts which are LONG_LINE long and stand anywhere in training.

    One pass over the text, where searching it for every line would be quadratic.
    """
    windows = (train[i : i + LONG_LINE] for i in range(len(train) - LONG_LINE + 1))
    return {window for window in windows if window in starts}
