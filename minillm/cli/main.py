"""Which command was meant, and how its faults are told: one line, and an exit code.

0    done
1    something failed: a damaged file, a full disk, a loss that is no number
2    something was asked for that cannot be: the line says what is accepted
130  Ctrl-C
"""

import argparse
import io
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from minillm import __version__
from minillm.cli import classify, fill, generate, inspect, tokenize, tour, train, translate
from minillm.cli.arguments import DEVICES
from minillm.device import Converter, check_device, on_host, to_cupy
from minillm.model_folder import FolderError
from minillm.safetensors import SafetensorsError
from minillm.tokenizers import TokenizerFileError
from minillm.training import NonFiniteLossError, blas_threads, keep_freed_memory

COMMANDS = (tour, train, generate, fill, classify, translate, tokenize, inspect)
ABOUT = ("-h", "--help", "--version")
FAILURES = (FolderError, SafetensorsError, TokenizerFileError, NonFiniteLossError)
LONGEST = 1500  # characters of a fault, which may quote what a file says


class Parser(argparse.ArgumentParser):
    """Argparse, but a fault is an error like any other instead of an exit."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message} (see {self.prog} --help)")


def main(argv: Sequence[str] | None = None, gpu: Converter = to_cupy) -> int:
    """Run one command; without one, the tour. Returns the exit code.

    `gpu` is what moves arrays to the device of --device gpu.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    if not argv or (argv[0].startswith("-") and argv[0] not in ABOUT):
        argv = ["tour", *argv]
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # ? for what a terminal cannot show
    try:
        args = parser().parse_args(argv)
        args.convert = gpu if args.device == "gpu" else on_host
        check_device(args.convert)
        keep_freed_memory()
        with blas_threads(1):  # for matrices this small, more threads wait for each other
            args.run(args)
        sys.stdout.flush()  # here a full disk or a closed pipe can still be told
    except KeyboardInterrupt as error:
        return _tell(str(error) or "interrupted", 130)
    except OSError as error:
        return _tell_os_error(error)
    except MemoryError as error:
        return _tell(f"out of memory: take less of it, or a smaller model. {error}", 1)
    except FAILURES as error:
        return _tell(str(error), 1)
    except ValueError as error:
        return _tell(str(error), 2)
    return 0


def parser() -> argparse.ArgumentParser:
    """The parser of every command."""
    top = Parser(
        prog="python -m minillm",
        description="Large language models in explicit NumPy, every gradient written by "
        "hand. Without a command: the tour, which makes a language model before your eyes.",
    )
    top.add_argument("--version", action="version", version=f"minillm {__version__}")
    top.set_defaults(device=DEVICES[0])  # of a command that computes nothing
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(commands)
    return top


def _tell(message: str, code: int) -> int:
    line = " ".join(message.split())
    line = line if len(line) <= LONGEST else f"{line[:LONGEST]} ..."
    print(f"minillm: {line}", file=sys.stderr)
    return code


def _tell_os_error(error: OSError) -> int:
    """A reader that has seen enough, such as head, is told nothing."""
    if error.filename is None:  # no file of ours, so it was the output
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return 1
    where = "the output" if error.filename is None else error.filename
    return _tell(f"cannot read or write {where}: {error.strerror or error}", 1)
