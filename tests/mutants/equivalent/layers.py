"""Mutants of minillm.layers that compute the same."""

EQUIVALENT: dict[str, dict[tuple[str, str], str]] = {}
