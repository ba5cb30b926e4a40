"""Hostile bytes for everything that reads: only the errors that are documented come back.

    python -m tests.fuzz [--seconds N] [--only NAME] [--seed N]

needs the extra `fuzz` (atheris, which follows what an input covers). The same targets run
a few hundred times each in the ordinary suite (tests/test_hostile_files.py).
"""
