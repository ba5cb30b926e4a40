"""Rows of the index: models."""

from tests.equations.row import Row
from tests.mutants.planted import Planted

COUNTING = "tests/models/test_counting.py::test_"
DECODER = "tests/models/test_decoder_only.py::test_"
ENCODER = "tests/models/test_encoder_only.py::test_"
HEADS = "tests/models/test_heads.py::test_"
PAIR = "tests/models/test_encoder_decoder.py::test_"
PREFIX = "tests/models/test_prefix_lm.py::test_"
PUBLISHED = "tests/models/test_published.py::test_"
RECURRENT = "tests/models/test_recurrent.py::test_"
SINGLE_STEP = "tests/models/test_single_step.py::test_"

READS_LEFT_TO_RIGHT = (
    f"{RECURRENT}the_future_cannot_be_seen_to_the_last_bit",
    f"{RECURRENT}steps_in_any_chunks_equal_one_full_pass",
    f"{RECURRENT}single_steps_equal_steps",
    f"{RECURRENT}no_two_places_drop_by_the_same_numbers",
)
BEHIND_THE_MASK = f"{HEADS}what_stands_behind_the_mask_changes_no_answer"
ROW_OF_PADDING = f"{HEADS}a_row_of_padding_changes_neither_the_loss_nor_a_gradient"

