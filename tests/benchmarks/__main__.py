"""Run the sections one after the other, and print one table."""

import argparse
import json
import sys
from importlib.util import find_spec
from pathlib import Path

from tests.benchmarks import (
    architectures,
    bpe,
    decoding,
    imports,
    machine,
    memory,
    training_step,
)
from tests.benchmarks.contestants import ContestantError
from tests.benchmarks.table import Row, markdown

SECTIONS = {
    "training": training_step,
    "architectures": architectures,
    "decoding": decoding,
    "bpe": bpe,
    "imports": imports,
    "memory": memory,
}
PEERS = ("torch", "transformers", "tokenizers", "threadpoolctl")


def main() -> int:
    """0: measured, targets met or not; 1: a row is missing or does not count."""
    parser = _parser()
    args = parser.parse_args()
    if args.out is not None and not args.out.absolute().parent.is_dir():
        parser.error(f"--out {args.out}: there is no such folder")
    if missing := [name for name in PEERS if find_spec(name) is None]:
        wanted = "pip install 'minillm[parity]'"
        print(f"{', '.join(missing)} is not installed: {wanted}", file=sys.stderr)
        return 2
    rows: list[Row] = []
    left_out: list[str] = []
    for name in args.only or SECTIONS:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        try:
            rows += SECTIONS[name].rows(args.quick)
        except ContestantError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
            left_out.append(name)
    facts = machine.describe()
    print(markdown(rows), "", sep="\n")
    print(*(f"- {name}: {fact}" for name, fact in facts.items()), sep="\n")
    if args.out is not None:
        record = {"machine": facts, "rows": [row.record() for row in rows]}
        args.out.write_text(json.dumps(record, indent=2) + "\n")
    return 1 if left_out or any(row.fault for row in rows) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description="minillm beside PyTorch, transformers and tokenizers (extra `parity`). "
        "Prints ratios of rounds that alternate; the median decides. Ten minutes on two "
        "cores that are otherwise idle.",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="fewer rounds, training on S alone: a few minutes",
    )
    parser.add_argument(
        "--only", action="append", choices=SECTIONS, help="this section; may be repeated"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE.json", help="also keep every round's ratio"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
