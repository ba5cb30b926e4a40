"""T5's buckets: few numbers for all distances, fine when near and coarse when far."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm import functional as F
from tests.strategies import rngs, unequal_sizes

sides = st.integers(2, 20)  # buckets for one direction


def causal_row(n_buckets, max_distance, n=300):
    """The bucket of each distance back, from 0 on."""
    return F.causal_buckets(1, n, n_buckets, max_distance)[0, ::-1]


@given(sides, st.integers(1, 200))
def test_near_keys_have_a_bucket_each_and_far_ones_share_the_last(n_buckets, more):
    exact = n_buckets // 2
    max_distance = exact + more
    buckets = causal_row(n_buckets, max_distance)
    assert_array_equal(buckets[:exact], np.arange(exact))
    assert (buckets[max_distance:] == n_buckets - 1).all()
    assert buckets.dtype.kind == "i"
    assert (np.diff(buckets) >= 0).all()


@given(sides, st.integers(1, 200))
def test_a_far_bucket_begins_where_its_logarithm_does(n_buckets, more):
    """Bucket exact + b holds distances from exact (max_distance / exact)^(b / wide) on."""
    exact, wide = n_buckets // 2, n_buckets - n_buckets // 2
    max_distance = exact + more
    buckets = causal_row(n_buckets, max_distance)
    for b in range(wide):
        edge = exact * (max_distance / exact) ** (b / wide)
        held = np.arange(300) >= edge * (1 - 1e-12)
        assert_array_equal(buckets >= exact + b, held)


@pytest.mark.parametrize(
    ("n_buckets", "max_distance", "distance", "bucket"),
    [
        (3, 25, 5, 1 + 1),
        (8, 100, 20, 4 + 2),
        (16, 200, 40, 8 + 4),
        (17, 27, 18, 8 + 6),
        (9, 128, 16, 4 + 2),
        (10, 160, 20, 5 + 2),
        (19, 16, 12, 9 + 5),
        (19, 288, 36, 9 + 4),
    ],
)
def test_a_whole_logarithm_is_not_rounded_below_itself(
    n_buckets, max_distance, distance, bucket
):
    """log 5 / log 25 is 1/2, and a bucket begins there; which of them would be rounded
    depends on the machine's logarithm."""
    assert causal_row(n_buckets, max_distance)[distance] == bucket


def test_t5s_own_32_buckets():
    """Sixteen of one distance; then, by hand, 16 * 8^(b / 16) rounded up."""
    edges = [16, 19, 21, 24, 27, 31, 35, 40, 46, 52, 59, 67, 77, 87, 99, 113]
    buckets = causal_row(32, 128)
    assert_array_equal(buckets[:16], np.arange(16))
    for b, (start, stop) in enumerate(pairwise([*edges, 300]), 16):
        assert (buckets[start:stop] == b).all()


@pytest.mark.parametrize("buckets", [F.causal_buckets, F.bidirectional_buckets])
def test_unless_told_otherwise_there_are_the_papers_32_buckets_up_to_128(buckets):
    assert_array_equal(buckets(140, 140), buckets(140, 140, 32, 128))


def test_a_logarithm_that_is_short_of_whole_is_not_rounded_up():
    """2 log 5000 / log 25000000.5 is 1 - 1.2e-9."""
    assert causal_row(4, 50_000_001, 10_002)[[10_000, 10_001]].tolist() == [2, 3]


@given(st.integers(1, 6), st.integers(0, 30), sides)
def test_queries_are_the_last_positions_and_what_lies_ahead_counts_as_here(
    n_queries, n_old, n_buckets
):
    n_keys = n_queries + n_old
    buckets = F.causal_buckets(n_queries, n_keys, n_buckets, 40)
    row = causal_row(n_buckets, 40)
    for i, j in np.ndindex(n_queries, n_keys):
        assert buckets[i, j] == row[max(n_old + i - j, 0)]


@given(st.integers(1, 9), st.integers(0, 30), sides)
def test_either_side_has_half_of_the_buckets(n_queries, n_old, half):
    n_keys = n_queries + n_old
    buckets = F.bidirectional_buckets(n_queries, n_keys, 2 * half, 40)
    row = causal_row(half, 40)
    for i, j in np.ndindex(n_queries, n_keys):
        ahead = j - (n_old + i)
        assert buckets[i, j] == row[abs(ahead)] + (half if ahead > 0 else 0)


@pytest.mark.parametrize(
    ("buckets", "options", "message"),
    [
        (F.causal_buckets, (1, 128), "n_buckets 1"),
        (F.causal_buckets, (32, 16), "max_distance 16"),
        (F.bidirectional_buckets, (2, 128), "n_buckets 1"),
        (F.bidirectional_buckets, (7, 128), "n_buckets 7 is odd"),
        (F.bidirectional_buckets, (32, 8), "max_distance 8"),
    ],
)
def test_buckets_that_do_not_fit_are_refused(buckets, options, message):
    with pytest.raises(ValueError, match=message):
        buckets(3, 4, *options)


@given(rngs, unequal_sizes(4))
def test_every_entry_is_read_from_the_table_and_taught_by_all_that_read_it(rng, sizes):
    n_queries, n_keys, n_buckets, n_heads = sizes
    buckets = rng.integers(0, n_buckets, (n_queries, n_keys))
    table = rng.normal(size=(n_buckets, n_heads))
    bias, backward = F.relative_bias(buckets, table)
    dbias = rng.normal(size=bias.shape)
    dtable = backward(dbias)
    onehot = buckets[..., None] == np.arange(n_buckets)
    assert_array_equal(bias, np.moveaxis(table[buckets], -1, 0))
    assert_allclose(dtable, np.einsum("hij,ijb->bh", dbias, onehot), rtol=1e-12, atol=1e-12)


@given(rngs, unequal_sizes(4))
def test_the_memory_order_of_a_table_is_of_no_importance(rng, sizes):
    n_queries, n_keys, n_buckets, n_heads = sizes
    buckets = rng.integers(0, n_buckets, (n_queries, n_keys))
    table = rng.normal(size=(n_buckets, n_heads))
    bias, backward = F.relative_bias(buckets, table)
    bias_turned, backward_turned = F.relative_bias(buckets, np.asfortranarray(table))
    assert_array_equal(bias_turned, bias)
    assert_array_equal(backward_turned(bias), backward(bias))


@pytest.mark.parametrize("buckets", [F.causal_buckets, F.bidirectional_buckets])
def test_more_queries_than_keys_are_refused(buckets):
    with pytest.raises(ValueError, match="n_queries 4: give 3 at most, which is n_keys"):
        buckets(4, 3)