ROWS: tuple[Row, ...] = (
    Row(
        equation="decoder-only transformer: each position sees itself and those before",
        source="Radford et al. 2019, sec. 2.3",
        names=("models.DecoderOnly",),
        properties=(
            f"{DECODER}the_future_cannot_be_seen_to_the_last_bit",
            f"{DECODER}no_gradient_comes_from_the_future",
            f"{DECODER}steps_in_any_chunks_equal_one_full_pass",
            f"{DECODER}the_order_of_the_words_before_is_seen_unless_nothing_tells_it",
            f"{DECODER}sequences_of_a_batch_do_not_meet",
            f"{DECODER}maps_are_lower_triangular_and_their_rows_sum_to_one",
            f"{DECODER}maps_reproduce_the_output_of_their_blocks",
            f"{DECODER}a_tied_matrix_learns_from_both_ends",
            f"{DECODER}no_two_places_drop_by_the_same_numbers",
            f"{DECODER}what_ends_a_branch_is_drawn_smaller_by_the_root_of_the_branches",
        ),
        walkthrough="07",
        mutant=Planted(  # the answer is read; every gradient is still right
            "models/decoder_only.py",
            "return F.causal_mask(n, n, like=h)",
            "return F.causal_mask(n, n + 1, like=h)[:, :-1]",
        ),
    ),
    Row(
        equation="one token at a time gives what a whole step gives",
        source="Shazeer 2019, sec. 2.4",
        names=("models.SingleStep",),
        properties=(f"{SINGLE_STEP}single_steps_equal_steps",),
        walkthrough="14",
        mutant=Planted(  # queries would all stand at the beginning
            "models/single_step.py",
            "attn.order.turn(q[None], len(cache))",
            "attn.order.turn(q[None])",
        ),
    ),
    Row(
        equation="encoder: every token in sight of every other, padding of none",
        source="Devlin et al. 2019, sec. 3",
        names=("models.EncoderOnly",),
        properties=(
            f"{ENCODER}what_stands_behind_the_mask_changes_nothing_to_the_last_bit",
            f"{ENCODER}a_padded_sequence_is_the_shorter_one",
            f"{ENCODER}padding_in_front_is_seen_by_absolute_positions_alone",
            f"{ENCODER}no_gradient_comes_through_padding",
            f"{ENCODER}rows_of_nothing_but_padding_say_nothing_and_teach_nothing",
            f"{ENCODER}the_first_token_sees_the_last_and_the_last_the_first",
            f"{ENCODER}without_positions_permuted_tokens_give_permuted_vectors",
            f"{ENCODER}the_segment_of_one_token_is_seen_by_all",
            f"{ENCODER}maps_reproduce_the_output_of_their_blocks",
        ),
        walkthrough="14",
        mutant=Planted(  # padding is read; every gradient is still right
            "models/encoder_only.py",
            "may_look = None if mask is None else F.padding_mask(mask, like=h)\n"
            "        h, blocks_backward",
            "may_look = None\n        h, blocks_backward",
        ),
    ),
    Row(
        equation="masked language model, activation(h W + b) normalised, times E^T, plus c",
        source="Devlin et al. 2019, sec. 3.1",
        names=("models.MaskedLanguageModel",),
        properties=(
            f"{HEADS}words_are_scored_by_the_equation_with_the_configs_activation",
            f"{HEADS}the_embedding_learns_from_the_words_read_and_from_the_words_scored",
            f"{HEADS}a_words_bias_is_added_to_its_logit_everywhere",
            BEHIND_THE_MASK,
            ROW_OF_PADDING,
        ),
        walkthrough="10",
        mutant=Planted(  # whatever the config says
            "models/heads.py",
            'self.activation = part("activation", config.activation)',
            'self.activation = part("activation", "gelu")',
        ),
    ),
    Row(
        equation="one answer for a text, read off its first token",
        source="Devlin et al. 2019, sec. 4.1",
        names=("models.SequenceClassifier",),
        properties=(
            f"{HEADS}a_text_is_classified_by_the_equations",
            f"{HEADS}pooling_reads_and_teaches_the_first_token_alone",
            f"{HEADS}every_token_is_heard_by_way_of_the_first",
            BEHIND_THE_MASK,
            ROW_OF_PADDING,
        ),
        walkthrough="11",
        mutant=Planted(  # the last token, which may be padding
            "models/heads.py", "self.pooler(h[:, 0])", "self.pooler(h[:, -1])"
        ),
    ),
    Row(
        equation="one answer for each token, h W + b",
        source="Devlin et al. 2019, sec. 5.3",
        names=("models.TokenClassifier",),
        properties=(
            f"{HEADS}a_token_is_classified_by_the_equation",
            f"{HEADS}without_positions_permuted_tokens_get_permuted_tags",
            f"{HEADS}at_padding_a_tag_is_the_bias_alone",
            BEHIND_THE_MASK,
            ROW_OF_PADDING,
        ),
        walkthrough="11",
        mutant=Planted(  # features are missing in use, too; every gradient is still right
            "models/heads.py",
            "self.dropout(h, _head_rng(rng, self.config))",
            "self.dropout(h, np.random.default_rng(0))",
        ),
    ),
    Row(
        equation="encoder-decoder: the target sees its past and the whole source",
        source="Vaswani et al. 2017, fig. 1",
        names=("models.EncoderDecoder",),
        properties=(
            f"{PAIR}the_targets_future_cannot_be_seen_to_the_last_bit",
            f"{PAIR}every_source_token_reaches_every_target_position",
            f"{PAIR}a_loss_teaches_the_whole_source_and_no_target_after_it",
            f"{PAIR}a_padded_batch_is_its_sequences_each_alone_gradients_too",
            f"{PAIR}padding_learns_nothing",
            f"{PAIR}what_was_read_of_padding_is_zero_and_takes_no_gradient",
            f"{PAIR}values_that_are_zero_say_nothing_and_so_teach_the_encoder_nothing",
            f"{PAIR}the_shared_matrix_learns_from_source_target_and_output",
            f"{PAIR}no_two_places_drop_by_the_same_numbers",
        ),
        walkthrough="12",
        mutant=Planted(  # the source's padding is read; every gradient is still right
            "models/encoder_decoder.py",
            "return mask, None if source_mask is None else "
            "F.padding_mask(source_mask, like=h)",
            "return mask, None",
        ),
    ),
    Row(
        equation="a source is encoded once, and what is written goes on beside it",
        source="Vaswani et al. 2017, sec. 3.2.3; Sutskever et al. 2014, sec. 3.2",
        names=("models.Reading",),
        properties=(
            f"{PAIR}steps_in_any_chunks_equal_one_full_pass",
            f"{PAIR}rows_that_are_kept_go_on_with_their_own_text_and_source",
            f"{PAIR}what_a_step_reports_of_its_attention_is_the_last_cross_map",
        ),
        walkthrough="12",
        mutant=Planted(  # each word would stand where the first stood
            "models/reading.py",
            "model.embed_target(ids, start=len(caches[0]))",
            "model.embed_target(ids)",
        ),
    ),
    Row(
        equation="which words were looked at: shares of what may be seen",
        source="Bahdanau et al. 2015, sec. 5.2.1",
        names=("models.AttentionMaps",),
        properties=(
            f"{PAIR}maps_are_shares_of_what_may_be_seen",
            f"{PAIR}maps_of_a_padded_batch_are_those_of_its_sequences_alone",
            f"{PAIR}what_a_step_reports_of_its_attention_is_the_last_cross_map",
        ),
        walkthrough="12",
        mutant=Planted(  # from the second layer on, maps of what no output was made of
            "models/encoder_decoder.py",
            "h, _ = block(h, memory, mask, memory_mask)",
            "h, _ = block(h, memory, mask)",
        ),
    ),
    Row(
        equation="prefix LM: may look = key <= query or key < prefix_length",
        source="Raffel et al. 2020, sec. 3.2.1, fig. 3",
        names=("models.PrefixLM",),
        properties=(
            f"{PREFIX}a_token_of_the_prefix_reaches_every_position_and_a_later_one_those_after_it",
            f"{PREFIX}without_a_prefix_it_is_the_decoder_to_the_last_bit",
            f"{PREFIX}what_is_asked_at_the_first_position_teaches_the_whole_prefix",
            f"{PREFIX}maps_show_the_prefix_to_all_and_the_rest_to_what_follows",
            f"{PREFIX}what_is_read_first_is_the_prefix_of_what_is_written",
            f"{PREFIX}sequences_of_a_batch_each_have_their_own_prefix",
        ),
        walkthrough="13",
        mutant=Planted(  # in use the prompt would be read one way
            "models/prefix_lm.py",
            "F.causal_mask(1, h.shape[1], like=h)",
            "F.causal_mask(h.shape[1], h.shape[1], like=h)",
        ),
    ),
    Row(
        equation="recurrent language model",
        source="Mikolov et al. 2010, sec. 2; Zaremba et al. 2014, sec. 3.2",
        names=("models.RecurrentLM",),
        properties=(
            f"{RECURRENT}chunks_that_carry_their_states_are_one_pass",
            *READS_LEFT_TO_RIGHT,
        ),
        walkthrough="09",
        mutant=Planted(  # every layer would go on from the first one's
            "models/recurrent.py",
            "None if states is None else states[i]",
            "None if states is None else states[0]",
        ),
    ),
    Row(
        equation="convolutional language model, whose window widens by layers",
        source="van den Oord et al. 2016, sec. 2.1",
        names=("models.ConvolutionalLM", "models.ConvolutionalConfig"),
        properties=(
            f"{RECURRENT}the_receptive_field_is_reached_and_ends_there",
            f"{RECURRENT}a_convolutional_model_sees_its_receptive_field_and_no_farther",
            *READS_LEFT_TO_RIGHT,
        ),
        walkthrough="09",
        mutant=Planted(  # every layer with the same gaps; every gradient is still right
            "models/convolutional.py",
            "dilation=config.dilation**i, rng=rng",
            "dilation=config.dilation, rng=rng",
        ),
    ),
    Row(
        equation="how many parameters: 2 d n_layers (2 d_attn + d_ff), and the rest",
        source="Kaplan et al. 2020, eq. 2.1, table 1",
        names=("models.count_parameters", "models.parameter_table"),
        properties=(
            f"{COUNTING}a_decoder_has_as_many_as_are_counted",
            f"{COUNTING}an_encoder_has_as_many_as_are_counted_with_each_head",
            f"{COUNTING}an_encoder_decoder_has_as_many_as_are_counted",
            f"{COUNTING}a_recurrent_model_has_as_many_as_are_counted",
            f"{COUNTING}a_convolutional_model_has_as_many_as_are_counted",
            f"{PUBLISHED}the_blocks_of_a_published_decoder_hold_kaplans_sum",
        ),
        walkthrough="14",
        mutant=Planted(  # the bias of o_proj is forgotten
            "models/counting.py", "queries + keys + keys + d\n", "queries + keys + keys\n"
        ),
    ),
    Row(
        equation="published shapes give the published sizes",
        source="Brown et al. 2020, table 2.1; Touvron et al. 2023a, table 2; others",
        names=("models.Published",),
        properties=(
            f"{PUBLISHED}it_is_the_number_that_is_known_to_the_digits_that_are_printed",
            f"{PUBLISHED}a_published_model_made_small_holds_what_its_shape_says",
        ),
        walkthrough="14",
        mutant=Planted(  # BERT's authors count the pooler
            "models/published/entry.py",
            "count_parameters(self.config, self.head)",
            "count_parameters(self.config)",
        ),
    ),
)

NO_EQUATION: dict[str, str] = {  # public names that compute nothing a paper states
    "models.DecoderConfig": "settings",
    "models.EncoderConfig": "settings",
    "models.EncoderDecoderConfig": "settings",
    "models.ClassifierConfig": "settings, and the names of classes",
    "models.RecurrentConfig": "settings",
}
