"""What a command says: printed, and kept in a file where one is asked for."""

import sys
from pathlib import Path
from typing import BinaryIO

from minillm.atomic import write_atomically

# A model may write what a terminal would obey, such as ESC: shown as ␛ instead.
PICTURES = {i: 0x2400 + i for i in range(32) if chr(i) not in "\n\t"} | {127: 0x2421}
PICTURES |= dict.fromkeys(range(128, 160), 0xFFFD)


class Output:
    """Prints at once; `close` writes everything that was printed to `path`, whole."""

    def __init__(self, path: Path | None = None) -> None:
        if path is not None:
            check_new_file("--out", path)
        self.path = path
        self.said: list[str] = []

    def say(self, text: str = "", end: str = "\n") -> None:
        if self.path is not None:
            self.said.append(text + end)
        shown = text.translate(PICTURES) if sys.stdout.isatty() else text
        print(shown, end=end, flush=True)

    def close(self) -> None:
        if self.path is None:
            return
        data = "".join(self.said).encode()

        def write(file: BinaryIO) -> None:
            file.write(data)

        write_atomically(self.path, write)


def check_new_file(option: str, path: Path) -> None:
    """A file may be replaced; a folder or a device may not."""
    if (path.exists() and not path.is_file()) or not path.parent.is_dir():
        raise ValueError(f"{option} {path}: give a file in a folder that exists")
