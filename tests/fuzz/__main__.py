"""Run every target for a bounded time, and print what was tried and what broke."""

import argparse
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from tests.fuzz.targets import TARGETS, scratch_folder

SEEDS = 64  # inputs to begin with: streams of choices, of several lengths
SECONDS_AN_INPUT = 20
UNITS = re.compile(r"^stat::number_of_executed_units:\s*(\d+)", re.MULTILINE)
COVERED = re.compile(r"cov: (\d+)")
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def main(argv: list[str] | None = None) -> int:
    """0 if nothing broke, 1 if something did, 2 if it cannot run."""
    args = _parser().parse_args(argv)
    if find_spec("atheris") is None:
        print("tests.fuzz needs atheris: pip install '.[test,fuzz]'", file=sys.stderr)
        return 2
    print(f"{'target':<14}{'inputs':>10}{'branches':>10}{'crashes':>9}")
    crashes = 0
    for name in [args.only] if args.only else TARGETS:
        with scratch_folder() as folder:
            said, code = _fuzz(name, folder, args.seconds, args.seed)
        units, covered = UNITS.findall(said), COVERED.findall(said)
        crashes += code != 0
        row = f"{name:<14}{(units or ['?'])[-1]:>10}{(covered or ['?'])[-1]:>10}"
        print(f"{row}{int(code != 0):>9}", flush=True)
        if code:
            print(said[max(0, said.find("Traceback")) :][:6000], file=sys.stderr)
    return 1 if crashes else 0


def _fuzz(name: str, folder: Path, seconds: int, seed: int) -> tuple[str, int]:
    """What libFuzzer said of one target, and its exit code; it stops at a crash."""
    corpus, work = folder / "corpus", folder / "work"
    corpus.mkdir()
    work.mkdir()
    rng = np.random.default_rng(seed)
    for i in range(SEEDS):
        (corpus / f"{i}").write_bytes(rng.bytes(8 + 2 * i))
    options = [
        *(f"-max_total_time={seconds}", f"-seed={seed + 1}", "-max_len=4096"),
        *(f"-timeout={SECONDS_AN_INPUT}", "-rss_limit_mb=0", "-print_final_stats=1"),
        f"-artifact_prefix={folder}/",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.child", name, str(work), *options, str(corpus)],
        env=os.environ | ONE_THREAD,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    return done.stdout, done.returncode


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="a target (default 60)")
    parser.add_argument("--only", choices=TARGETS, help="one target (default: all)")
    parser.add_argument("--seed", type=int, default=0, help="of the fuzzer (default 0)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
