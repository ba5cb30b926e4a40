"""Mutants of minillm.layers that compute the same."""

ALL_IS_SEEN = (
    "The mask of one new query is a row of True, as it stands behind all keys: it adds 0 "
    "to every score. The condition saves the work of making it."
)
ROOM = (
    "Only what lies before len(cache) is handed out, and extend has written all of it: "
    "nobody reads what the room was filled with."
)
NO_TURN = "Without an order nothing is turned, wherever x starts: `start` is not read."
REFUSED = (
    "The buckets are thrown away. Whether they are refused depends on n_buckets and "
    "max_distance alone, as long as there are no more queries than keys."
)
IF_NONE = "if mask is None and n_new > 1:"
ROOM_OF_BOTH = (
    "self._k, self._v = np.zeros_like(k, shape=room), np.zeros_like(v, shape=room)"
)
TURN = "def turn(self, x: Array, start: int = {}) -> tuple[Array, Backward]:"
BUCKETS = "self.buckets({}, {}, n_buckets, max_distance) # to be refused now, not in use"

EQUIVALENT: dict[str, dict[tuple[str, str], str]] = {
    "layers/attention.py": {
        (IF_NONE, after): ALL_IS_SEEN
        for after in (
            "if ((mask is None)):",
            "if mask is None and (n_new >= 1):",
            "if mask is None and n_new > (0):",
        )
    },
    "layers/kv_cache.py": {
        (ROOM_OF_BOTH, ROOM_OF_BOTH.replace(zeros, f"({ones})")): ROOM
        for zeros, ones in (
            ("np.zeros_like(k, shape=room)", "np.ones_like(k, shape=room)"),
            ("np.zeros_like(v, shape=room)", "np.ones_like(v, shape=room)"),
        )
    },
    "layers/order.py": {
        (TURN.format(0), TURN.format(start)): NO_TURN for start in ("(1)", "(-1)")
    },
    "layers/relative.py": {
        (BUCKETS.format(1, 1), BUCKETS.format(*sizes)): REFUSED
        for sizes in (("(0)", 1), (1, "(2)"))
    },
}
