"""Mutants of minillm.tokenizers that compute the same, and those that loop for ever."""

EITHER_WAY = "The plain search and the heap merge a word alike: only time differs."
SHORT = "# below this many parts a plain search is faster than a heap"
NO_MERGE = "# greater than any token number: the pair has no merge"
BEYOND = "Any number will do that no token can have, as a token takes memory."
MORE_PLACES = "The places are 0 to end - 1; one that is added behind is never read."
ENDS = "before, after = list(range(-1, end - 1)), list(range(1, end + 1))"
TO_THE_LEFT = "if h >= 0 and (parts[h], new) in merges:"
NO_PART = (
    "h = -1 is no part, and parts[-1] is the last one. What is pushed for place -1 is "
    "thrown away when it is popped: nothing follows the last place, so that j == end."
)

BLOCKS = (
    "Words come out in the same order with no more than two held back, whenever a block is "
    "thought to be full: its size changes speed and memory alone."
)
NEW_BLOCK = "def __init__(self, block: int = 1 << 14) -> None:"
RESCAN = "# a long word: rescan rarely"
SLICES = "Special tokens are found in pieces as in the whole: only memory and speed differ."
SLICE = "# characters of a long text that are looked at together"
BY_THEN = "len(rest) - len(longest_first[0]) + 1"
DECIDED = f"parts, rest = _cut(rest, pattern, {BY_THEN})"
LATER = (
    "What is decided later than it could be is decided alike: it waits in rest for the "
    "next slice, or for the end of the text."
)
REMEMBERED = "How many words are remembered changes the speed alone."

STALE = (
    "The first pair that comes up goes back as it was, although its count is true: it "
    "comes up again, for ever."
)
STANDS_STILL = (
    "i stops before the end of a word: the loop ends only where merging makes the word as "
    "short, and then it is merged as it should be."
)
OUT_OF_DATE = "if -promised == (true := self.count[pair]):"

EQUIVALENT: dict[str, dict[tuple[str, str], str]] = {
    "tokenizers/files.py": {
        (
            "content = file.read(MAX_FILE_BYTES + 1)",
            "content = file.read(MAX_FILE_BYTES + (2))",
        ): "One byte beyond the limit is enough to see that a file is too long.",
    },
    "tokenizers/gpt2_files.py": {
        (
            "visible = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}",
            "visible = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, (257))}",
        ): "256 is no byte: nobody asks whether it is visible.",
        (
            "hidden = [byte for byte in range(256) if byte not in visible]",
            "hidden = [byte for byte in range((257)) if byte not in visible]",
        ): "256 comes behind all hidden bytes, and is none that is looked up.",
        (
            "hidden = [byte for byte in range(256) if byte not in visible]",
            "hidden = [byte for byte in range((255)) if byte not in visible]",
        ): "Byte 255 is visible, and so not among the hidden ones.",
    },
    "tokenizers/merging.py": {
        **{
            (f"_SHORT = 64 {SHORT}", f"_SHORT = ({other}) {SHORT}"): EITHER_WAY
            for other in (63, 65)
        },
        **{
            (f"_NOTHING = 1 << 62 {NO_MERGE}", f"_NOTHING = {other} {NO_MERGE}"): BEYOND
            for other in ("(2) << 62", "1 << (63)", "1 << (61)")
        },
        ("_GONE = -1", "_GONE = -(2)"): "Any number will do that no token can have.",
        (
            "short = len(word) < _SHORT",
            "short = (len(word) <= _SHORT)",
        ): EITHER_WAY,
        **{
            (ENDS, ENDS.replace("end - 1", other, 1)): MORE_PLACES
            for other in ("(end + 1)", "(end)", "end - (0)")
        },
        (ENDS, ENDS.replace("end + 1", "end + (2)")): MORE_PLACES,
        (TO_THE_LEFT, "if (((parts[h], new) in merges)):"): NO_PART,
        (TO_THE_LEFT, "if h >= (-1) and (parts[h], new) in merges:"): NO_PART,
    },
    "tokenizers/pretokenize.py": {
        (
            "if text.isascii():",
            "if (False):",
        ): "The shadow of ASCII is itself: text is cut along it to the same words, slower.",
        **{
            (NEW_BLOCK, f"def __init__(self, block: int = {other}) -> None:"): BLOCKS
            for other in (
                *("(1 >> 14)", "(1)", "(2) << 14"),
                *("(0) << 14", "1 << (15)", "1 << (13)"),
            )
        },
        (
            f"self._wanted = max(self._block, 2 * self._size) {RESCAN}",
            f"self._wanted = max(self._block, (3) * self._size) {RESCAN}",
        ): BLOCKS,
    },
    "tokenizers/special_tokens.py": {
        **{
            (f"_SLICE = 1 << 14 {SLICE}", f"_SLICE = {other} {SLICE}"): SLICES
            for other in ("(1)", "(2) << 14", "1 << (15)", "1 << (13)")
        },
        **{
            (
                DECIDED,
                DECIDED.replace(BY_THEN, other),
            ): LATER
            for other in (
                "((len(rest) - len(longest_first[0])) - 1)",
                "((len(rest) - len(longest_first[0])))",
                "len(rest) - len(longest_first[0]) + (0)",
            )
        },
    },
    "tokenizers/word_cache.py": {
        **{
            ("_MAX_WORDS = 1 << 16", f"_MAX_WORDS = {other}"): REMEMBERED
            for other in (
                *("(1 >> 16)", "(1)", "(2) << 16"),
                *("(0) << 16", "1 << (17)", "1 << (15)"),
            )
        },
        (
            "super().__init__()",
            "pass",
        ): "A dict is empty before it is initialised with nothing, and after.",
    },
}

ENDLESS: dict[str, dict[tuple[str, str], str]] = {
    "tokenizers/bpe_training.py": {
        **{
            (OUT_OF_DATE, f"if {other}:"): STALE
            for other in (
                "(not (-promised == (true := self.count[pair])))",
                "(False)",
                "((-promised) != (true := self.count[pair]))",
                "(promised) == (true := self.count[pair])",
            )
        },
        (
            "word[i : i + 2] = [new]",
            "word[i : (i)] = [new]",
        ): "The pair stays behind the new token, and is the next that is found, for ever.",
        **{("i += 1", other): STANDS_STILL for other in ("i = 1", "pass", "i += (0)")},
    },
}
