"""Measuring in turns: each contestant is a process of its own that answers questions.

A contestant prepares once, then waits: for each line on its stdin, the name of a question,
it prints one line of JSON on its stdout. So only one of them works at a time, each keeps
its own libraries, threads and allocator, and rounds can alternate (A B A B ...): what a
busy neighbour takes away, it takes from both.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any, Self

# What a person may have set for other work decides nothing here.
NOT_INHERITED = ("OPENBLAS_", "OMP_", "MKL_", "MALLOC_", "KMP_", "GOMP_")


class ContestantError(RuntimeError):
    """A contestant ended without an answer; why is on stderr."""


class Contestant:
    """`python -m module *arguments`, which must call `answer`."""

    def __init__(self, module: str, *arguments: object) -> None:
        self.name = " ".join([module, *map(str, arguments)])
        command = [sys.executable, "-m", module, *map(str, arguments)]
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(NOT_INHERITED)
        }
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )

    def ask(self, question: str) -> Any:
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            print(question, file=self.process.stdin, flush=True)
        except BrokenPipeError:
            raise ContestantError(f"{self.name} ended early") from None
        line = self.process.stdout.readline()
        if not line:
            raise ContestantError(f"{self.name} did not answer {question!r}")
        return json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.kill()
        self.process.communicate()


def answer(questions: Mapping[str, Callable[[], Any]]) -> None:
    """The contestant's side: answer each question that is asked, until the end."""
    for line in sys.stdin:
        print(json.dumps(questions[line.strip()]()), flush=True)


# A contestant's module and its arguments, by the name it races under.
Commands = Mapping[str, tuple[object, ...]]


class Race:
    """Contestants that are alive together; a context, as each is a process."""

    def __init__(self, commands: Commands) -> None:
        self.commands = commands

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.contestants = {
                name: stack.enter_context(Contestant(str(module), *arguments))
                for name, (module, *arguments) in self.commands.items()
            }
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stack.close()

    def ask(self, question: str) -> dict[str, Any]:
        """Everyone's answer, one after the other."""
        return {name: c.ask(question) for name, c in self.contestants.items()}

    def rounds(self, question: str, n: int) -> dict[str, list[Any]]:
        """Everyone's n answers, in turns."""
        return _by_name([self.ask(question) for _ in range(n)])


def fresh_rounds(commands: Commands, question: str, n: int) -> dict[str, list[Any]]:
    """As Race.rounds, for what can be measured once in the life of a process."""

    def one_round() -> dict[str, Any]:
        answers = {}
        for name, (module, *arguments) in commands.items():
            with Contestant(str(module), *arguments) as contestant:
                answers[name] = contestant.ask(question)
        return answers

    return _by_name([one_round() for _ in range(n)])


def _by_name(rounds: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [answers[name] for answers in rounds] for name in rounds[0]}
