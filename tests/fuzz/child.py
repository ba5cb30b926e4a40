"""One target under atheris: python -m tests.fuzz.child NAME FOLDER [its options]."""

import os
import resource
import sys
import traceback
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["minillm"]):
    from tests.fuzz.targets import TARGETS

MEMORY = 4 << 30  # bytes of address space: what a lie could ask for is far beyond


def main() -> None:
    """Never returns: the fuzzer ends the process."""
    name, folder, *options = sys.argv[1:]
    target = TARGETS[name](Path(folder))
    os.fsync = lambda descriptor: None  # no disk needs to be waited for
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

    def try_one(data: bytes) -> None:
        try:
            target(data)
        except BaseException:
            traceback.print_exc()
            print(f"input: {data!r}", file=sys.stderr, flush=True)
            raise

    atheris.Setup([sys.argv[0], *options], try_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
