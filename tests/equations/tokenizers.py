"""Rows of the index: tokenizers."""

from tests.equations.row import Row
from tests.mutants.planted import Planted

BPE = "tests/tokenizers/test_bpe.py::test_"
CLAIMS = "tests/tokenizers/test_bpe_claims.py::test_"
TRAINING = "tests/tokenizers/test_bpe_training.py::test_"
MERGING = "tests/tokenizers/test_merging.py::test_"
CUT = "tests/tokenizers/test_pretokenize.py::test_"
SPECIAL = "tests/tokenizers/test_special_tokens.py::test_"
FILES = "tests/tokenizers/test_files.py::test_"
WORDS = "tests/tokenizers/test_words.py::test_"

ROWS: tuple[Row, ...] = (
    Row(
        equation="byte-pair encoding, learned: merge a commonest pair, again and again",
        source="Gage 1994; Sennrich et al. 2016, sec. 3.2, alg. 1",
        names=("tokenizers.BPETokenizer", "tokenizers.BPETokenizer.train"),
        properties=(
            f"{CLAIMS}each_merge_is_a_commonest_pair_of_the_corpus_as_it_was_cut_then",
            f"{CLAIMS}"
            "a_merge_shortens_the_corpus_by_its_count_and_of_twins_by_half_at_least",
            f"{TRAINING}incremental_training_is_the_greedy_maximiser",
            f"{TRAINING}training_never_makes_the_same_bytes_twice",
            f"{TRAINING}texts_are_documents_of_their_own",
        ),
        walkthrough="02",
        mutant=Planted(
            "tokenizers/bpe_training.py",
            "count[word[i - 1], new] += repeats",
            "count[word[i - 1], new] += 1",
        ),
    ),
    Row(
        equation="byte-pair encoding, applied: the earliest merge first",
        source="Sennrich et al. 2016, sec. 3.2",
        names=("tokenizers.BPETokenizer.encode",),
        properties=(
            f"{CLAIMS}encoding_joins_the_earliest_learned_pair_first",
            f"{CLAIMS}nothing_that_was_learned_is_left_undone_inside_a_word",
            f"{MERGING}short_and_long_words_are_merged_as_defined",
            f"{BPE}ids_are_the_merges_applied_to_each_word",
            f"{BPE}a_stream_gives_the_ids_of_the_joined_text",
        ),
        walkthrough="02",
        mutant=Planted(
            "tokenizers/merging.py",
            "(new := min(makes))",
            "(new := next((m for m in makes if m != _NOTHING), _NOTHING))",
        ),
    ),
    Row(
        equation="decode(encode(text)) = text, on bytes",
        source="Radford et al. 2019, sec. 2.2",
        names=("tokenizers.BPETokenizer.decode",),
        properties=(
            f"{CLAIMS}any_text_comes_back_from_any_vocabulary",
            f"{CLAIMS}any_bytes_are_ids_and_come_back",
            f"{BPE}any_text_comes_back_with_special_tokens_too",
            f"{BPE}decode_never_fails_on_ids_of_the_vocabulary",
            f"{FILES}a_saved_tokenizer_comes_back",
        ),
        walkthrough="02",
        mutant=Planted(
            "tokenizers/bpe.py",
            'self.decode_bytes(ids).decode("utf-8", errors="replace")',
            '"".join(self.token_bytes(i).decode("utf-8", errors="replace") for i in ids)',
        ),
    ),
    Row(
        equation="the cut into words that merges never cross",
        source="Radford et al. 2019, sec. 2.2",
        names=("tokenizers.pretokenize.split",),
        properties=(
            f"{CUT}words_join_to_the_text",
            f"{CUT}words_are_cut_as_the_alternatives_say_one_by_one",
            f"{CUT}an_appended_text_changes_at_most_the_last_two_words",
            f"{CUT}a_text_in_pieces_gives_the_words_of_the_whole",
        ),
        walkthrough="02",
        mutant=Planted("tokenizers/pretokenize.py", 'rf"|[{_S}]+(?![^{_S}])"', '""'),
    ),
    Row(
        equation="special tokens: one id where allowed, ordinary text elsewhere",
        source="Radford et al. 2018, sec. 3.3",
        names=("tokenizers.special_tokens.words_and_specials",),
        properties=(
            f"{SPECIAL}text_that_looks_like_a_special_token_is_ordinary_unless_allowed",
            f"{SPECIAL}allowed_special_tokens_are_one_id_each_and_all_else_is_ordinary",
            f"{SPECIAL}an_allowed_special_token_is_one_id_and_borders_its_text",
            f"{SPECIAL}special_tokens_are_found_in_pieces_as_in_the_whole",
        ),
        walkthrough="02",
        mutant=Planted(
            "tokenizers/special_tokens.py",
            "words + splitter.finish() if special else words, special",
            "words, special",
        ),
    ),
    Row(
        equation="one token a word, one for all words that are not known",
        source="Bengio et al. 2003, sec. 4",
        names=("tokenizers.WordTokenizer",),
        properties=(
            f"{WORDS}text_of_known_words_comes_back",
            f"{WORDS}of_any_text_each_word_is_one_id_and_unknown_ones_are_lost",
            f"{WORDS}a_special_token_is_its_id_where_it_is_allowed_and_unknown_elsewhere",
            f"{WORDS}a_saved_tokenizer_comes_back_whichever_kind_is_asked_for",
        ),
        walkthrough="12",
        mutant=Planted(
            "tokenizers/words.py",
            "unknown if word in barred else self._ids.get(word, unknown)",
            "self._ids.get(word, unknown)",
        ),
    ),
    Row(
        equation="sentinels, one for each gap",
        source="Raffel et al. 2020, sec. 3.1.4",
        names=("tokenizers.sentinels",),
        properties=(f"{WORDS}sentinels_are_numbered_from_0_and_more_of_them_begin_alike",),
        walkthrough="13",
        mutant=Planted(
            "tokenizers/words.py", "for i in range(n))", "for i in range(1, n + 1))"
        ),
    ),
)

NO_EQUATION: dict[str, str] = {
    "tokenizers.TokenizerFileError": "an error",
    "tokenizers.load_tokenizer": "input: it opens what either tokenizer's save wrote",
}
