"""What is fuzzed, by name: a target is made in an empty folder and called with bytes."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.fuzz.commands import Command
from tests.fuzz.folders import Folder, Resume
from tests.fuzz.readers import Description, Gpt2Files, Material, Safetensors, TokenizerFile

Target = Callable[[bytes], None]
IN_MEMORY = Path("/dev/shm")  # where there is one, files cost nothing

TARGETS: Mapping[str, Callable[[Path], Target]] = {
    "safetensors": Safetensors,
    "tokenizer": TokenizerFile,
    "gpt2": Gpt2Files,
    "config": Description,
    "material": Material,
    "folder": Folder,
    "resume": Resume,
    "command": Command,
}


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """An empty folder that is gone afterwards."""
    where = IN_MEMORY if IN_MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="minillm-fuzz-", dir=where) as folder:
        yield Path(folder)
