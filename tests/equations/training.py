"""Rows of the index: training."""

from tests.equations.row import Row
from tests.mutants.planted import Planted

OPTIMIZERS = "tests/training/test_optimizers.py::test_"
DECAY = "tests/training/test_decay.py::test_"
CLIPPING = "tests/training/test_clipping.py::test_"
SCHEDULES = "tests/training/test_schedules.py::test_"
FLAT = "tests/training/test_flat.py::test_"
PARALLEL = "tests/training/test_parallel.py::test_"
NEXT_TOKEN = "tests/training/test_objectives.py::test_"
OBJECTIVES = "tests/training/test_architecture_objectives.py::test_"
TRUNCATED = "tests/training/test_truncated.py::test_"
TRAINER = "tests/training/test_trainer.py::test_"
PREFIX = "tests/data/objectives/test_prefix.py::test_"

BY_HAND = f"{OBJECTIVES}the_loss_is_the_mean_over_what_is_asked"
NOT_ASKED = f"{OBJECTIVES}a_target_that_is_not_asked_for_has_no_influence"
NOT_LATER = f"{OBJECTIVES}a_target_depends_on_no_input_after_its_own"
SHARDS = f"{OBJECTIVES}two_shards_weighed_by_their_targets_are_the_whole_batch"
PADDING_ROWS = f"{OBJECTIVES}a_row_of_padding_adds_no_loss_and_no_gradient"
PADDING_HIDDEN = f"{OBJECTIVES}padding_is_hidden_from_the_model_wherever_it_stands"

