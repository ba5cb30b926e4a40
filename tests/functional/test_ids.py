"""The door for ids and masks: what is refused, by name, and what is left alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minillm.functional.ids import check_array, check_ids
from minillm.functional.masks import check_mask
from tests.device.devices import StandIn
from tests.device.strict_backend import DeviceArray


@pytest.mark.parametrize("value", [[1, 2], (1, 2), 3, None, "ids"])
def test_what_is_no_array_is_refused_by_name_and_type(value):
    message = f"ids of type {type(value).__name__}: give an array"
    with pytest.raises(ValueError, match=message):
        check_array("ids", value)
    with pytest.raises(ValueError, match=message):
        check_ids("ids", value, 5)
    if value is not None:
        with pytest.raises(ValueError, match=message):
            check_mask("ids", value, (2,))


@given(st.lists(st.integers(-3, 12)), st.integers(1, 10))
def test_ids_pass_from_0_to_one_before_n_and_no_others(ids, n):
    array = np.array(ids, np.int64)
    if all(0 <= i < n for i in ids):
        check_ids("ids", array, n)
    else:
        wrong = min(ids) if min(ids) < 0 else max(ids)
        with pytest.raises(ValueError, match=rf"ids {wrong} is out .* from 0 to {n - 1}$"):
            check_ids("ids", array, n)


@pytest.mark.parametrize("dtype", [float, bool, object])
def test_ids_that_are_no_integers_are_refused(dtype):
    with pytest.raises(ValueError, match=f"ids: ids are integers, not {np.dtype(dtype)}"):
        check_ids("ids", np.ones(2, dtype), 5)


def test_no_ids_are_no_wrong_ids():
    check_ids("ids", np.zeros((3, 0)), 5)


def test_ids_and_targets_on_a_device_are_not_waited_for():
    with StandIn().waits(0):
        check_array("ids", DeviceArray(np.array([7])))
        check_ids("ids", DeviceArray(np.array([7])), 5)


def test_a_mask_of_bool_and_of_the_right_shape_passes_and_so_does_none():
    check_mask("mask", np.ones((2, 3), bool), (2, 3))
    check_mask("mask", None, (2, 3))


@pytest.mark.parametrize("dtype", [int, float, np.uint8])
def test_a_mask_of_numbers_is_refused(dtype):
    message = f"mask {np.dtype(dtype)}: give bool, True where there is a token"
    with pytest.raises(ValueError, match=message):
        check_mask("mask", np.ones((2, 3), dtype), (2, 3))


@pytest.mark.parametrize("shape", [(), (3,), (3, 2), (2, 1), (2, 3, 1)])
def test_a_mask_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"mask .*: give \(2, 3\), as the ids are"):
        check_mask("mask", np.ones(shape, bool), (2, 3))
