"""Rows of the index: data and objectives."""

from tests.equations.row import Row

ROWS: tuple[Row, ...] = ()

NO_EQUATION: dict[str, str] = {}  # public names that compute nothing a paper states
