"""Rows of the index: layers."""

from tests.equations.row import Row
from tests.mutants.planted import Planted

ALIBI = "tests/layers/test_alibi.py::test_"
ATTENTION = "tests/layers/test_attention.py::test_"
BLOCK = "tests/layers/test_block.py::test_"
CAUSALITY = "tests/layers/test_causality.py::test_"
CROSS_BLOCK = "tests/layers/test_cross_block.py::test_"
DROPOUT = "tests/layers/test_dropout.py::test_"
EMBEDDING = "tests/layers/test_embedding.py::test_"
GATED = "tests/layers/test_gated_feed_forward.py::test_"
KV_CACHE = "tests/layers/test_kv_cache.py::test_"
LINEAR = "tests/layers/test_linear.py::test_"
MODULE = "tests/layers/test_module.py::test_"
NORMS = "tests/layers/test_norms.py::test_"
POSITIONS = "tests/layers/test_positions.py::test_"
RECURRENT = "tests/layers/test_recurrent.py::test_"
RELATIVE = "tests/layers/test_relative.py::test_"
ROTARY = "tests/layers/test_rotary.py::test_"
VOCABULARY = "tests/layers/test_vocabulary.py::test_"

NOT_SEEN = f"{CAUSALITY}the_future_cannot_be_seen_to_the_last_bit"
NOT_TAUGHT = f"{CAUSALITY}what_is_asked_at_a_position_teaches_nothing_after_it"
NO_ORDER_IN_A_BLOCK = f"{BLOCK}a_block_without_a_mask_knows_no_order"
STEPS_OF_A_BLOCK = f"{BLOCK}steps_with_a_cache_equal_one_causal_pass"
IN_CHUNKS = f"{RECURRENT}steps_in_any_chunks_equal_one_pass"
FROM_NOTHING = f"{RECURRENT}at_the_start_nothing_comes_of_nothing"
CHOSEN = f"{RECURRENT}sequences_can_be_chosen_and_doubled_in_a_cache"
HIDDEN_MEMORY = f"{BLOCK}hidden_memory_is_neither_read_nor_taught"
ORDER_OF_MEMORY = f"{CROSS_BLOCK}the_order_of_the_memory_says_nothing"
STEPS_BESIDE_MEMORY = (
    f"{CROSS_BLOCK}steps_beside_a_memory_equal_one_pass_and_report_its_map"
)

