"""Rows of the index: data and objectives."""

from tests.equations.row import Row
from tests.mutants.planted import Planted

BATCHING = "tests/data/test_batching.py::test_"
CORPUS = "tests/data/test_corpus.py::test_"
EXAMPLES = "tests/data/test_examples.py::test_"
PADDING = "tests/data/test_padding.py::test_"
PRETRAINING = "tests/data/test_pretraining.py::test_"
MASKING = "tests/data/objectives/test_masking.py::test_"
SPANS = "tests/data/objectives/test_spans.py::test_"
SCORES = "tests/data/tasks/test_scores.py::test_"
ENTITIES = "tests/data/tasks/test_entities.py::test_"

FROM_SEED_AND_STEP = f"{PRETRAINING}a_batch_depends_on_seed_and_step_alone"
TOGETHER = f"{EXAMPLES}however_they_are_shuffled_what_belongs_together_stays_together"
ONE_EPOCH = f"{EXAMPLES}an_epoch_visits_every_example_once_and_all_batches_are_full"

ROWS: tuple[Row, ...] = (
    Row(
        equation="windows: pieces of a text, each once an epoch, in random order",
        source="Radford et al. 2018, sec. 4.1",
        names=("data.Windows",),
        properties=(
            f"{BATCHING}targets_are_the_inputs_one_token_later",
            f"{BATCHING}an_epoch_visits_every_window_once",
            f"{BATCHING}a_batch_depends_on_seed_and_step_alone",
            f"{BATCHING}in_time_every_token_is_a_target",
        ),
        walkthrough="07",
        mutant=Planted(  # some twice, and some never
            "data/batching.py", "rng.permutation(n)", "rng.integers(n, size=n)"
        ),
    ),
    Row(
        equation="sliding windows of evaluation: every token is a target once",
        source="Baevski & Auli 2019; Press et al. 2021, sec. 2",
        names=("data.evaluation_windows",),
        properties=(
            f"{BATCHING}every_token_but_the_first_is_scored_exactly_once",
            f"{BATCHING}overlapping_windows_give_every_target_its_context",
        ),
        walkthrough="07",
        mutant=Planted(  # what windows share would count in each
            "data/batching.py",
            "counted = (starts == 0) | (places >= starts + seq_len - stride)",
            "counted = places >= 0",
        ),
    ),
    Row(
        equation="paragraphs that are equal are kept once",
        source="Lee et al. 2022, sec. 4",
        names=("data.keep_paragraphs_once",),
        properties=(f"{CORPUS}first_occurrences_stay_in_order",),
        walkthrough="07",
        mutant=Planted(
            "data/corpus.py",
            "PARAGRAPH_BREAK.join(dict.fromkeys(_paragraphs(text)))",
            "PARAGRAPH_BREAK.join(sorted(set(_paragraphs(text))))",
        ),
    ),
    Row(
        equation="what is held out was not trained on",
        source="Lee et al. 2022",
        names=("data.split_tail",),
        properties=(
            f"{CORPUS}what_is_held_out_is_new_and_ends_the_text",
            f"{CORPUS}a_long_line_that_training_shows_is_never_held_out",
        ),
        walkthrough="07",
        mutant=Planted(
            "data/corpus.py",
            "valid = _new_paragraphs(text[cut:], train)",
            'valid = text[cut:].strip("\\n")',
        ),
    ),
    Row(
        equation="padding, and the mask of what is none",
        source="Sutskever et al. 2014, sec. 3.4",
        names=("data.pad",),
        properties=(
            f"{PADDING}every_row_is_its_sequence_and_then_padding_up_to_the_longest",
        ),
        walkthrough="12",
        mutant=Planted(  # in front of the text
            "data/padding.py",
            "mask = np.arange(lengths.max()) < lengths[:, None]",
            "mask = np.arange(lengths.max())[::-1] < lengths[:, None]",
        ),
    ),
    Row(
        equation="texts and their labels",
        source="Devlin et al. 2019, sec. 4.1",
        names=("data.ClassExamples",),
        properties=(
            f"{EXAMPLES}once_gives_every_example_once_in_order",
            TOGETHER,
            ONE_EPOCH,
        ),
        walkthrough="11",
        mutant=Planted(  # labels that are not shuffled with their texts
            "data/examples.py", "self.labels[places]", "self.labels[np.sort(places)]"
        ),
    ),
    Row(
        equation="tokens and their tags",
        source="Devlin et al. 2019, sec. 5.3",
        names=("data.TagExamples",),
        properties=(f"{EXAMPLES}a_tag_stays_with_its_token_and_padding_has_none", TOGETHER),
        walkthrough="11",
        mutant=Planted(  # padding would be tagged, with the first of the tags
            "data/examples.py",
            "pad([self.tags[i] for i in places], IGNORED)",
            "pad([self.tags[i] for i in places], 0)",
        ),
    ),
    Row(
        equation="pairs: the decoder reads what it has to say, one place later",
        source="Vaswani et al. 2017, sec. 3.1; Sutskever et al. 2014, sec. 2",
        names=("data.PairExamples",),
        properties=(
            f"{EXAMPLES}a_decoder_reads_start_and_target_and_says_target_and_end",
            TOGETHER,
        ),
        walkthrough="12",
        mutant=Planted(  # it would say what it reads
            "data/examples.py", "np.append(target, end_id)", "np.append(start_id, target)"
        ),
    ),
    Row(
        equation="masked language modelling: 15 % are chosen, and hidden 80/10/10",
        source="Devlin et al. 2019, sec. 3.1 and A.1",
        names=("data.objectives.mask_tokens", "data.MaskedWindows", "data.MaskedExamples"),
        properties=(
            f"{MASKING}each_row_is_asked_for_its_exact_share_and_at_least_one",
            f"{MASKING}special_tokens_and_padding_are_never_asked_for",
            f"{MASKING}whatever_the_text_chosen_places_follow_the_law",
            f"{MASKING}every_place_is_chosen_as_often_as_any_other",
            f"{PRETRAINING}masked_windows_hide_15_percent_of_the_windows",
            f"{PRETRAINING}masked_examples_hide_tokens_and_never_padding",
            FROM_SEED_AND_STEP,
        ),
        walkthrough="10",
        mutant=Planted(  # 80/20: no chosen token would be left as it was
            "data/objectives/masking.py",
            "MASKED, REPLACED = 0.8, 0.1",
            "MASKED, REPLACED = 0.8, 0.2",
        ),
    ),
    Row(
        equation="span corruption: 15 %, in spans of 3, become sentinels and are asked for",
        source="Raffel et al. 2020, fig. 2, sec. 3.1.4 and 3.3.4",
        names=(
            "data.objectives.corrupt",
            "data.objectives.restore",
            "data.objectives.noise_and_spans",
            "data.SpanCorruptedWindows",
        ),
        properties=(
            f"{SPANS}restore_undoes_corrupt",
            f"{SPANS}each_token_stands_on_one_side_and_each_sentinel_where_its_span_was",
            f"{SPANS}targets_close_with_one_more_sentinel",
            f"{SPANS}no_span_is_empty_and_kept_text_parts_them",
            f"{SPANS}how_much_is_cut_out_is_the_nearest_there_is_to_density_and_mean_span",
            f"{SPANS}two_spans_are_cut_in_any_way_with_equal_chances",
            f"{PRETRAINING}corrupted_windows_can_be_restored",
            FROM_SEED_AND_STEP,
        ),
        walkthrough="13",
        mutant=Planted(  # the targets would not close, as in many courses
            "data/objectives/spans.py", "    targets += [last]\n", ""
        ),
    ),
    Row(
        equation="sentinels, each with a number of its own",
        source="Raffel et al. 2020, sec. 3.1.4",
        names=("data.objectives.sentinel_ids",),
        properties=(
            f"{SPANS}the_nth_sentinel_is_the_one_with_that_number_wherever_it_stands",
        ),
        walkthrough="13",
        mutant=Planted(
            "data/objectives/spans.py",
            "return [special_tokens[name] for name in names]",
            "return sorted(special_tokens[name] for name in names)",
        ),
    ),
    Row(
        equation="exact match, and the mean of a score",
        source="Rajpurkar et al. 2016, sec. 6.1",
        names=("data.tasks.scores.exact_match", "data.tasks.scores.mean_score"),
        properties=(
            f"{SCORES}exact_match_knows_order_and_number",
            f"{SCORES}a_match_is_lost_by_another_order_and_by_a_word_more_or_less",
            f"{SCORES}an_exact_match_is_right_in_every_word",
            f"{SCORES}a_mean_counts_every_answer_once_in_whatever_order",
        ),
        walkthrough="12",
        mutant=Planted(  # the same words in another order
            "data/tasks/scores.py",
            "answer.split() == reference.split()",
            "sorted(answer.split()) == sorted(reference.split())",
        ),
    ),
    Row(
        equation="F1 over words",
        source="Lin 2004, sec. 2 (ROUGE-1); Rajpurkar et al. 2016, sec. 6.1",
        names=("data.tasks.scores.unigram_f1",),
        properties=(
            f"{SCORES}f1_is_the_harmonic_mean_of_precision_and_recall",
            f"{SCORES}f1_is_1_for_the_same_words_and_0_for_no_common_word",
        ),
        walkthrough="13",
        mutant=Planted(  # a word that is said twice would be right twice
            "data/tasks/scores.py",
            "(Counter(words) & Counter(expected)).total()",
            "sum(word in expected for word in words)",
        ),
    ),
    Row(
        equation="names from tags B, I and O",
        source="Ramshaw & Marcus 1995; Tjong Kim Sang & De Meulder 2003",
        names=("data.tasks.entity_scores.entities",),
        properties=(
            f"{ENTITIES}whatever_names_are_written_as_b_and_i_are_read_again",
            f"{ENTITIES}every_word_that_is_not_outside_belongs_to_one_entity",
        ),
        walkthrough="11",
        mutant=Planted(  # neighbours of one kind would be one name
            "data/tasks/entity_scores.py",
            'if begins == "I" and found and',
            "if found and",
        ),
    ),
    Row(
        equation="F1 over names: borders and kind are right",
        source="Tjong Kim Sang & De Meulder 2003",
        names=("data.tasks.entity_scores.entity_f1",),
        properties=(f"{ENTITIES}entity_f1_is_the_harmonic_mean_of_precision_and_recall",),
        walkthrough="11",
        mutant=Planted(
            "data/tasks/entity_scores.py",
            "return 2 * right / max(1, found + present)",
            "return right / max(1, found)",
        ),
    ),
)

NO_EQUATION: dict[str, str] = {  # public names that compute nothing a paper states
    "data.Split": "two texts",
    "data.read_text": "input: a file as text",
    "data.text_sha256": "which text was it?",
    "data.tour_text": "input: the text in every Python",
    "data.tasks.scores.floor": "a baseline of ours: the next answer's score",
}
