"""Which command was meant, and how its faults are told: one line, and an exit code.

0    done
1    something failed: a damaged file, a full disk, a loss that is no number
2    something was asked for that cannot be: the line says what is accepted
130  Ctrl-C
"""

import argparse
import os
import sys
from collections.abc import Sequence

from minillm import __version__
from minillm.cli import generate, inspect, tokenize, tour, train
from minillm.model_folder import FolderError
from minillm.safetensors import SafetensorsError
from minillm.tokenizers import TokenizerFileError
from minillm.training import NonFiniteLossError, keep_freed_memory

COMMANDS = (tour, train, generate, tokenize, inspect)
ABOUT = ("-h", "--help", "--version")
FAILURES = (FolderError, SafetensorsError, TokenizerFileError, OSError, MemoryError)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; without one, the tour. Returns the exit code."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if not argv or (
        argv[0].startswith("-") and argv[0] not in ("-h", "--help", "--version")
    ):
        argv = ["tour", *argv]
    args = parser().parse_args(argv)
    keep_freed_memory()
    try:
        args.run(args)
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return _tell("interrupted", 130)
    except (*FAILURES, NonFiniteLossError) as error:
        return _tell(str(error) or type(error).__name__, 1)
    except ValueError as error:
        return _tell(str(error), 2)
    return 0


def parser() -> argparse.ArgumentParser:
    """The parser of every command."""
    top = argparse.ArgumentParser(
        prog="python -m minillm",
        description="Large language models in explicit NumPy, every gradient written by "
        "hand. Without a command: the tour, which makes a language model before your eyes.",
    )
    top.add_argument("--version", action="version", version=f"minillm {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(commands)
    return top


def _tell(message: str, code: int) -> int:
    line = " ".join(message.split())
    print(f"minillm: {line}", file=sys.stderr)
    return code
