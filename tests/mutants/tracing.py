"""Which test enters which function of minillm, and how much work it is.

Seconds are those of the processor, so that a busy machine changes nothing.
"""

import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

import pytest

from tests.mutants.children import in_children
from tests.mutants.planted import PACKAGE

Entry = tuple[str, int]  # a function: its file below minillm, its first line
SECONDS = 600  # for the tests of one file


@dataclass(frozen=True)
class Traced:
    """A test that passes as long as nothing is mutated."""

    name: str
    seconds: float
    entered: frozenset[Entry]


def trace(session: pytest.Session, jobs: int) -> tuple[list[Traced], list[str]]:
    """Every collected test, run once, each file in a child; and those that failed."""
    files: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in session.items:
        files[str(item.path)].append(item)
    traced, failed = [], []
    for items, answers in in_children(list(files.values()), trace_file, jobs, SECONDS):
        if not isinstance(answers, list):
            failed += [item.nodeid for item in items]
            continue
        for name, outcomes, seconds, entered in answers:
            if outcomes == ["passed"]:
                traced.append(Traced(name, seconds, frozenset(map(tuple, entered))))
            elif "failed" in outcomes:
                failed.append(name)
    return traced, failed


def trace_file(items: Sequence[pytest.Item]) -> list[Any]:
    """What fixtures did for one test of a file, they are taken to do for all."""
    answers, shared, shared_seconds = [], set[Entry](), 0.0
    for item, following in zip(items, [*items[1:], None], strict=True):
        phases: dict[str, set[Entry]] = {}
        lasted: dict[str, float] = {}
        item.config.pluginmanager.register(watch := Phases(phases, lasted))
        outcomes = sorted({report.outcome for report in run(item, following)})
        item.config.pluginmanager.unregister(watch)
        shared |= phases.get("setup", set())
        shared_seconds += lasted.get("setup", 0.0)
        seconds = lasted.get("call", 0.0) + shared_seconds
        entered = sorted(shared | phases.get("call", set()))
        answers.append([item.nodeid, outcomes, seconds, entered])
    return answers


def run(item: pytest.Item, following: pytest.Item | None = None) -> list[pytest.TestReport]:
    """Set up, call, tear down."""
    from _pytest.runner import runtestprotocol

    return runtestprotocol(item, log=False, nextitem=following)


class Phases:
    """A pytest plugin that notes what is entered in each phase of one test."""

    def __init__(self, phases: dict[str, set[Entry]], lasted: dict[str, float]) -> None:
        self.phases, self.lasted = phases, lasted

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self) -> Iterator[None]:
        with self.phase("setup"):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Iterator[None]:
        with self.phase("call"):
            return (yield)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        entered: set[Any] = set()

        def note(frame: FrameType, event: str, _: object) -> None:
            if event == "call":
                entered.add(frame.f_code)

        threading.setprofile(note)
        sys.setprofile(note)
        start = time.process_time()
        try:
            yield
        finally:
            self.lasted[name] = time.process_time() - start
            sys.setprofile(None)
            threading.setprofile(None)
            ours = str(PACKAGE) + "/"
            self.phases[name] = {
                (code.co_filename.removeprefix(ours), code.co_firstlineno)
                for code in entered
                if code.co_filename.startswith(ours)
            }