ROWS: tuple[Row, ...] = (
    Row(
        equation="linear layer, drawn from N(0, 1 / d_in) so that variances stay",
        source="LeCun et al. 1998, eq. 16",
        names=("layers.Linear",),
        properties=(
            f"{LINEAR}weights_are_drawn_for_unit_variance_and_biases_are_zero",
            f"{LINEAR}it_is_the_equation_and_keeps_the_gradients",
        ),
        walkthrough="10",
        mutant=Planted(  # wide layers would whisper, narrow ones shout
            "layers/linear.py", "scale / math.sqrt(d_in)", "scale / math.sqrt(d_out)"
        ),
    ),
    Row(
        equation="embedding, one matrix with two ends",
        source="Press & Wolf 2017",
        names=("layers.Embedding",),
        properties=(
            f"{EMBEDDING}each_id_becomes_its_row_and_owes_it_its_gradient",
            f"{EMBEDDING}scores_are_inner_products_with_the_rows",
            f"{EMBEDDING}both_ends_teach_the_one_matrix",
        ),
        walkthrough="03",
        mutant=Planted("layers/embedding.py", "self.weight.accumulate(dW)", "pass"),
    ),
    Row(
        equation="the vocabulary's two ends: sqrt(d_model) E[ids], and h E^T or h W",
        source="Vaswani et al. 2017, sec. 3.4",
        names=("layers.TiedVocabulary", "layers.UntiedVocabulary"),
        properties=(
            f"{VOCABULARY}tied_is_one_matrix_scaled_by_the_root_of_the_width",
            f"{VOCABULARY}tied_learns_what_untied_would_learn_at_both_ends_together",
            f"{VOCABULARY}untied_is_two_matrices",
            f"{VOCABULARY}both_begin_with_a_stream_of_unit_variance",
        ),
        walkthrough="03",
        mutant=Planted(
            "layers/vocabulary.py", "scale = math.sqrt(h.shape[-1])", "scale = 1"
        ),
    ),
    Row(
        equation="layer norm, its gain and its shift",
        source="Ba et al. 2016, eq. 4, table 1",
        names=("layers.LayerNorm",),
        properties=(
            f"{NORMS}layer_norm_sees_neither_a_shift_nor_a_stretch",
            f"{NORMS}a_fresh_norm_gives_each_vector_the_size_1",
            f"{NORMS}each_feature_has_a_gain_and_a_shift_of_its_own",
        ),
        walkthrough="06",
        mutant=Planted(
            "layers/norms.py",
            "F.layer_norm(x, self.gamma.data, self.beta.data)",
            "F.layer_norm(x, self.gamma.data, 0 * self.beta.data)",
        ),
    ),
    Row(
        equation="RMSNorm and its gain",
        source="Zhang & Sennrich 2019, eq. 4",
        names=("layers.RMSNorm",),
        properties=(
            f"{NORMS}rms_norm_sees_no_stretch_but_it_sees_a_shift",
            f"{NORMS}a_fresh_norm_gives_each_vector_the_size_1",
            f"{NORMS}each_feature_has_a_gain_and_a_shift_of_its_own",
        ),
        walkthrough="06",
        mutant=Planted(  # layer norm, but for the shift
            "layers/norms.py",
            "F.rms_norm(x, self.gamma.data)",
            "F.rms_norm(x - x.mean(-1, keepdims=True), self.gamma.data)",
        ),
    ),
    Row(
        equation="multi-head attention, and key-value heads that are shared by groups",
        source="Vaswani et al. 2017, sec. 3.2.2; Ainslie et al. 2023, sec. 2.2",
        names=("layers.MultiHeadAttention",),
        properties=(
            f"{ATTENTION}heads_attend_apart_and_are_put_side_by_side",
            f"{ATTENTION}split_deals_features_out_to_heads_and_merge_collects_them",
            f"{ATTENTION}what_stands_at_a_key_that_is_masked_changes_nothing_to_the_last_bit",
            f"{ATTENTION}padding_is_neither_read_nor_taught_and_batches_do_not_mix",
            f"{ATTENTION}grouped_heads_are_plain_heads_with_repeated_weights",
            f"{ATTENTION}a_key_value_head_for_every_head_is_multi_head_attention",
            f"{ATTENTION}a_shift_of_all_keys_is_never_learned",
            f"{ATTENTION}the_order_of_what_is_attended_to_does_not_matter",
            f"{ATTENTION}the_map_holds_the_weights_that_the_output_was_read_with",
            NOT_SEEN,
            NOT_TAUGHT,
        ),
        walkthrough="05",
        mutant=Planted(  # cut, where it should be turned
            "layers/attention.py",
            "x.reshape(batch, seq_len, width // d_head, d_head).swapaxes(1, 2)",
            "x.reshape(batch, width // d_head, seq_len, d_head)",
        ),
    ),
    Row(
        equation="without positions, words are a heap",
        source="Vaswani et al. 2017, sec. 3.5",
        names=("layers.NoOrder", "layers.NoPositions"),
        properties=(
            f"{POSITIONS}no_positions_add_nothing_anywhere",
            f"{ATTENTION}the_order_of_what_is_attended_to_does_not_matter",
            NO_ORDER_IN_A_BLOCK,
        ),
        walkthrough="05",
        mutant=Planted(
            "layers/positions.py", "np.zeros((1, d_model))", "np.ones((1, d_model))"
        ),
    ),
    Row(
        equation="keys and values of the past are kept, and steps equal one pass",
        source="Shazeer 2019, sec. 2.4",
        names=("layers.KVCache",),
        properties=(
            f"{KV_CACHE}in_whatever_pieces_it_comes_it_is_all_there",
            f"{KV_CACHE}sequences_can_be_chosen_and_doubled_and_each_goes_on_alone",
            f"{ATTENTION}steps_with_a_cache_equal_one_causal_pass",
            f"{ROTARY}steps_with_a_cache_equal_one_causal_pass",
            f"{ALIBI}steps_with_a_cache_equal_one_causal_pass",
            f"{RELATIVE}steps_with_a_cache_equal_one_causal_pass",
            STEPS_OF_A_BLOCK,
        ),
        walkthrough="05",
        mutant=Planted(  # values that belong to another text
            "layers/kv_cache.py",
            "self._k, self._v = self._k[rows], self._v[rows]",
            "self._k = self._k[rows]",
        ),
    ),
    Row(
        equation="cross-attention's keys and values are made once and read at every step",
        source="Vaswani et al. 2017, sec. 3.2.3",
        names=("layers.Memory", "layers.CrossCache"),
        properties=(
            f"{KV_CACHE}a_text_that_is_kept_keeps_its_source_and_what_may_be_read_of_it",
            f"{ATTENTION}a_memory_is_read_as_cross_attention_reads",
            f"{CROSS_BLOCK}rows_that_are_kept_keep_their_memory_and_its_mask",
            STEPS_BESIDE_MEMORY,
        ),
        walkthrough="12",
        mutant=Planted(  # another's padding
            "layers/kv_cache.py",
            "self.mask = None if self.mask is None else self.mask[rows]",
            "pass",
        ),
    ),
    Row(
        equation="sinusoidal positions: a later one is an earlier one turned",
        source="Vaswani et al. 2017, sec. 3.5",
        names=("layers.SinusoidalPositions",),
        properties=(
            f"{POSITIONS}sinusoids_of_later_positions_are_those_of_earlier_ones_turned",
            f"{POSITIONS}sinusoids_are_read_from_start_to_stop_and_nothing_is_learned",
        ),
        walkthrough="03",
        mutant=Planted(  # every step would be the first
            "layers/positions.py",
            "self.table.data[start:stop].copy()",
            "self.table.data[: stop - start].copy()",
        ),
    ),
    Row(
        equation="learned positions",
        source="Gehring et al. 2017, sec. 3.1",
        names=("layers.LearnedPositions",),
        properties=(
            f"{POSITIONS}learned_positions_learn_where_they_were_read",
            f"{POSITIONS}what_was_handed_out_does_not_change_when_the_table_learns",
        ),
        walkthrough="03",
        mutant=Planted(
            "layers/positions.py",
            "dweight[start:stop] = dP",
            "dweight[: stop - start] = dP",
        ),
    ),
    Row(
        equation="rotary positions: scores depend on distances alone",
        source="Su et al. 2021, eqs. 16, 34",
        names=("layers.RotaryInterleaved", "layers.RotaryHalf"),
        properties=(
            f"{ROTARY}attention_knows_only_the_distance",
            f"{ROTARY}the_table_is_read_from_the_start",
            f"{ROTARY}the_order_of_what_is_attended_to_matters",
            f"{ROTARY}a_checkpoint_moves_between_conventions_by_reordering_features",
            NOT_SEEN,
        ),
        walkthrough="14",
        mutant=Planted(  # the sine of another position
            "layers/rotary.py",
            "self.cos.data[start:stop], self.sin.data[start:stop]",
            "self.cos.data[start:stop], self.sin.data[:seq_len]",
        ),
    ),
    Row(
        equation="ALiBi: score - slope |i - j|",
        source="Press et al. 2022, sec. 3",
        names=("layers.Alibi",),
        properties=(
            f"{ALIBI}only_the_distance_counts_and_the_nearest_is_free",
            f"{ALIBI}of_keys_that_are_alike_the_nearer_weighs_more_by_the_slope",
            f"{ALIBI}the_bias_is_added_to_the_scores",
            NOT_SEEN,
        ),
        walkthrough="14",
        mutant=Planted(  # the farther, the dearer
            "layers/alibi.py", "return F.alibi_bias(", "return -F.alibi_bias("
        ),
    ),
    Row(
        equation="T5's relative bias: score + weight[bucket of the distance, head]",
        source="Raffel et al. 2020, sec. 2.1",
        names=("layers.CausalRelativeBias", "layers.BidirectionalRelativeBias"),
        properties=(
            f"{RELATIVE}only_the_distance_counts",
            f"{RELATIVE}the_bias_is_the_table_at_the_bucket",
            f"{RELATIVE}layers_that_share_a_table_teach_it_together",
            f"{RELATIVE}what_adds_the_same_to_all_keys_is_never_learned",
            f"{RELATIVE}only_an_encoder_tells_before_from_after",
            NOT_SEEN,
        ),
        walkthrough="14",
        mutant=Planted(  # the paper's distance, whatever was asked for
            "layers/relative.py",
            "n_buckets, self.max_distance, like)",
            "n_buckets, 128, like)",
        ),
    ),
    Row(
        equation="feed-forward at each position alone",
        source="Vaswani et al. 2017, eq. 2",
        names=("layers.FeedForward",),
        properties=(
            f"{BLOCK}feed_forward_is_equation_2_at_each_position_alone",
            f"{BLOCK}feed_forward_does_not_know_where_a_position_stands",
        ),
        walkthrough="06",
        mutant=Planted(  # whatever was asked for
            "layers/feed_forward.py",
            "self.activation = activation",
            "self.activation = F.gelu",
        ),
    ),
    Row(
        equation="gated feed-forward, (activation(x W_gate) * (x W_up)) W_down",
        source="Shazeer 2020, eqs. 5, 6",
        names=("layers.GatedFeedForward",),
        properties=(
            f"{GATED}the_activated_branch_scales_the_other",
            f"{GATED}a_gate_held_open_leaves_a_linear_map",
            f"{GATED}without_biases_relu_makes_a_quadratic_map",
            f"{GATED}one_row_is_what_it_is_among_others",
        ),
        walkthrough="06",
        mutant=Planted(  # the wrong branch is activated; every gradient is still right
            "layers/gated_feed_forward.py",
            "g, gate_backward = self.gate_proj(x)\n"
            "        gate, activation_backward = self.activation(g)\n"
            "        up, up_backward = self.up_proj(x)\n",
            "g, gate_backward = self.up_proj(x)\n"
            "        gate, activation_backward = self.activation(g)\n"
            "        up, up_backward = self.gate_proj(x)\n",
        ),
    ),
    Row(
        equation="dropout: E[y] = x, and the identity in use",
        source="Srivastava et al. 2014, sec. 4",
        names=("layers.Dropout",),
        properties=(
            f"{DROPOUT}without_an_rng_it_is_the_identity",
            f"{DROPOUT}the_rate_is_the_share_that_is_dropped_and_the_rest_grows",
            f"{DROPOUT}on_average_nothing_changes",
            f"{DROPOUT}the_same_place_drops_the_same_and_two_places_do_not",
        ),
        walkthrough="06",
        mutant=Planted(  # the paper's p is what is kept
            "functional/dropout.py", "uniform >= rate,", "uniform < rate,"
        ),
    ),
    Row(
        equation="pre-norm block: the stream untouched, x + branch(norm(x))",
        source="Radford et al. 2019, sec. 2.3; He et al. 2016b, eqs. 4, 5",
        names=("layers.PreNormBlock",),
        properties=(
            f"{BLOCK}pre_norm_leaves_the_stream_alone",
            f"{BLOCK}without_its_branches_a_pre_norm_block_is_the_identity",
            f"{BLOCK}the_map_is_that_of_what_the_attention_saw",
            NO_ORDER_IN_A_BLOCK,
            STEPS_OF_A_BLOCK,
            NOT_SEEN,
            NOT_TAUGHT,
        ),
        walkthrough="06",
        mutant=Planted("layers/block.py", "y = h + f\n", "y = x + f\n"),
    ),
    Row(
        equation="post-norm block: norms on the stream, norm(x + branch(x))",
        source="Vaswani et al. 2017, sec. 3.1",
        names=("layers.PostNormBlock",),
        properties=(
            f"{BLOCK}post_norm_normalises_the_stream",
            f"{BLOCK}without_its_branches_a_post_norm_block_is_its_norms",
            f"{BLOCK}the_map_is_that_of_what_the_attention_saw",
            NO_ORDER_IN_A_BLOCK,
            STEPS_OF_A_BLOCK,
            NOT_SEEN,
            NOT_TAUGHT,
        ),
        walkthrough="06",
        mutant=Planted("layers/block.py", "self.ffn_norm(h + f)", "self.ffn_norm(x + f)"),
    ),
    Row(
        equation="pre-norm block with cross-attention",
        source="Raffel et al. 2020, sec. 2.1",
        names=("layers.PreNormCrossBlock",),
        properties=(
            f"{BLOCK}pre_norm_cross_reads_the_memory_as_it_is",
            f"{BLOCK}without_its_branches_a_pre_norm_block_is_the_identity",
            f"{CROSS_BLOCK}a_memory_out_of_sight_is_no_memory",
            f"{CROSS_BLOCK}maps_are_those_of_what_each_attention_saw",
            HIDDEN_MEMORY,
            ORDER_OF_MEMORY,
            STEPS_BESIDE_MEMORY,
            NOT_SEEN,
            NOT_TAUGHT,
        ),
        walkthrough="12",
        mutant=Planted(  # padding is read; every gradient is still right
            "layers/cross_block.py",
            "self.cross_attn(r, memory, memory_mask)",
            "self.cross_attn(r, memory)",
        ),
    ),
    Row(
        equation="post-norm block with cross-attention",
        source="Vaswani et al. 2017, fig. 1",
        names=("layers.PostNormCrossBlock",),
        properties=(
            f"{BLOCK}post_norm_cross_normalises_after_each_of_three_steps",
            f"{BLOCK}without_its_branches_a_post_norm_block_is_its_norms",
            f"{CROSS_BLOCK}a_memory_out_of_sight_is_no_memory",
            f"{CROSS_BLOCK}maps_are_those_of_what_each_attention_saw",
            HIDDEN_MEMORY,
            ORDER_OF_MEMORY,
            STEPS_BESIDE_MEMORY,
            NOT_SEEN,
            NOT_TAUGHT,
        ),
        walkthrough="12",
        mutant=Planted(
            "layers/cross_block.py",
            "self.cross_attn(h, memory, memory_mask)",
            "self.cross_attn(h, memory)",
        ),
    ),
    Row(
        equation="a recurrence: a state of fixed size is all that is carried on",
        source="Elman 1990, fig. 2",
        names=("layers.Elman", "layers.Recurrent"),
        properties=(
            IN_CHUNKS,
            f"{RECURRENT}the_last_state_continues_the_text",
            f"{RECURRENT}a_layer_begins_with_0",
            FROM_NOTHING,
            NOT_SEEN,
            NOT_TAUGHT,
        ),
        walkthrough="09",
        mutant=Planted(  # every step begins anew
            "layers/recurrent.py", "self(x, cache.state)", "self(x)"
        ),
    ),
    Row(
        equation="LSTM: a cell behind gates, that of forgetting open at the start",
        source="Hochreiter & Schmidhuber 1997, sec. 4; Gers et al. 2000, sec. 3.1",
        names=("layers.LSTM",),
        properties=(
            f"{RECURRENT}at_the_start_an_lstm_keeps_what_no_input_asks_it_to_forget",
            f"{RECURRENT}an_lstms_output_is_its_h_and_its_gradient_is_hs_alone",
            FROM_NOTHING,
            IN_CHUNKS,
            NOT_SEEN,
            NOT_TAUGHT,
        ),
        walkthrough="09",
        mutant=Planted(  # another gate
            "layers/recurrent.py",
            "self.bias.data[d : 2 * d] = 1",
            "self.bias.data[:d] = 1",
        ),
    ),
    Row(
        equation="GRU: one gate for what to keep, one for what to look at",
        source="Cho et al. 2014, eqs. 5-8",
        names=("layers.GRU",),
        properties=(FROM_NOTHING, IN_CHUNKS, NOT_SEEN, NOT_TAUGHT),
        walkthrough="09",
        mutant=Planted(
            "layers/recurrent.py",
            "self.n_bias = Parameter(np.zeros(d))",
            "self.n_bias = Parameter(np.ones(d))",
        ),
    ),
    Row(
        equation="a text is cut anywhere, and goes on from its state",
        source="Williams & Peng 1990",
        names=("layers.StateCache",),
        properties=(CHOSEN, IN_CHUNKS),
        walkthrough="09",
        mutant=Planted(  # the first rows, whichever were chosen
            "layers/state_cache.py",
            "self.state[np.asarray(rows, like=self.state)]",
            "self.state[np.arange(len(rows)) % len(self.state)]",
        ),
    ),
    Row(
        equation="causal convolution: the same everywhere, and blind beyond its reach",
        source="van den Oord et al. 2016, sec. 2.1",
        names=("layers.CausalConvolution",),
        properties=(
            f"{RECURRENT}a_convolution_does_the_same_wherever_it_stands",
            f"{RECURRENT}reach_is_how_far_back_a_convolution_sees",
            IN_CHUNKS,
            CHOSEN,
            NOT_SEEN,
            NOT_TAUGHT,
        ),
        walkthrough="09",
        mutant=Planted(  # no gaps; every gradient is still right
            "layers/convolution.py", "self.bias.data, self.dilation", "self.bias.data, 1"
        ),
    ),
    Row(
        equation="residual block of a convolution, x + relu(conv(norm(x)))",
        source="after Bai et al. 2018, sec. 3.4",
        names=("layers.ConvolutionBlock",),
        properties=(
            f"{RECURRENT}a_convolution_block_adds_what_it_saw_to_the_stream",
            IN_CHUNKS,
            NOT_SEEN,
            NOT_TAUGHT,
        ),
        walkthrough="09",
        mutant=Planted(  # the wrong residual
            "layers/convolution_block.py", "return x + a, backward", "return a, backward"
        ),
    ),
    Row(
        equation="the chain rule adds up over all uses of a parameter",
        source="Rumelhart et al. 1986",
        names=("layers.Parameter", "layers.Buffer", "layers.Module"),
        properties=(
            f"{MODULE}a_parameter_owns_its_gradient_and_adds_what_it_is_owed",
            f"{MODULE}a_layer_used_twice_is_owed_the_sum_of_what_two_copies_are",
            f"{MODULE}a_parameter_in_two_places_is_named_and_counted_once",
            f"{MODULE}what_is_saved_and_loaded_is_the_same",
            f"{MODULE}a_replica_reads_the_same_weights_and_owns_its_gradients",
            f"{MODULE}frozen_parameters_learn_nothing_and_the_others_go_on",
        ),
        walkthrough="06",
        mutant=Planted(  # of two uses the last one wins
            "layers/module.py", "self.grad += grad", "self.grad[...] = grad"
        ),
    ),
)

NO_EQUATION: dict[str, str] = {  # public names that compute nothing a paper states
    "layers.Identity": "y = x, where a norm would stand",
}
