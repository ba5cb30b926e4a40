"""Rows of the index: generation."""

from tests.equations.row import Row
from tests.mutants.planted import Planted

SAMPLING = "tests/generation/test_sampling.py::test_"
MAPS = "tests/generation/test_distributions.py::test_"
TEXTS = "tests/generation/test_text_probabilities.py::test_"
DECODING = "tests/generation/test_decoding.py::test_"
STEPPING = "tests/generation/test_stepping.py::test_"
BEAM = "tests/generation/test_beam.py::test_"
BESIDE = "tests/generation/test_encoder_decoder_generation.py::test_"

ROWS: tuple[Row, ...] = (
    Row(
        equation="probabilities of the next token, softmax(z)",
        source="Bridle 1990",
        names=("generation.probabilities",),
        properties=(
            f"{MAPS}every_row_is_a_distribution_whose_ratios_are_exponentials",
            f"{SAMPLING}probabilities_are_the_normalised_weights",
        ),
        walkthrough="08",
        mutant=Planted(
            "generation/sampling.py", "p /= p.sum(-1, keepdims=True)", "p /= p.sum()"
        ),
    ),
    Row(
        equation="greedy decoding, argmax p",
        source="Sutskever et al. 2014, sec. 3.2, a beam of size 1",
        names=("generation.greedy",),
        properties=(
            f"{MAPS}greedy_is_the_likeliest_choice_and_has_no_doubt",
            f"{SAMPLING}the_strictest_setting_is_greedy_and_the_loosest_changes_nothing",
            f"{SAMPLING}temperature_towards_0_becomes_greedy_where_the_best_is_alone",
        ),
        walkthrough="08",
        mutant=Planted(
            "generation/sampling.py",
            "best = z.argmax(-1)[..., None]",
            "best = z.shape[-1] - 1 - z[..., ::-1].argmax(-1)[..., None]",
        ),
    ),
    Row(
        equation="temperature, softmax(z / t)",
        source="Ackley et al. 1985; Holtzman et al. 2020, eq. 4",
        names=("generation.temperature",),
        properties=(
            f"{SAMPLING}temperature_raises_every_ratio_to_the_power_1_over_t",
            f"{SAMPLING}temperature_keeps_the_order_of_tokens",
            f"{SAMPLING}temperature_towards_0_becomes_greedy_where_the_best_is_alone",
            f"{SAMPLING}a_huge_temperature_is_uniform_over_the_allowed",
            f"{MAPS}temperatures_multiply",
            f"{MAPS}temperature_1_changes_nothing_and_0_absorbs_every_other",
            f"{MAPS}a_hotter_distribution_is_more_even_and_its_entropy_higher",
            f"{MAPS}no_distribution_has_more_of_logit_plus_t_times_entropy",
        ),
        walkthrough="08",
        mutant=Planted(
            "generation/sampling.py",
            ".astype(np.float64) / t",
            ".astype(np.float64) / t / t",
        ),
    ),
    Row(
        equation="top-k, the k best tokens",
        source="Fan et al. 2018, sec. 5.4",
        names=("generation.top_k",),
        properties=(
            f"{SAMPLING}top_k_keeps_exactly_the_k_best",
            f"{SAMPLING}filters_keep_the_top_of_the_ranking_untouched",
            f"{SAMPLING}a_looser_setting_keeps_at_least_as_much",
            f"{MAPS}the_k_best_of_the_j_best_are_the_fewer_of_both",
            f"{MAPS}top_k_and_min_p_may_change_places_with_temperature",
            f"{MAPS}a_filter_conditions_on_the_tokens_that_it_keeps",
        ),
        walkthrough="08",
        mutant=Planted(
            "generation/sampling.py",
            "above | (tied & (tied.cumsum(-1) <= room))",
            "above | tied",
        ),
    ),
    Row(
        equation="top-p, the smallest set that reaches p",
        source="Holtzman et al. 2020, eqs. 2, 3",
        names=("generation.top_p",),
        properties=(
            f"{SAMPLING}top_p_is_the_smallest_set_that_reaches_p",
            f"{SAMPLING}filters_keep_the_top_of_the_ranking_untouched",
            f"{SAMPLING}a_looser_setting_keeps_at_least_as_much",
            f"{MAPS}a_filter_conditions_on_the_tokens_that_it_keeps",
            f"{MAPS}a_nucleus_of_a_nucleus_is_the_nucleus_of_a_product",
            f"{MAPS}a_hotter_nucleus_is_no_smaller",
        ),
        walkthrough="08",
        mutant=Planted(
            "generation/sampling.py",
            "cumulative[..., :-1] < p - ROUNDING",
            "cumulative[..., 1:] < p - ROUNDING",
        ),
    ),
    Row(
        equation="the other top-p, ranked tokens while their sum is at most p",
        source="a reading of Holtzman et al. 2020, eq. 2, that course notes have",
        names=("generation.top_p_at_most",),
        properties=(
            f"{SAMPLING}top_p_at_most_stops_before_it_exceeds_p",
            f"{SAMPLING}a_looser_setting_keeps_at_least_as_much",
            f"{MAPS}the_two_rules_differ_by_the_token_that_crosses_p",
            f"{MAPS}a_filter_conditions_on_the_tokens_that_it_keeps",
        ),
        walkthrough="08",
        mutant=Planted("generation/sampling.py", "stays[..., 0] = True", "pass"),
    ),
    Row(
        equation="min-p, p_i >= p max_j p_j",
        source="Nguyen et al. 2024",
        names=("generation.min_p",),
        properties=(
            f"{SAMPLING}min_p_keeps_what_is_at_least_p_times_the_best",
            f"{SAMPLING}a_looser_setting_keeps_at_least_as_much",
            f"{MAPS}of_two_bars_of_min_p_the_higher_counts",
            f"{MAPS}top_k_and_min_p_may_change_places_with_temperature",
        ),
        walkthrough="08",
        mutant=Planted(
            "generation/sampling.py",
            "ratio = np.exp((z - z.max(-1, keepdims=True)).astype(np.float64))",
            "ratio = probabilities(z)",
        ),
    ),
    Row(
        equation="repetition penalty, z_i / penalty or z_i penalty",
        source="Keskar et al. 2019, sec. 4.1",
        names=("generation.repetition_penalty",),
        properties=(
            f"{SAMPLING}repetition_penalty_by_its_definition",
            f"{SAMPLING}a_penalty_never_makes_a_token_likelier_and_its_inverse_undoes_it",
            f"{MAPS}penalties_multiply_and_leave_the_others_their_ratios",
            f"{MAPS}what_was_written_becomes_less_probable_and_nothing_else_does",
        ),
        walkthrough="08",
        mutant=Planted(
            "generation/sampling.py",
            "np.where(z > 0, z / penalty, z * penalty)",
            "z / penalty",
        ),
    ),
    Row(
        equation="a draw, by inverting the distribution function",
        source="Devroye 1986, ch. III, sec. 2",
        names=("generation.sample",),
        properties=(
            f"{MAPS}the_id_is_the_first_whose_cumulative_probability_exceeds_u",
            f"{MAPS}draws_come_as_often_as_their_exact_probability_says",
            f"{SAMPLING}an_even_grid_of_numbers_draws_every_token_its_share_of_times",
            f"{SAMPLING}a_token_of_probability_zero_is_never_drawn",
        ),
        walkthrough="08",
        mutant=Planted(
            "generation/sampling.py",
            "rng.random((*cumulative.shape[:-1], 1))",
            "rng.random((1,) * cumulative.ndim)",
        ),
    ),
    Row(
        equation="settings together: each filter sees what the one before it left",
        source="Holtzman et al. 2020, eq. 3, once for each",
        names=("generation.SamplingSettings",),
        properties=(
            f"{SAMPLING}default_settings_are_the_models_own_distribution",
            f"{SAMPLING}settings_compose_in_the_stated_order",
            f"{SAMPLING}greedy_settings_stay_greedy_under_every_filter",
            f"{MAPS}draws_come_as_often_as_their_exact_probability_says",
        ),
        walkthrough="08",
        mutant=Planted(
            "generation/settings.py",
            "z = sampling.top_p(z, self.top_p)",
            "z = sampling.top_p(logits, self.top_p)",
        ),
    ),
    Row(
        equation="a text, token by token: P(text) = prod_t p(token_t | text before t)",
        source="Holtzman et al. 2020, eq. 1",
        names=("generation.generate",),
        properties=(
            f"{DECODING}every_token_comes_with_the_distribution_of_a_full_pass",
            f"{DECODING}greedy_is_the_argmax_of_full_passes",
            f"{DECODING}a_window_slides_exactly_as_it_is_documented",
            f"{DECODING}a_text_ends_after_the_token_at_which_stop_is_true",
            f"{STEPPING}generate_draws_each_token_from_a_full_pass",
            f"{TEXTS}texts_come_as_often_as_the_chain_rule_says",
        ),
        walkthrough="08",
        mutant=Planted(
            "generation/decoding.py",
            "settings.distribution(to_host(logits), np.array(context))",
            "settings.distribution(to_host(logits), np.array(context[n_prompt:], int))",
        ),
    ),
    Row(
        equation="beam search: the most probable beginnings live on",
        source="Sutskever et al. 2014, sec. 3.2",
        names=("generation.beam_search",),
        properties=(
            f"{BEAM}a_width_that_covers_all_prefixes_is_exhaustive_search",
            f"{BEAM}all_complete_texts_together_are_certain",
            f"{BEAM}ending_early_loses_nothing",
            f"{BEAM}width_1_is_greedy_whatever_the_penalties",
            f"{BEAM}log_probability_is_that_of_a_full_pass",
            f"{STEPPING}beam_search_weighs_its_texts_by_full_passes",
        ),
        walkthrough="12",
        mutant=Planted(
            "generation/beam.py",
            "beam.bound(highest) < best[-1].score",
            "beam.log_p.max() < best[-1].score",
        ),
    ),
    Row(
        equation="length penalty, lp(Y) = ((5 + |Y|) / (5 + 1))^alpha",
        source="Wu et al. 2016, eq. 14",
        names=("generation.length_penalty",),
        properties=(
            f"{TEXTS}the_length_penalty_is_its_formula",
            f"{TEXTS}at_alpha_1_the_score_of_a_long_text_is_nearly_a_mean_over_its_tokens",
            f"{BEAM}a_width_that_covers_all_prefixes_is_exhaustive_search",
        ),
        walkthrough="12",
        mutant=Planted("generation/scoring.py", "(5 + n) / (5 + 1)", "(5 + n) / 5"),
    ),
    Row(
        equation="score with coverage, log P / lp + beta sum_i log(min(sum_j p_ij, 1))",
        source="Wu et al. 2016, eq. 14",
        names=("generation.coverage_penalty", "generation.score"),
        properties=(
            f"{TEXTS}the_coverage_penalty_is_its_formula",
            f"{TEXTS}the_score_is_log_p_by_its_length_and_its_coverage",
            f"{BESIDE}scores_follow_the_formula_from_the_maps_of_the_last_layer",
            f"{BESIDE}beam_search_does_not_feel_padding",
        ),
        walkthrough="12",
        mutant=Planted(
            "generation/scoring.py", "np.log(np.minimum(covered, 1))", "np.log(covered)"
        ),
    ),
    Row(
        equation="greedy decoding of many texts at once",
        source="Sutskever et al. 2014, sec. 3.2, a beam of size 1",
        names=("generation.greedy_batch", "generation.translate"),
        properties=(
            f"{STEPPING}a_batch_writes_what_each_text_alone_would_be",
            f"{STEPPING}texts_go_on_after_rows_were_dropped_doubled_and_moved",
            f"{BESIDE}a_padded_batch_is_translated_as_each_source_alone_without_padding",
        ),
        walkthrough="13",
        mutant=Planted(
            "generation/batch.py",
            "rows[live], tokens[live, None]",
            "rows[live], tokens[: live.size, None]",
        ),
    ),
)

NO_EQUATION: dict[str, str] = {
    "generation.Hypothesis": "a record: what beam_search answers with",
    "generation.Token": "a record: what generate yields",
}
