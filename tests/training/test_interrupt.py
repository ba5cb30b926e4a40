"""Ctrl-C asks once, and insists when it is pressed again."""

import os
import signal
import threading

import pytest

from minillm.training.interrupt import finish_on_interrupt


def press_ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)


def test_it_tells_whether_ctrl_c_was_pressed():
    heard = []
    try:
        with finish_on_interrupt() as interrupted:
            heard.append(interrupted())
            press_ctrl_c()
            heard.append(interrupted())
    except KeyboardInterrupt:
        pytest.fail("the step at hand could not finish")
    assert heard == [False, True]


def test_a_second_ctrl_c_is_immediate():
    heard = []
    with pytest.raises(KeyboardInterrupt), finish_on_interrupt() as interrupted:
        press_ctrl_c()
        heard.append(interrupted())
        press_ctrl_c()
        heard.append("nothing")
    assert heard == [True]


def test_whoever_heard_ctrl_c_before_hears_it_again_however_it_ends():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ZeroDivisionError), finish_on_interrupt():
        assert signal.getsignal(signal.SIGINT) is not before
        _ = 1 / 0
    assert signal.getsignal(signal.SIGINT) is before


def test_beside_the_main_thread_nothing_is_heard_and_nothing_changes():
    def work():
        with finish_on_interrupt() as interrupted:
            answers.append((interrupted(), signal.getsignal(signal.SIGINT)))

    answers, before = [], signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert answers == [(False, before)]
