"""Weight decay is decoupled: it acts where it is declared, and gradients do not know."""

from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minillm.models import DecoderConfig, DecoderOnly
from minillm.training import AdamW, Flat
from tests.strategies import examples, rngs, scatter
from tests.training.test_optimizers import flat, rates, scattered, sizes

configs = st.builds(
    DecoderConfig,
    vocab_size=st.just(7),
    max_seq_len=st.just(5),
    d_model=st.just(4),
    n_layers=st.integers(1, 2),
    n_heads=st.just(2),
    d_ff=st.just(3),
    positions=st.sampled_from(["learned", "sinusoidal", "relative"]),
    norm=st.sampled_from(["layer_norm", "rms_norm"]),
    feed_forward=st.sampled_from(["plain", "gated"]),
    vocabulary=st.sampled_from(["tied", "untied"]),
)


@given(rngs, sizes, st.lists(rates, min_size=1, max_size=6), st.floats(0.01, 1))
def test_what_decay_adds_to_a_step_does_not_depend_on_any_gradient(
    rng, sizes, rates, weight_decay
):
    """theta_t = (1 - lr weight_decay) theta_{t-1} + the step that Adam takes without it.

    The averages m and v are to the last bit those of a run without decay.
    """
    start, n = rng.normal(size=sum(sizes)), sizes[0]
    plain, decayed = flat(rng, sizes), flat(rng, sizes)
    plain.data[...] = decayed.data[...] = start
    adam, adamw = AdamW(plain, weight_decay=0), AdamW(decayed, weight_decay=weight_decay)
    for lr in rates:
        before, expected = plain.data.copy(), decayed.data.copy()
        plain.grad[...] = decayed.grad[...] = scattered(rng, sum(sizes))
        adam.step(lr), adamw.step(lr)
        expected[:n] *= 1 - lr * weight_decay
        assert_allclose(decayed.data, expected + plain.data - before, atol=1e-14)
        assert_array_equal(adamw.m, adam.m)
        assert_array_equal(adamw.v, adam.v)


@given(rngs, configs, st.floats(0.1, 1))
@examples(15)
def test_matrices_of_linear_maps_shrink_and_nothing_else_does(rng, config, weight_decay):
    """Norms, biases, embeddings, the output matrix that is one, and biases of positions."""
    model = scatter(DecoderOnly(config, rng=rng), rng)
    before = {name: p.data.copy() for name, p in model.named_parameters()}
    AdamW(Flat(model), weight_decay=weight_decay).step(lr=0.5)
    for name, p in model.named_parameters():
        is_linear = name.endswith(("proj.weight", "lm_head.weight"))
        share = 1 - 0.5 * weight_decay if is_linear else 1
        assert_allclose(p.data, share * before[name], rtol=1e-6, err_msg=name)
