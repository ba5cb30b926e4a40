"""Rows of the index: operations of storey one."""

from tests.equations.row import Row

ROWS: tuple[Row, ...] = ()

NO_EQUATION: dict[str, str] = {}  # public names that compute nothing a paper states
