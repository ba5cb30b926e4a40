"""The table's arithmetic, apart from any measuring."""

from tests.benchmarks.table import Ratio, Row, markdown


def test_the_median_compares_neighbours_in_time() -> None:
    """The second round was slow for both. The ratio of medians would be 3 / 2."""
    ratio = Ratio([1.0, 20.0, 3.0], [2.0, 40.0, 2.0])
    assert ratio.of_rounds == [0.5, 0.5, 1.5]
    assert ratio.median == 0.5


def test_best_rounds_are_the_lowest_times_and_the_highest_rates() -> None:
    ratio = Ratio([1.0, 4.0], [2.0, 2.0])
    assert Row("time", ratio, 1.0).best == 0.5
    assert Row("rate", ratio, 1.0, at_least=True).best == 2.0


def test_a_target_is_a_ceiling_for_times_and_a_floor_for_rates() -> None:
    half = Ratio([1.0], [2.0])
    assert Row("time", half, 0.5).met
    assert not Row("time", half, 0.4).met
    assert Row("rate", half, 0.5, at_least=True).met
    assert not Row("rate", half, 0.6, at_least=True).met


def test_a_row_whose_sides_disagree_does_not_count() -> None:
    row = Row("time", Ratio([1.0], [2.0]), 1.0, fault="the texts differ")
    assert not row.met
    assert "does not count: the texts differ" in row.markdown()


def test_every_line_of_the_table_has_as_many_cells_as_its_head() -> None:
    rows = [Row("time", Ratio([1.0, 2.0], [2.0, 3.0]), 1.0)]
    lines = markdown(rows).splitlines()
    assert len(lines) == 3
    assert {line.count("|") for line in lines} == {7}
