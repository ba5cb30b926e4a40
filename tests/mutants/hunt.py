"""Run tests against mutants: a pytest plugin that takes the place of the test loop."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType

import pytest

from tests.mutants.children import LOST, in_children
from tests.mutants.mutant import Mutant
from tests.mutants.swap import NotSwappableError, swap
from tests.mutants.tracing import Traced, run, trace

TEST_SECONDS = 60  # a test that takes longer has timed out, and kills nothing
AT_LEAST = 20  # tests for a mutant, however long they take
OPTIONS = (
    *("-s", "--hypothesis-profile=mutants", "-p", "no:cacheprovider"),
    *("-o", "addopts=--strict-markers --import-mode=importlib"),
)


@dataclass(frozen=True)
class Fate:
    """What became of a mutant.

    fate   killed: a test failed. survived: none did. timed out: none failed, and one
           did not end. not born: it could not be imported, which is no test's merit
    by     the test that killed it
    tests  how many tests ran
    """

    mutant: Mutant
    fate: str
    by: str = ""
    tests: int = 0


@dataclass
class Hunt:
    """Mutants, and where to look for the tests that kill them.

    A mutant that `alone` names has to die by those tests. For the others, every test is
    run once and watched: those that enter the mutated function are tried, in the order
    of how little else they enter and how fast they are, for `budget` seconds of testing.
    For what runs on import alone they are those that enter anything of its folder.
    """

    mutants: Sequence[Mutant]
    alone: Mapping[Mutant, tuple[str, ...]]
    jobs: int
    budget: float
    report: Callable[[Fate], None]
    failed: list[str] = field(default_factory=list)  # tests that fail without a mutant
    traced: list[Traced] = field(default_factory=list)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            raise session.Interrupted("the tests could not be collected")
        self.items = {item.nodeid: item for item in session.items}
        if len(self.alone) < len(self.mutants):
            print(
                "first, every test once: what does it enter?", file=sys.stderr, flush=True
            )
            self.traced, self.failed = trace(session, self.jobs)
        limit = 5 * self.budget + 2 * TEST_SECONDS
        for mutant, answer in in_children(self.mutants, self.judge, self.jobs, limit):
            lost = answer == LOST
            self.report(Fate(mutant, "timed out") if lost else Fate(mutant, *answer))
        return True

    def judge(self, mutant: Mutant) -> tuple[str, str, int]:
        """In a child: the fate, the test that killed it, the number of tests that ran."""
        names = self.chosen(mutant)
        if not names:
            return "survived", "", 0
        try:
            if mutant not in self.alone and not self.entering(mutant):
                raise NotSwappableError(mutant.function)
            swap(mutant)
        except NotSwappableError:
            return imported_anew(mutant, names, 5 * self.budget + TEST_SECONDS)
        timed_out = 0
        for n, name in enumerate(names, 1):
            with Alarm(TEST_SECONDS) as alarm:
                failed = any(report.failed for report in run(self.items[name]))
            if failed and not alarm.rang:
                return "killed", name, n
            timed_out += alarm.rang
            if timed_out == 2:
                return "timed out", "", n
        return ("timed out" if timed_out else "survived"), "", len(names)

    def chosen(self, mutant: Mutant) -> list[str]:
        """The tests that may notice, the most telling first."""
        if mutant in self.alone:
            return [name for name in self.items if _bare(name) in self.alone[mutant]]
        able = self.entering(mutant) or [t for t in self.traced if _beside(t, mutant)]
        able.sort(key=lambda t: (1 + len(t.entered)) * (0.05 + t.seconds))
        return list(_within(able, self.budget))

    def entering(self, mutant: Mutant) -> list[Traced]:
        """The tests that run the mutated function; none, where it runs on import alone."""
        place = mutant.path, mutant.line
        return [t for t in self.traced if place in t.entered or _enters(t, mutant)]


def _bare(name: str) -> str:
    """The name of a test without its parameters."""
    return name.partition("[")[0]


def _enters(test: Traced, mutant: Mutant) -> bool:
    """Whether it runs anything of the file, for what runs on import."""
    return not mutant.line and any(path == mutant.path for path, _ in test.entered)


def _beside(test: Traced, mutant: Mutant) -> bool:
    """Whether it runs anything of the folder, for what runs on import alone."""
    folder = mutant.path.rpartition("/")[0]
    return any(path.rpartition("/")[0] == folder for path, _ in test.entered)


def _within(tests: Sequence[Traced], budget: float) -> Iterator[str]:
    for i, test in enumerate(tests):
        budget -= test.seconds
        if budget < 0 and i >= AT_LEAST:
            return
        yield test.name


class Alarm:
    """Interrupts what takes too long, and remembers that it did."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.rang = seconds, False

    def __enter__(self) -> "Alarm":
        signal.signal(signal.SIGALRM, self.ring)
        signal.setitimer(signal.ITIMER_REAL, self.seconds, 5)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)

    def ring(self, _: int, frame: FrameType | None) -> None:
        self.rang = True
        raise TimeoutError(f"{self.seconds} s")


def imported_anew(
    mutant: Mutant, names: Sequence[str], seconds: float
) -> tuple[str, str, int]:
    """The same tests in a new process, which imports the mutant."""
    told = json.dumps([mutant.path, mutant.start, mutant.stop, mutant.text])
    command = [sys.executable, "-m", "pytest", "-x", "-p", "tests.mutants.imported"]
    try:
        ended = subprocess.run(
            [*command, *OPTIONS, *names],
            env=os.environ | {"MINILLM_MUTANT": told},
            capture_output=True,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        return "timed out", "", len(names)
    fate = {0: "survived", 1: "killed"}.get(ended.returncode, "not born")
    return fate, "a new process", len(names)
