"""The libraries that parity tests compare with, or one line that says how to get them."""

import pytest


def library(name):
    """The module of this name; without it, the test module that asks is skipped."""
    __tracebackhide__ = True
    reason = f"{name.split('.')[0]} is missing: pip install '.[test,parity]'"
    return pytest.importorskip(name, reason=reason)
