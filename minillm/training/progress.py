"""Where a long training stands: step, loss, speed and time left, on stderr."""

import sys
import time
from typing import TextIO


class Progress:
    """One line that renews itself in a terminal; elsewhere a line now and then."""

    def __init__(
        self, total_steps: int, *, stream: TextIO | None = None, every: float | None = None
    ) -> None:
        self.total_steps = total_steps
        self.stream = sys.stderr if stream is None else stream
        self.renews = self.stream.isatty()
        self.every = every if every is not None else (0.2 if self.renews else 5.0)
        self.valid_loss: float | None = None
        self._begun = self._shown = time.monotonic()
        self._steps, self._tokens = 0, 0
        self._width = 0  # of the line that renews itself, as long as there is one

    def update(self, step: int, loss: float, tokens: int) -> None:
        """After each step: its number, its loss in nats per token, its target tokens."""
        self._steps += 1
        self._tokens += tokens
        now = time.monotonic()
        if now - self._shown < self.every and self._steps > 1 and step < self.total_steps:
            return
        self._shown = now
        per_second = self._tokens / max(1e-9, now - self._begun)
        left = (self.total_steps - step) * (now - self._begun) / self._steps
        valid = "" if self.valid_loss is None else f"  valid {self.valid_loss:.3f}"
        self._show(
            f"step {step:>{len(str(self.total_steps))}}/{self.total_steps}  "
            f"loss {loss:.3f}{valid}  {per_second:,.0f} tokens/s  {clock(left)} left"
        )

    def say(self, text: str) -> None:
        """A line of its own, above the one that renews itself."""
        self._erase()
        print(text, file=self.stream, flush=True)

    def close(self) -> None:
        """End the line that renews itself."""
        if self._width:
            print(file=self.stream, flush=True)
        self._width = 0

    def _show(self, line: str) -> None:
        if self.renews:
            self.stream.write("\r" + line.ljust(self._width))
            self.stream.flush()
            self._width = len(line)
        else:
            print(line, file=self.stream, flush=True)

    def _erase(self) -> None:
        if self._width:
            self.stream.write("\r" + " " * self._width + "\r")
        self._width = 0


def clock(seconds: float) -> str:
    """75 -> 1m15s"""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{seconds:02}s"
