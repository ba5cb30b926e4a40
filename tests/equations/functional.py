"""Rows of the index: operations of storey one."""

from tests.equations.row import Row
from tests.mutants.planted import Planted


def of(file: str, *tests: str) -> tuple[str, ...]:
    return tuple(f"tests/functional/test_{file}.py::{test}" for test in tests)


ROWS: tuple[Row, ...] = (
    Row(
        equation="linear map, y = x W + b",
        source="Rumelhart et al. 1986, eqs. 1, 6, 7",
        names=("functional.linear",),
        properties=of(
            "linear",
            "test_linear_is_linear_in_x_in_w_and_in_both_at_once",
            "test_backward_is_the_adjoint",
            "test_the_bias_is_added_to_every_position_and_owed_every_gradient",
        ),
        walkthrough="01",
        mutant=Planted("functional/linear.py", "rows(dy).sum(0)", "rows(dy).mean(0)"),
    ),
    Row(
        equation="embedding, onehot(ids) W",
        source="Bengio et al. 2003, sec. 2",
        names=("functional.embedding",),
        properties=of(
            "linear",
            "test_embedding_is_onehot_times_w_both_ways",
            "test_ids_may_come_in_any_integer_type",
        ),
        walkthrough="03",
        mutant=Planted(
            "functional/linear.py",
            "np.add.at(dW.reshape(-1), entries.reshape(-1), dy.reshape(-1))",
            "dW.reshape(-1)[entries.reshape(-1)] += dy.reshape(-1)",
        ),
    ),
    Row(
        equation="scores of all words by one matrix, y = h W^T",
        source="Press & Wolf 2017, sec. 1",
        names=("functional.unembed",),
        properties=of(
            "linear",
            "test_unembed_is_linear_with_the_matrix_turned",
            "test_backward_is_the_adjoint",
        ),
        walkthrough="03",
        mutant=Planted(
            "functional/linear.py", "dW = rows(dy).T @ rows(h)", "dW = np.zeros_like(W)"
        ),
    ),
    Row(
        equation="softmax, its Jacobian diag(p) - p p^T",
        source="Bridle 1990",
        names=("functional.softmax",),
        properties=of(
            "softmax",
            "test_probabilities_are_positive_and_sum_to_one",
            "test_raising_every_score_of_a_row_equally_changes_nothing",
            "test_the_jacobian_is_diag_p_minus_p_pt",
            "test_log_odds_are_differences_of_scores",
        ),
        walkthrough="04",
        mutant=Planted(
            "functional/softmax.py",
            "dx = dp - dot(p, dp)",
            "dx = dp - dp.mean(-1, keepdims=True)",
        ),
    ),
    Row(
        equation="log softmax",
        source="Bridle 1990",
        names=("functional.log_softmax",),
        properties=of(
            "softmax",
            "test_log_softmax_is_the_logarithm_of_softmax",
            "test_the_jacobian_of_the_logarithm_is_identity_minus_one_pt",
            "test_raising_every_score_of_a_row_equally_changes_nothing",
        ),
        walkthrough="04",
        mutant=Planted(
            "functional/softmax.py",
            "np.exp(log_p) * dlog_p.sum(-1, keepdims=True)",
            "dlog_p.mean(-1, keepdims=True)",
        ),
    ),
    Row(
        equation="scaled dot-product attention",
        source="Vaswani et al. 2017, eq. 1",
        names=(
            "functional.attention",
            "functional.attention_weights",
        ),
        properties=of(
            "attention",
            "test_it_is_equation_1_written_out",
            "test_every_output_is_a_weighted_average_of_the_values",
            "test_without_a_mask_the_order_of_the_keys_does_not_matter",
            "test_each_query_is_answered_by_itself",
            "test_nothing_tells_what_a_forbidden_key_holds_to_the_last_bit",
            "test_the_gradient_of_a_bias_of_the_keys_is_zero_but_for_rounding",
        ),
        walkthrough="04",
        mutant=Planted(
            "functional/attention.py",
            "scale = 1 / math.sqrt(q.shape[-1])",
            "scale = 1 / q.shape[-1]",
        ),
    ),
    Row(
        equation="causal mask",
        source="Vaswani et al. 2017, sec. 3.2.3",
        names=("functional.causal_mask",),
        properties=of(
            "masks",
            "test_a_causal_query_sees_itself_and_all_before_it",
            "test_under_the_causal_mask_the_past_does_not_change_by_a_bit",
        ),
        walkthrough="05",
        mutant=Planted(
            "functional/masks.py",
            "n_keys - n_queries, dtype",
            "n_keys - n_queries + 1, dtype",
        ),
    ),
    Row(
        equation="causal, but for a prefix",
        source="Raffel et al. 2020, fig. 3",
        names=("functional.prefix_mask",),
        properties=of(
            "masks",
            "test_a_prefix_sees_all_of_itself_and_the_rest_what_came_before",
            "test_no_prefix_is_causal_and_nothing_but_a_prefix_sees_everything",
        ),
        walkthrough="13",
        mutant=Planted(
            "functional/masks.py",
            "np.arange(seq_len, like=like) < lengths",
            "np.arange(seq_len, like=like) <= lengths",
        ),
    ),
    Row(
        equation="padding neither speaks nor learns",
        source="ours",
        names=(
            "functional.padding_mask",
            "functional.hide_padding",
        ),
        properties=of(
            "masks",
            "test_padding_is_as_if_it_were_not_there",
            "test_what_is_hidden_is_zero_both_ways_and_the_rest_is_untouched",
        ),
        walkthrough="11",
        mutant=Planted("functional/masks.py", "return dy * keep", "return dy.copy()"),
    ),
    Row(
        equation="layer norm",
        source="Ba et al. 2016, eqs. 3-4",
        names=("functional.layer_norm",),
        properties=of(
            "norms",
            "test_layer_norm_gives_each_position_mean_0_and_variance_1",
            "test_layer_norm_ignores_a_shift_and_a_stretch",
            "test_layer_norms_gradient_is_orthogonal_to_shifts_and_stretches",
            "test_along_x_hat_a_gradient_keeps_the_share_of_eps",
        ),
        walkthrough="06",
        mutant=Planted(
            "functional/norms.py",
            "along_x_hat = dot(x_hat, dx) / d_model",
            "along_x_hat = dot(x_hat, dy) / d_model",
        ),
    ),
    Row(
        equation="RMSNorm",
        source="Zhang & Sennrich 2019, eq. 4",
        names=("functional.rms_norm",),
        properties=of(
            "norms",
            "test_rms_norm_gives_each_position_a_mean_square_of_1",
            "test_rms_norm_ignores_a_stretch_but_not_a_shift",
            "test_rms_norms_gradient_is_orthogonal_to_stretches_alone",
            "test_along_x_hat_a_gradient_keeps_the_share_of_eps",
        ),
        walkthrough="06",
        mutant=Planted(
            "functional/norms.py", "        dx -= x_hat * (dot(x_hat, dx) / d_model)\n", ""
        ),
    ),
    Row(
        equation="rectified linear unit",
        source="Nair & Hinton 2010, sec. 2",
        names=("functional.relu",),
        properties=of(
            "activations",
            "test_relu_stretches_with_x_and_does_no_more_the_second_time",
            "test_what_a_number_loses_its_negative_keeps",
        ),
        walkthrough="06",
        mutant=Planted(
            "functional/activations.py", "np.maximum(x, 0)", "np.maximum(x, 0.01 * x)"
        ),
    ),
    Row(
        equation="GELU, tanh form",
        source="Hendrycks & Gimpel 2016, sec. 2",
        names=("functional.gelu",),
        properties=of(
            "activations",
            "test_the_tanh_form_of_gelu_is_near_the_exact_one",
            "test_what_a_number_loses_its_negative_keeps",
            "test_each_is_its_equation",
        ),
        walkthrough="06",
        mutant=Planted(
            "functional/activations.py",
            "CUBIC = 0.044715 * SQRT_2_OVER_PI",
            "CUBIC = 0.044715",
        ),
    ),
    Row(
        equation="GELU, x P(X < x)",
        source="Hendrycks & Gimpel 2016, sec. 2",
        names=("functional.gelu_exact",),
        properties=of(
            "activations",
            "test_gelu_exact_is_x_times_the_chance_that_a_normal_number_is_smaller",
            "test_what_a_number_loses_its_negative_keeps",
        ),
        walkthrough="06",
        mutant=Planted("functional/activations.py", "erf(x * math.sqrt(0.5))", "erf(x)"),
    ),
    Row(
        equation="error function",
        source="Abramowitz & Stegun 1964, eq. 7.1.1",
        names=("functional.erf",),
        properties=of(
            "special",
            "test_erf_is_accurate_to_1e_15_over_all_reals",
            "test_erf_is_odd_to_the_last_bit",
            "test_erf_is_the_normal_distribution_in_other_units",
            "test_erf_grows_by_the_area_under_the_bell",
        ),
        walkthrough="06",
        mutant=Planted(
            "functional/special.py",
            "np.minimum(np.abs(x), 6.0)",
            "np.minimum(np.abs(x), 5.0)",
        ),
    ),
    Row(
        equation="SiLU, x sigmoid(x)",
        source="Elfwing et al. 2018, sec. 2",
        names=("functional.silu",),
        properties=of(
            "activations",
            "test_silu_has_the_papers_minimum_and_its_slope_is_the_papers",
            "test_silu_is_x_times_the_sigmoid_that_tanh_makes",
            "test_what_a_number_loses_its_negative_keeps",
        ),
        walkthrough="06",
        mutant=Planted("functional/activations.py", "np.tanh(0.5 * x)", "np.tanh(x)"),
    ),
    Row(
        equation="tanh",
        source="LeCun et al. 1998, sec. 4.4",
        names=("functional.tanh",),
        properties=of("activations", "test_tanh_is_odd_bounded_and_adds_as_velocities_do"),
        walkthrough="06",
        mutant=Planted(
            "functional/activations.py", "y = np.tanh(x)\n", "y = x / (1 + np.abs(x))\n"
        ),
    ),
    Row(
        equation="cross-entropy, label smoothing, p - q",
        source="Szegedy et al. 2016, sec. 7",
        names=("functional.cross_entropy",),
        properties=of(
            "losses",
            "test_it_is_the_mean_surprise_at_the_targets",
            "test_the_gradient_is_prediction_minus_onehot_over_the_count",
            "test_raising_all_logits_of_a_row_is_of_no_use",
            "test_smoothing_mixes_in_every_word_as_a_target",
            "test_ignored_positions_are_as_if_they_were_not_there",
        ),
        walkthrough="07",
        mutant=Planted(
            "functional/losses.py", "        at_target -= on_target * dshare\n", ""
        ),
    ),
    Row(
        equation="dropout, E[y] = x",
        source="Srivastava et al. 2014, sec. 4",
        names=("functional.dropout",),
        properties=of(
            "dropout",
            "test_the_expectation_is_x_and_the_variance_is_what_the_rate_makes_it",
            "test_as_many_are_dropped_as_the_rate_says",
            "test_the_gradient_takes_the_same_way_as_x",
        ),
        walkthrough="06",
        mutant=Planted(
            "functional/dropout.py", "uniform >= rate, 1 / (1 - rate)", "uniform >= rate, 1"
        ),
    ),
    Row(
        equation="draws that are a function of their key",
        source="Salmon et al. 2011, sec. 2",
        names=("functional.Draws",),
        properties=of(
            "draws",
            "test_the_same_key_draws_the_same_numbers_whenever_asked",
            "test_an_example_draws_the_same_in_whatever_part_of_the_batch",
            "test_seed_step_place_and_example_each_change_every_number",
            "test_numbers_are_uniform_on_zero_to_one",
        ),
        walkthrough="07",
        mutant=Planted(
            "functional/draws.py", "[0, self.site, example, 0]", "[0, 0, example, 0]"
        ),
    ),
    Row(
        equation="sinusoidal positions",
        source="Vaswani et al. 2017, sec. 3.5",
        names=("functional.sinusoidal_positions",),
        properties=of(
            "positions",
            "test_every_entry_is_its_equation",
            "test_a_shift_is_a_rotation_that_depends_on_the_shift_alone",
            "test_inner_products_know_only_the_distance",
        ),
        walkthrough="03",
        mutant=Planted("functional/positions.py", "pos / 10000.0 **", "pos / 100000.0 **"),
    ),
    Row(
        equation="rotary positions",
        source="Su et al. 2021, eqs. 15, 16, 34",
        names=(
            "functional.rotary_table",
            "functional.rotary_interleaved",
            "functional.rotary_half",
        ),
        properties=of(
            "rotary",
            "test_every_entry_is_its_equation",
            "test_a_turn_is_the_papers_block_diagonal_matrix",
            "test_scores_know_only_the_distance",
            "test_a_turn_keeps_every_length_and_position_0_is_not_turned",
            "test_backward_turns_back",
        ),
        walkthrough="14",
        mutant=Planted(
            "functional/rotary.py",
            "y[second] = a * sin + b * cos",
            "y[second] = b * cos - a * sin",
        ),
    ),
    Row(
        equation="ALiBi's slopes",
        source="Press et al. 2022, sec. 3",
        names=("functional.alibi_slopes",),
        properties=of(
            "alibi",
            "test_a_power_of_two_is_a_geometric_sequence_that_starts_with_its_ratio",
            "test_other_numbers_add_every_second_slope_of_twice_as_many",
            "test_no_two_heads_forget_alike",
        ),
        walkthrough="14",
        mutant=Planted(
            "functional/alibi.py",
            "np.arange(n_heads - p) + 0.5",
            "np.arange(n_heads - p) + 1",
        ),
    ),
    Row(
        equation="ALiBi, -slope |i - j|",
        source="Press et al. 2022, sec. 3",
        names=("functional.alibi_bias",),
        properties=of(
            "alibi",
            "test_every_bias_is_the_slope_times_the_distance",
            "test_scores_that_lean_on_the_keys_position_alone_weigh_the_same",
        ),
        walkthrough="14",
        mutant=Planted(
            "functional/alibi.py", "j[n_keys - n_queries :, None]", "j[:n_queries, None]"
        ),
    ),
    Row(
        equation="T5's buckets, looking back",
        source="Raffel et al. 2020, sec. 2.1",
        names=("functional.causal_buckets",),
        properties=of(
            "relative",
            "test_near_keys_have_a_bucket_each_and_far_ones_share_the_last",
            "test_a_far_bucket_begins_where_its_logarithm_does",
            "test_queries_are_the_last_positions_and_what_lies_ahead_counts_as_here",
        ),
        walkthrough="14",
        mutant=Planted(
            "functional/relative.py",
            "wider = (n_buckets - exact) * far",
            "wider = (n_buckets - exact - 1) * far",
        ),
    ),
    Row(
        equation="T5's buckets, both ways",
        source="Raffel et al. 2020, sec. 2.1",
        names=("functional.bidirectional_buckets",),
        properties=of("relative", "test_either_side_has_half_of_the_buckets"),
        walkthrough="14",
        mutant=Planted("functional/relative.py", "(ahead > 0)", "(ahead >= 0)"),
    ),
    Row(
        equation="T5's bias, one number for each bucket and head",
        source="Raffel et al. 2020, sec. 2.1",
        names=("functional.relative_bias",),
        properties=of(
            "relative",
            "test_every_entry_is_read_from_the_table_and_taught_by_all_that_read_it",
        ),
        walkthrough="14",
        mutant=Planted(
            "functional/relative.py",
            "np.add.at(dtable.reshape(-1), entries.reshape(-1), dbias.reshape(-1))",
            "dtable.reshape(-1)[entries.reshape(-1)] += dbias.reshape(-1)",
        ),
    ),
    Row(
        equation="causal convolution, dilated",
        source="van den Oord et al. 2016, secs. 2, 2.1",
        names=("functional.causal_convolution",),
        properties=of(
            "convolution",
            "test_a_position_is_seen_from_itself_and_from_multiples_of_the_dilation_later",
            "test_a_shifted_text_gives_a_shifted_output",
            "test_it_is_linear_in_x_and_in_w_and_backward_is_its_adjoint",
        ),
        walkthrough="09",
        mutant=Planted(
            "functional/convolution.py",
            "lags = [(width - 1 - k) * dilation",
            "lags = [(width - k) * dilation",
        ),
    ),
    Row(
        equation="simple recurrent network, through time",
        source="Elman 1990, fig. 2; Werbos 1990",
        names=("functional.elman",),
        properties=of(
            "recurrent",
            "test_elmans_dh_t_by_dh_0_is_the_product_of_its_steps_jacobians",
            "test_a_sequence_cut_anywhere_is_the_same_sequence",
            "test_no_state_outgrows_what_its_equation_allows",
        ),
        walkthrough="09",
        mutant=Planted("functional/elman.py", "a_t += h[t] @ W_h", "a_t += h[0] @ W_h"),
    ),
    Row(
        equation="LSTM, with a forget gate",
        source="Hochreiter & Schmidhuber 1997, sec. 4; Gers et al. 2000, sec. 3.1",
        names=("functional.lstm",),
        properties=of(
            "recurrent",
            "test_an_open_forget_gate_and_a_closed_input_gate_keep_the_cell_exactly",
            "test_where_nothing_reads_h_a_cell_is_all_that_was_written_faded_by_forget_gates",
            "test_where_nothing_reads_h_the_cells_gradient_is_the_product_of_forget_gates",
            "test_a_sequence_cut_anywhere_is_the_same_sequence",
            "test_no_state_outgrows_what_its_equation_allows",
        ),
        walkthrough="09",
        mutant=Planted(
            "functional/lstm.py",
            "np.multiply(f[t], c[t], out=c_t)",
            "np.multiply(1 - i[t], c[t], out=c_t)",
        ),
    ),
    Row(
        equation="gated recurrent unit",
        source="Cho et al. 2014, eqs. 5-8",
        names=("functional.gru",),
        properties=of(
            "recurrent",
            "test_a_gru_stands_between_its_last_state_and_a_proposal",
            "test_a_gru_whose_update_gate_is_1_keeps_its_state",
            "test_a_gru_whose_gates_are_shut_is_its_proposal_of_x_alone",
            "test_a_sequence_cut_anywhere_is_the_same_sequence",
        ),
        walkthrough="09",
        mutant=Planted(
            "functional/gru.py",
            "np.subtract(h[t], n, out=h_t)\n        h_t *= z\n        h_t += n\n",
            "np.subtract(n, h[t], out=h_t)\n        h_t *= z\n        h_t += h[t]\n",
        ),
    ),
)

NO_EQUATION: dict[str, str] = {  # public names that compute nothing a paper states
    "functional.IGNORED": "a number",
    "functional.Uniform": "a protocol: what dropout asks of its rng",
}
