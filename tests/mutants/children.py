"""Do work in forked children, several at a time; what they find comes back as JSON."""

import json
import os
import resource
import selectors
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

MEMORY = 8 << 30  # bytes for one child: a defect may ask for all there is
LOST: dict[str, Any] = {"lost": True}  # of a child that died, or was stopped


def in_children(
    tasks: Sequence[Any], work: Callable[[Any], Any], jobs: int, seconds: float
) -> Iterator[tuple[Any, Any]]:
    """(task, work(task)) in the order in which they are done; LOST after `seconds`."""
    waiting = list(reversed(tasks))
    running: dict[int, tuple[Any, int, float, bytearray]] = {}
    with selectors.DefaultSelector() as selector:
        while waiting or running:
            while waiting and len(running) < jobs:
                task = waiting.pop()
                pid, pipe = start(work, task)
                running[pipe] = task, pid, time.monotonic() + seconds, bytearray()
                selector.register(pipe, selectors.EVENT_READ)
            ready = {key.fd for key, _ in selector.select(timeout=1)}
            for pipe, (task, pid, end, received) in list(running.items()):
                if pipe in ready and (part := os.read(pipe, 1 << 16)):
                    received += part
                elif pipe in ready or time.monotonic() > end:
                    selector.unregister(pipe)
                    del running[pipe]
                    stop(pid, pipe)
                    yield task, json.loads(received) if pipe in ready and received else LOST


def start(work: Callable[[Any], Any], task: Any) -> tuple[int, int]:
    """A child that works, and where its answer can be read."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        os.setpgid(0, 0)
        quiet()
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a background
        try:
            answer = json.dumps(work(task)).encode()
            while answer:
                answer = answer[os.write(writing, answer) :]
        finally:  # without an answer the task is lost, and is not taken for done
            os._exit(0)
    os.close(writing)
    return pid, reading


def quiet() -> None:
    """What a child prints is nobody's business."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)


def stop(pid: int, pipe: int) -> None:
    """End a child and all that it started."""
    os.close(pipe)
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
