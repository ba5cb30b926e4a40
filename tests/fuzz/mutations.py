"""Valid files made hostile: bytes that are cut, turned and moved, JSON that lies."""

import json
from typing import Any

from tests.fuzz.choices import Choices

TOKENS = (
    *(b"", b"\x00", b"\xff" * 8, b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xe2\x80\xa8"),
    *(b"\n", b"\r\n", b"\t", b" ", b"/", b'"', b"\\ud800", b"\\u0000"),
    *(b"{", b"}", b"[", b"]", b",", b":", b"null", b"true", b"NaN", b"-Infinity"),
    *(b"1e400", b"-1", b"0", b"1.0", b"9" * 25, b"9" * 5000, b"[" * 20_000),
    *((2**60).to_bytes(8, "little"), (2**31).to_bytes(8, "little"), b"\x1b[2J"),
)
NUMBERS = (
    *(0, -1, 1, 2, 3, 7, 255, 256, 2**15, 2**31 - 1, 2**31, 2**40, 2**63 - 1, 2**63),
    *(2**64, 10**400, -(2**63), 0.0, -0.0, 0.5, 1.0, 5e-324, 1e-300, 1e30, 1e308),
    *(float("nan"), float("inf"), float("-inf")),
)
TEXTS = (
    *("", " ", "\n", "\x00", "\x1b[31m", "\ud800", "\udcff", "é", "\U0001f600", "x" * 3000),
    *("..", "../../outside", "/etc/passwd", "a/b", "a\\b", "~", "%s{0}", "-1", "1e400"),
    *(
        "none",
        "rotary",
        "relative",
        "alibi",
        "sinusoidal",
        "untied",
        "gated",
        "F64",
        "BF16",
    ),
)
RAW = (  # what json.dumps does not write: `dump` puts it where these texts stand
    *(('"<deep>"', "[" * 20_000), ('"<deep object>"', '{"":' * 20_000)),
    *(('"<long>"', "9" * 5000), ('"<beyond>"', "1e400"), ('"<again>', '"')),
)
OTHERS = (
    "<deep>",
    "<deep object>",
    "<long>",
    "<beyond>",
    None,
    True,
    False,
    [],
    {},
    [[]],
    [None],
    {"": {}},
    [0] * 70,
    [[[[[[]]]]]],
)


def mutate_bytes(raw: bytes, choices: Choices) -> bytes:
    """One to four edits."""
    for _ in range(1 + choices.below(4)):
        start = choices.below(len(raw) + 1)
        stop = min(len(raw), start + choices.below(24))
        match choices.below(7):
            case 0:
                raw = raw[:start]
            case 1:
                raw = raw[:start] + choices.of(TOKENS) + raw[stop:]
            case 2:
                raw = raw[:start] + raw[stop:]
            case 3:
                raw = raw[:stop] + raw[start:]
            case 4:
                at = choices.below(len(raw) + 1)
                raw = raw[:at] + raw[start:stop] + raw[at:]
            case 5:
                raw = raw[:start] + choices.bytes(4) + raw[stop:]
            case _:
                flipped = bytes(byte ^ (1 << choices.below(8)) for byte in raw[start:stop])
                raw = raw[:start] + flipped + raw[stop:]
    return raw


def mutate_json(value: Any, choices: Choices) -> Any:
    """The same value with something in it that is gone, new, moved or of another kind."""
    if isinstance(value, dict) and value and not choices.one_in(12):
        return _mutate_dict(value, choices)
    if isinstance(value, list) and value and not choices.one_in(12):
        return _mutate_list(value, choices)
    return hostile(value, choices)


def hostile(value: Any, choices: Choices) -> Any:
    """Something else in its place, near to it or far from it."""
    near = [value, [value], {"x": value}, str(value)]
    if isinstance(value, int | float):
        near += [value + 1, value - 1, -value, 2 * value, bool(value)]
        near += [float(value)] if abs(value) < 2**64 else []
    if isinstance(value, str):
        near += [value + "x", value[:-1], value.upper(), "../" + value, value + "\x00"]
    return choices.of([near, NUMBERS, TEXTS, OTHERS][choices.below(4)])


def dump(value: Any) -> bytes:
    """JSON with NaN, Infinity, lone surrogates, and what RAW names."""
    text = json.dumps(value)
    for name, raw in RAW:
        text = text.replace(name, raw)
    return text.encode()


def _mutate_dict(value: dict[str, Any], choices: Choices) -> dict[str, Any]:
    key, changed = choices.of(list(value)), dict(value)
    match choices.below(10):
        case 7:
            del changed[key]
        case 8:
            changed[str(hostile(key, choices))[:3000]] = changed.pop(key)
        case 9:
            changed[choices.of(("<again>" + key, *TEXTS[:12]))] = changed[key]
        case _:
            changed[key] = mutate_json(value[key], choices)
    return changed


def _mutate_list(value: list[Any], choices: Choices) -> list[Any]:
    at = choices.below(len(value))
    match choices.below(8):
        case 5:
            return value[:at] + value[at + 1 :]
        case 6:
            return [*value, value[at]]
        case 7:
            return value[at:] + value[:at]
        case _:
            return [*value[:at], mutate_json(value[at], choices), *value[at + 1 :]]
