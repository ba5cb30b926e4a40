"""Rows of the index: evaluation."""

from tests.equations.row import Row
from tests.mutants.planted import Planted

UNITS = "tests/evaluation/test_units.py::test_"
NGRAMS = "tests/evaluation/test_ngram_baselines.py::test_"
WRITING = "tests/evaluation/test_ngram_lm.py::test_"
CODES = "tests/evaluation/test_compression.py::test_"

ROWS: tuple[Row, ...] = (
    Row(
        equation="perplexity, exp of the mean loss",
        source="Jelinek et al. 1977",
        names=("evaluation.perplexity",),
        properties=(
            f"{UNITS}perplexity_is_the_geometric_mean_of_one_over_p",
            f"{UNITS}a_blind_guess_is_undecided_among_all",
            f"{UNITS}a_distribution_on_its_own_draws_is_as_undecided_as_its_entropy",
            f"{UNITS}a_nat_more_is_e_times_as_many_choices",
        ),
        walkthrough="02",
        mutant=Planted(
            "evaluation/perplexity.py",
            "return math.exp(mean_loss)",
            "return 2.0**mean_loss",
        ),
    ),
    Row(
        equation="bits per byte, nats n_tokens / (ln 2 n_bytes)",
        source="Gao et al. 2020, sec. 3.1",
        names=("evaluation.bits_per_byte",),
        properties=(
            f"{UNITS}"
            "bits_per_byte_are_the_binary_logarithm_of_perplexity_over_a_bytes_share",
            f"{UNITS}the_bits_of_a_text_do_not_depend_on_how_it_was_cut",
            f"{UNITS}guessing_bytes_costs_eight_bits_each",
            f"{UNITS}longer_tokens_make_the_same_nats_cheaper",
        ),
        walkthrough="07",
        mutant=Planted("evaluation/units.py", "/ (math.log(2) * n_bytes)", "/ n_bytes"),
    ),
    Row(
        equation="interpolated n-grams, sum_n lambda_n c(h w) / c(h)",
        source="Jelinek & Mercer 1980; Dempster et al. 1977",
        names=("evaluation.InterpolatedNgram",),
        properties=(
            f"{NGRAMS}every_context_has_a_positive_distribution_of_sum_one",
            f"{NGRAMS}the_bigram_is_its_equation",
            f"{NGRAMS}the_mixture_is_its_equation_at_every_order",
            f"{NGRAMS}the_weights_are_the_likeliest_for_the_tenth_that_was_not_counted",
            f"{NGRAMS}no_other_weights_are_likelier",
        ),
        walkthrough="09",
        mutant=Planted(
            "evaluation/interpolated.py",
            "count / np.maximum(total, 1), p)",
            "count / np.maximum(total, 1), 0)",
        ),
    ),
    Row(
        equation="modified Kneser-Ney smoothing",
        source="Kneser & Ney 1995; Chen & Goodman 1998, sec. 3",
        names=("evaluation.KneserNey",),
        properties=(
            f"{NGRAMS}every_context_has_a_positive_distribution_of_sum_one",
            f"{NGRAMS}kneser_ney_is_its_equation",
            f"{NGRAMS}every_count_pays_something_and_keeps_something",
            f"{NGRAMS}only_the_last_tokens_of_a_context_count",
        ),
        walkthrough="09",
        mutant=Planted(
            "evaluation/kneser_ney.py",
            "return [*counts, self.ngrams.counts[-1]]",
            "return self.ngrams.counts[1:]",
        ),
    ),
    Row(
        equation="counts that write: logits = ln p(next | the last order - 1 tokens)",
        source="Shannon 1948, sec. 3",
        names=("evaluation.NgramLM",),
        properties=(
            f"{WRITING}every_token_comes_with_the_smoothed_distribution",
            f"{WRITING}steps_in_any_chunks_equal_one_step",
            f"{WRITING}the_logits_are_what_the_model_is_scored_by",
        ),
        walkthrough="09",
        mutant=Planted(
            "evaluation/ngram_lm.py", "end = n_before + t + 1", "end = n_before + t"
        ),
    ),
    Row(
        equation="cross-entropy of a text, mean of -ln p, under models that count",
        source="Shannon 1951, eq. 1",
        names=("evaluation.token_baselines",),
        properties=(
            f"{NGRAMS}a_baseline_is_the_mean_surprise_at_tokens_that_were_held_out",
            f"{NGRAMS}a_text_is_scored_token_by_token",
        ),
        walkthrough="07",
        mutant=Planted(
            "evaluation/baselines.py",
            "nats_per_token(valid_ids)",
            "nats_per_token(train_ids)",
        ),
    ),
    Row(
        equation="compressors as models: a code of n bits is a guess of 2^-n",
        source="Shannon 1948, th. 9; Delétang et al. 2024, sec. 2",
        names=("evaluation.compression_baselines",),
        properties=(
            f"{CODES}what_follows_costs_what_it_adds_to_the_code_of_all",
            f"{CODES}a_text_that_was_seen_costs_a_reference_to_it",
        ),
        walkthrough="02",
        mutant=Planted(
            "evaluation/compression.py",
            "(len(compress(before)) if before else 0)",
            "0",
        ),
    ),
)

NO_EQUATION: dict[str, str] = {}  # public names that compute nothing a paper states
