"""What the host chose, or read from a file, is taken by layers on a device."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from minillm.device import to_device, to_host
from minillm.layers import Embedding, KVCache, Linear, Memory, StateCache
from tests.device.devices import StandIn
from tests.device.strict_backend import DeviceArray
from tests.strategies import rngs

BATCH = 3
chosen = st.lists(st.integers(0, BATCH - 1), min_size=1, max_size=5).map(np.array)


@given(rngs, chosen)
def test_rows_of_a_cache_may_be_chosen_on_the_host(rng, rows):
    k, v = rng.normal(size=(2, BATCH, 2, 4, 5))
    cache = KVCache(6)
    cache.extend(DeviceArray(k), DeviceArray(v))
    with StandIn().waits(0):
        cache.select(rows)
    nothing = DeviceArray(np.zeros((len(rows), 2, 0, 5)))
    k_kept, v_kept = cache.extend(nothing, nothing)
    assert_array_equal(to_host(k_kept), k[rows])
    assert_array_equal(to_host(v_kept), v[rows])


@given(rngs, chosen)
def test_rows_of_a_memory_may_be_chosen_on_the_host(rng, rows):
    k, v = rng.normal(size=(2, BATCH, 2, 4, 5))
    mask = rng.random((BATCH, 1, 1, 4)) < 0.5
    memory = Memory(DeviceArray(k), DeviceArray(v), DeviceArray(mask))
    with StandIn().waits(0):
        memory.select(rows)
    StandIn().agree([memory.k, memory.v, memory.mask], [k[rows], v[rows], mask[rows]])


@given(rngs, chosen)
def test_rows_of_states_may_be_chosen_on_the_host(rng, rows):
    cache, state = StateCache(), rng.normal(size=(BATCH, 2, 5))
    cache.replace(DeviceArray(state), 1)
    with StandIn().waits(0):
        cache.select(rows)
    StandIn().agree([cache.state], [state[rows]])


@given(rngs)
def test_weights_that_were_read_on_the_host_load_into_a_layer_on_the_device(rng):
    layer, other = Linear(3, 4, rng=rng), Linear(3, 4, rng=rng)
    to_device(layer, DeviceArray)
    layer.load_state_dict(other.state_dict())
    StandIn().agree(list(layer.state_dict().values()), list(other.state_dict().values()))


@given(rngs, st.lists(st.integers(0, 4), max_size=4).map(lambda ids: np.array(ids, int)))
def test_ids_come_from_the_host(rng, ids):
    layer = Embedding(5, 3, rng=rng)
    expected, _ = layer(ids)
    to_device(layer, DeviceArray)
    with StandIn().waits(0):
        y, _ = layer(ids)
    StandIn().agree([y], [expected])
