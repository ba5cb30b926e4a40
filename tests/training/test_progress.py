"""What a person sees while a model trains."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minillm.training import Progress
from minillm.training import progress as module
from minillm.training.progress import clock


class Terminal(io.StringIO):
    def isatty(self):
        return True

    def screen(self):
        """The lines that are left to see: \\r goes back, and what follows overwrites."""
        lines = []
        for line in self.getvalue().split("\n"):
            cells = []
            for part in line.split("\r"):
                cells[: len(part)] = part
            lines.append("".join(cells).rstrip())
        return lines


@pytest.fixture
def time(monkeypatch):
    """A clock that tests move."""

    class Time:
        now = 100.0

        def monotonic(self):
            return self.now

    monkeypatch.setattr(module, "time", Time())
    return module.time


def test_a_line_tells_step_loss_speed_and_time_left(time):
    stream = io.StringIO()
    progress = Progress(1000, stream=stream, every=0)
    for step in range(1, 11):
        time.now += 0.5
        progress.update(step, loss=3.14159, tokens=2048)
    last = stream.getvalue().splitlines()[-1]
    assert last == "step   10/1000  loss 3.142  4,096 tokens/s  8m15s left"


def test_the_validation_loss_is_shown_once_it_is_known(time):
    stream = io.StringIO()
    progress = Progress(2, stream=stream, every=0)
    progress.update(1, 2.0, 1)
    progress.valid_loss = 1.5
    progress.update(2, 2.0, 1)
    without, with_it = stream.getvalue().splitlines()
    assert "valid" not in without and "loss 2.000  valid 1.500  " in with_it


def test_after_a_resume_speed_and_time_are_of_this_run(time):
    stream = io.StringIO()
    progress = Progress(100, stream=stream, every=0)
    time.now += 2
    progress.update(91, 1.0, 50)  # 90 steps were done by an earlier process
    assert stream.getvalue() == "step  91/100  loss 1.000  25 tokens/s  0m18s left\n"


def test_a_log_file_gets_a_line_now_and_then_and_always_the_first_and_last(time):
    stream = io.StringIO()
    progress = Progress(100, stream=stream)
    for step in range(1, 101):
        time.now += 0.4
        progress.update(step, 1.0, 1)
    progress.close()
    assert "\r" not in stream.getvalue()
    steps = [int(n) for n in re.findall(r"step +(\d+)/", stream.getvalue())]
    assert steps == [1, 14, 27, 40, 53, 66, 79, 92, 100]


def test_a_terminal_is_renewed_five_times_a_second(time):
    stream = Terminal()
    progress = Progress(100, stream=stream)
    for step in range(1, 101):
        time.now += 0.0625
        progress.update(step, 1.0, 1)
    steps = [int(n) for n in re.findall(r"step +(\d+)/", stream.getvalue())]
    assert steps == [*range(1, 100, 4), 100]


@pytest.mark.parametrize("every", [0.5, 2.0])
def test_as_often_as_is_asked_for_a_line_is_shown(time, every):
    """On the very moment: after `every` seconds, and not one step later."""
    stream = io.StringIO()
    progress = Progress(20, stream=stream, every=every)
    for step in range(1, 21):
        time.now += 0.25
        progress.update(step, 1.0, 1)
    steps = [int(n) for n in re.findall(r"step +(\d+)/", stream.getvalue())]
    assert steps == [*range(1, 20, int(every / 0.25)), 20]


def test_a_clock_that_has_not_moved_yet_is_taken_for_a_nanosecond(time):
    stream = io.StringIO()
    Progress(10, stream=stream).update(1, 1.0, 3)
    assert "  3,000,000,000 tokens/s  0m00s left" in stream.getvalue()


class Pipe(io.StringIO):
    """Others read what has been flushed; is_terminal says how it is written."""

    def __init__(self, is_terminal):
        super().__init__()
        self.is_terminal, self.read = is_terminal, ""

    def isatty(self):
        return self.is_terminal

    def flush(self):
        self.read = self.getvalue()


@pytest.mark.parametrize("is_terminal", [True, False])
def test_what_is_written_can_be_read_at_once(is_terminal):
    pipe = Pipe(is_terminal)
    progress = Progress(2, stream=pipe, every=0)
    for act in (
        lambda: progress.update(1, 1.0, 1),
        lambda: progress.say("a text"),
        lambda: progress.update(2, 1.0, 1),
        progress.close,
    ):
        act()
        assert pipe.read == pipe.getvalue() != ""


def test_unless_told_otherwise_it_is_written_to_stderr(capsys):
    Progress(2).say("a text")
    assert capsys.readouterr() == ("", "a text\n")


def test_a_terminal_keeps_one_line_that_renews_itself(time):
    stream = Terminal()
    progress = Progress(1000, stream=stream, every=0)
    for step, loss in ((1, 123456.0), (2, 1.0), (3, 2.0)):  # shorter lines leave no rest
        time.now += 1
        progress.update(step, loss, 1)
        assert stream.screen() == [stream.getvalue().split("\r")[-1].rstrip()]
    assert stream.screen()[0].startswith("step    3/1000  loss 2.000")
    progress.close()
    progress.close()  # once is enough
    assert len(stream.screen()) == 2 and stream.screen()[1] == ""


def test_what_is_said_stands_above_the_line_that_renews_itself(time):
    stream = Terminal()
    progress = Progress(10, stream=stream, every=0)
    progress.update(1, 1.0, 1)
    progress.say("a text")
    progress.update(2, 1.0, 1)
    first, second = stream.screen()
    assert first == "a text" and second.startswith("step  2/10")


def test_what_is_said_is_in_a_log_as_it_is():
    stream = io.StringIO()
    Progress(10, stream=stream).say("a text")
    assert stream.getvalue() == "a text\n"


def test_after_what_is_said_no_line_is_left_to_erase_or_to_end(time):
    stream = Terminal()
    progress = Progress(10, stream=stream, every=0)
    progress.say("one")
    assert stream.getvalue() == "one\n"
    progress.update(1, 1.0, 1)
    progress.say("two")
    shown = stream.getvalue()
    progress.close()
    progress.say("three")
    assert stream.getvalue() == shown + "three\n"


def test_closing_what_never_showed_anything_prints_nothing():
    for stream in (Terminal(), io.StringIO()):
        Progress(10, stream=stream).close()
        assert stream.getvalue() == ""


@given(st.floats(0, 10**7))
def test_a_clock_is_right_to_its_last_digit(seconds):
    shown = clock(seconds)
    if match := re.fullmatch(r"(\d+)h(\d\d)m", shown):
        hours, minutes = map(int, match.groups())
        assert 0 <= round(seconds) - 3600 * hours - 60 * minutes < 60
    else:
        minutes, rest = map(int, re.fullmatch(r"(\d+)m(\d\d)s", shown).groups())
        assert minutes < 60 and 60 * minutes + rest == round(seconds)


def test_clocks_that_people_know():
    assert [clock(s) for s in (0, 59.6, 75, 3599.6, 7260)] == [
        "0m00s",
        "1m00s",
        "1m15s",
        "1h00m",
        "2h01m",
    ]