ROWS: tuple[Row, ...] = (
    Row(
        equation="AdamW: Adam's step, corrected for its start, and decoupled weight decay",
        source="Loshchilov & Hutter 2019, alg. 2; Kingma & Ba 2015, alg. 1, sec. 2.1 and 3",
        names=("training.AdamW",),
        properties=(
            f"{OPTIMIZERS}adamw_is_its_equation_wherever_the_parts_are_cut",
            f"{OPTIMIZERS}adams_first_step_is_lr_in_the_direction_of_the_sign",
            f"{OPTIMIZERS}averages_of_a_constant_gradient_are_corrected_to_it_at_every_step",
            f"{OPTIMIZERS}at_eps_0_adam_does_not_care_how_large_gradients_are",
            f"{OPTIMIZERS}without_gradients_adamw_only_decays_what_declares_it",
            f"{DECAY}what_decay_adds_to_a_step_does_not_depend_on_any_gradient",
            f"{DECAY}matrices_of_linear_maps_shrink_and_nothing_else_does",
        ),
        walkthrough="07",
        mutant=Planted(  # L2 regularization, which Adam's averages then hear of
            "training/optimizers.py",
            "theta, g = self.theta.data[part], self.theta.grad[part]",
            "theta = self.theta.data[part]\n"
            "        g = self.theta.grad[part] + self.weight_decay * theta",
        ),
    ),
    Row(
        equation="SGD with momentum",
        source="Sutskever et al. 2013, eqs. 1-2",
        names=("training.SGD",),
        properties=(
            f"{OPTIMIZERS}sgd_is_its_equation",
            f"{OPTIMIZERS}a_constant_gradient_gathers_momentum_up_to_its_limit",
            f"{OPTIMIZERS}without_momentum_it_is_gradient_descent_to_the_last_bit",
        ),
        walkthrough="07",
        mutant=Planted(  # an average of gradients: their sum is what the paper has
            "training/optimizers.py",
            "self.velocity += self.theta.grad",
            "self.velocity += (1 - self.momentum) * self.theta.grad",
        ),
    ),
    Row(
        equation="all parameters as one vector theta, decayed ones first, tied ones once",
        source="Loshchilov & Hutter 2019, alg. 2, line 2",
        names=("training.Flat",),
        properties=(
            f"{FLAT}the_windows_cover_the_vector_and_keep_every_value",
            f"{FLAT}what_decays_comes_first_and_nothing_else_does",
            f"{FLAT}a_frozen_parameter_is_left_where_it_is",
            f"{FLAT}what_a_layer_accumulates_is_in_the_vector",
            f"{FLAT}a_replica_shares_the_weights_and_owns_its_gradient",
        ),
        walkthrough="07",
        mutant=Planted(  # the biases would be decayed
            "training/flat.py", "key=lambda p: not p.decay", "key=lambda p: p.decay"
        ),
    ),
    Row(
        equation="clipping by the global norm",
        source="Pascanu et al. 2013, alg. 1",
        names=("training.clip_by_global_norm",),
        properties=(
            f"{CLIPPING}the_direction_stays_and_the_norm_is_the_smaller_of_the_two",
            f"{CLIPPING}a_gradient_within_the_limit_keeps_its_bits",
            f"{CLIPPING}no_entry_grows_or_turns_and_all_shrink_by_one_factor",
        ),
        walkthrough="07",
        mutant=Planted(  # entry by entry, which turns the gradient
            "training/clipping.py",
            "grad *= 1 / np.maximum(norm / limit, 1.0)",
            "np.clip(grad, -limit, limit, out=grad)",
        ),
    ),
    Row(
        equation="a constant rate",
        source="Loshchilov & Hutter 2019, alg. 2, line 11",
        names=("training.Constant",),
        properties=(f"{SCHEDULES}constant_is_constant",),
        walkthrough="07",
        mutant=Planted(
            "training/schedules.py", "return self.lr\n", "return self.lr / step\n"
        ),
    ),
    Row(
        equation="linear warm-up, then half a cosine",
        source="Loshchilov & Hutter 2017, eq. 5; Goyal et al. 2017, sec. 2.2",
        names=("training.WarmupCosine",),
        properties=(
            f"{SCHEDULES}the_peak_is_at_the_end_of_the_warmup_and_nowhere_higher",
            f"{SCHEDULES}the_warmup_is_a_straight_line_from_zero",
            f"{SCHEDULES}the_last_step_leaves_the_final_share_which_stays",
            f"{SCHEDULES}half_way_down_the_cosine_is_at_the_middle",
            f"{SCHEDULES}the_fall_is_half_a_cosine_between_the_two_rates",
            f"{SCHEDULES}no_step_jumps",
        ),
        walkthrough="07",
        mutant=Planted(  # beyond the end the cosine would rise again
            "training/schedules.py",
            "min(1.0, (step - self.warmup_steps) / falling)",
            "(step - self.warmup_steps) / falling",
        ),
    ),
    Row(
        equation="Noam: up in a line, down with the root of the step",
        source="Vaswani et al. 2017, eq. 3",
        names=("training.Noam",),
        properties=(
            f"{SCHEDULES}noam_peaks_where_its_two_branches_meet",
            f"{SCHEDULES}noam_is_the_lower_of_a_line_and_a_root",
        ),
        walkthrough="07",
        mutant=Planted(
            "training/schedules.py", "self.warmup_steps**-1.5", "self.warmup_steps**-0.5"
        ),
    ),
    Row(
        equation="the gradient of a batch from those of its parts",
        source="Goyal et al. 2017, sec. 3, remark 3",
        names=("training.BatchGradient",),
        properties=(
            f"{PARALLEL}any_cut_gives_the_gradient_of_one_pass_with_the_same_dropout",
            f"{PARALLEL}shards_weigh_what_their_share_of_the_targets_is",
            f"{PARALLEL}the_same_call_gives_the_same_bits",
            f"{PARALLEL}micro_batches_are_as_equal_as_can_be_and_one_at_a_time",
            f"{TRAINER}accumulation_and_threads_walk_the_path_of_the_whole_batch",
        ),
        walkthrough="07",
        mutant=Planted(  # a mean of means
            "training/parallel.py",
            "share = objective.n_targets(shard) / max(1, n_batch)",
            "share = 1 / n_shards",
        ),
    ),
    Row(
        equation="the mean loss of a corpus: each target counts once",
        source="Bengio et al. 2003, sec. 2",
        names=("training.mean_loss",),
        properties=(f"{NEXT_TOKEN}the_mean_over_batches_counts_each_target_once",),
        walkthrough="07",
        mutant=Planted(
            "training/trainer.py",
            "total, n = total + n_batch * float(loss), n + n_batch",
            "total, n = total + float(loss), n + 1",
        ),
    ),
    Row(
        equation="a training step: gradient, clip, update; and no step once numbers end",
        source="Goodfellow et al. 2016, alg. 8.1",
        names=("training.Trainer",),
        properties=(
            f"{TRAINER}a_step_goes_its_rate_along_its_batchs_clipped_gradient",
            f"{TRAINER}ctrl_c_finishes_the_step_and_the_rest_follows_bit_for_bit",
            f"{TRAINER}wherever_numbers_end_training_does_and_the_weights_are_those_of_the"
            "_last_step",
            f"{TRAINER}ignored_targets_alone_change_nothing_but_what_decays",
        ),
        walkthrough="07",
        mutant=Planted(  # steps of a schedule count from 1
            "training/trainer.py",
            "self.schedule(self.step + 1)",
            "self.schedule(self.step)",
        ),
    ),
    Row(
        equation="causal language modelling",
        source="Radford et al. 2018, eq. 1",
        names=("training.NextToken",),
        properties=(
            f"{NEXT_TOKEN}the_loss_is_the_mean_over_the_targets_that_count",
            f"{NEXT_TOKEN}the_gradient_is_scaled_by_what_backward_is_given",
            BY_HAND,
            NOT_LATER,
        ),
        walkthrough="07",
        mutant=Planted(  # counts what is ignored
            "training/objectives.py",
            "int(np.count_nonzero(targets != F.IGNORED))",
            "int(targets.size)",
        ),
    ),
    Row(
        equation="masked language modelling: the loss over the chosen places",
        source="Devlin et al. 2019, sec. 3.1",
        names=("training.MaskedTokens",),
        properties=(BY_HAND, NOT_ASKED, SHARDS, PADDING_ROWS, PADDING_HIDDEN),
        walkthrough="10",
        mutant=Planted(  # padding is read
            "training/encoder_objectives.py",
            "inputs, mask=mask, segment_ids=None, rng=rng\n        )\n"
            "        return token_loss(logits, model_backward, targets)",
            "inputs, mask=None, segment_ids=None, rng=rng\n        )\n"
            "        return token_loss(logits, model_backward, targets)",
        ),
    ),
    Row(
        equation="tagging: a class for each token",
        source="Devlin et al. 2019, sec. 5.3",
        names=("training.TokenClass",),
        properties=(BY_HAND, NOT_ASKED, SHARDS, PADDING_ROWS, PADDING_HIDDEN),
        walkthrough="11",
        mutant=Planted(  # targets of padding count
            "training/encoder_objectives.py",
            "return inputs, np.where(mask, targets, F.IGNORED), mask",
            "return inputs, targets, mask",
        ),
    ),
    Row(
        equation="classification: a class for the whole text",
        source="Devlin et al. 2019, sec. 4.1",
        names=("training.SequenceClass",),
        properties=(BY_HAND, NOT_ASKED, SHARDS, PADDING_ROWS),
        walkthrough="11",
        mutant=Planted(  # texts that are padded would not count
            "training/encoder_objectives.py",
            "np.where(mask.any(-1), labels, F.IGNORED)",
            "np.where(mask.all(-1), labels, F.IGNORED)",
        ),
    ),
    Row(
        equation="sequence to sequence: the target, given the source",
        source="Sutskever et al. 2014, eq. 1",
        names=("training.SequenceToSequence",),
        properties=(BY_HAND, NOT_ASKED, NOT_LATER, SHARDS, PADDING_ROWS, PADDING_HIDDEN),
        walkthrough="12",
        mutant=Planted(  # what nobody can know, without a source, is asked
            "training/sequence_objectives.py",
            "asked = target_mask & source_mask.any(-1, keepdims=True)",
            "asked = target_mask",
        ),
    ),
    Row(
        equation="prefix language modelling: what follows a prefix that is read both ways",
        source="Raffel et al. 2020, sec. 3.2.3; Wang et al. 2022",
        names=(
            "training.PrefixNextToken",
            "data.PrefixWindows",
            "data.objectives.split_prefix",
        ),
        properties=(
            BY_HAND,
            NOT_ASKED,
            NOT_LATER,
            SHARDS,
            f"{PREFIX}exactly_the_tokens_after_the_prefix_are_targets",
            f"{PREFIX}the_cut_may_be_anywhere_with_equal_chances",
            "tests/data/test_pretraining.py::"
            "test_prefix_windows_ask_for_what_follows_the_prefix",
        ),
        walkthrough="13",
        mutant=Planted(  # the last place of the prefix has the first target
            "training/sequence_objectives.py",
            ">= prefix_lengths[:, None] - 1",
            ">= prefix_lengths[:, None]",
        ),
    ),
    Row(
        equation="truncated backpropagation through time",
        source="Williams & Peng 1990, sec. 3",
        names=("training.TruncatedNextToken",),
        properties=(
            f"{TRUNCATED}chunks_as_long_as_the_text_are_full_backpropagation_to_the_last_bit",
            f"{TRUNCATED}the_loss_is_that_of_the_whole_text_and_the_gradient_another",
            f"{TRUNCATED}what_stood_in_an_earlier_chunk_is_not_blamed",
            f"{TRUNCATED}the_gradient_is_scaled_by_what_backward_is_given",
        ),
        walkthrough="09",
        mutant=Planted(  # every chunk begins without a memory
            "training/truncated.py",
            "model.chunk(inputs[:, part], states, chunk_rng)",
            "model.chunk(inputs[:, part], None, chunk_rng)",
        ),
    ),
)

NO_EQUATION: dict[str, str] = {  # public names that compute nothing a paper states
    "training.NonFiniteLossError": "an error",
    "training.Objective": "a protocol: what a loss over batches has to offer",
    "training.Optimizer": "a protocol: what moves theta has to offer",
    "training.Progress": "what a person sees while a model trains",
    "training.Schedule": "a type: from a step to a rate",
    "training.TrainerSettings": "settings",
    "training.available_cores": "a question to the operating system",
    "training.blas_threads": "how many cores a matrix product gets",
    "training.keep_freed_memory": "a wish to the allocator",
}
