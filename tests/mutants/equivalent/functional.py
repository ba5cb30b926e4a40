"""Mutants of minillm.functional that compute the same."""

EQUIVALENT: dict[str, dict[tuple[str, str], str]] = {}
