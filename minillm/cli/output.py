"""What a command says: printed, and kept in a file where one is asked for."""

import sys
from pathlib import Path
from typing import BinaryIO

from minillm.atomic import write_atomically


class Output:
    """Prints at once; `close` writes everything that was printed to `path`, whole."""

    def __init__(self, path: Path | None = None) -> None:
        if path is not None and (path.is_dir() or not path.parent.is_dir()):
            raise ValueError(f"--out {path}: give a file in a folder that exists")
        self.path = path
        self.said: list[str] = []

    def say(self, text: str = "", end: str = "\n") -> None:
        """Characters that the terminal cannot show are shown as question marks."""
        self.said.append(text + end)
        encoding = sys.stdout.encoding or "utf-8"
        print(text.encode(encoding, "replace").decode(encoding), end=end, flush=True)

    def close(self) -> None:
        if self.path is None:
            return
        data = "".join(self.said).encode()

        def write(file: BinaryIO) -> None:
            file.write(data)

        write_atomically(self.path, write)
