"""What counts as text: a str that UTF-8 can write."""

from collections.abc import Iterable, Iterator


def check_text(text: object, name: str = "text") -> str:
    """Return text, or raise ValueError if it is no str or holds a lone surrogate.

    A lone surrogate (U+D800 to U+DFFF) is half of a UTF-16 pair; it is no character
    and has no UTF-8 bytes, so it could not come back from a decode.
    """
    if not isinstance(text, str):
        raise ValueError(f"{name} must be a str, not {type(text).__name__}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{name} holds the lone surrogate U+{ord(text[error.start]):04X} at position "
            f"{error.start}: only whole characters can be encoded as UTF-8"
        ) from None
    return text


def check_texts(texts: object, name: str) -> Iterator[str]:
    """The texts one after another, each checked when its turn comes."""
    if isinstance(texts, str):
        texts = [texts]
    if not isinstance(texts, Iterable) or isinstance(texts, bytes | bytearray):
        given = type(texts).__name__
        raise ValueError(f"{name} must be a str or an iterable of str, not {given}")
    return (check_text(text, f"{name}[{i}]") for i, text in enumerate(texts))


def short(value: object) -> str:
    """repr, cut to a length that fits an error message; of lists and objects the type."""
    text = f"a {type(value).__name__}" if isinstance(value, list | dict) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
