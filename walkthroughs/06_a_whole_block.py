# %% [markdown]
# # 6. A whole block
#
# A transformer is one block, repeated. A block has two branches. In the first the words
# exchange what they know (attention), in the second each thinks about what it heard
# (feed-forward). Both add their result to a *stream* that runs past them untouched:
#
#     x ---+------------------------+--- h ---+-----------------------+--- y
#          |                        |         |                       |
#          +-> attn_norm -> attn ->(+)        +-> ffn_norm -> ffn -->(+)
#
#     h = x + attn(attn_norm(x))
#     y = h + ffn(ffn_norm(h))
#
# Attention you know. This walkthrough is about the three modest parts around it: the norm,
# the sum and the feed-forward network. The first two look like housekeeping. They are what
# makes a hundred layers trainable, and section 4 measures why.

# %%
import math

import numpy as np

from minillm import functional as F
from minillm.cli.draw import attention_map, bars
from minillm.gradient_check import check_gradients, check_parameters
from minillm.layers import (
    Dropout,
    FeedForward,
    GatedFeedForward,
    LayerNorm,
    MultiHeadAttention,
    Parameter,
    PostNormBlock,
    PreNormBlock,
    RMSNorm,
)

np.set_printoptions(precision=3, suppress=True, linewidth=88)
rng = np.random.default_rng(0)

# %% [markdown]
# ## 1. Layer norm, on paper
#
#     mu    = mean(x)
#     rstd  = 1 / sqrt(var(x) + eps)
#     x_hat = (x - mu) rstd
#     y     = gamma x_hat + beta
#
# (Ba et al. 2016.) One position with four features, [1 1 5 5], has mean 3 and variance 4.
# So `rstd` is 1/2, and `x_hat` is [-1 -1 1 1]. The learned `gamma` and `beta` may then
# stretch and shift each feature as the next layer likes it; they begin as 1 and 0.

# %%
x = np.array([1.0, 1.0, 5.0, 5.0])
gamma, beta = np.ones(4), np.zeros(4)
y, norm_backward = F.layer_norm(x, gamma, beta, eps=0)

print("y =", y)
assert np.allclose(y, [-1, -1, 1, 1])

# %% [markdown]
# Shift the input or stretch it, and the output is the same: only the *pattern* goes
# through. So whatever the layers before may do to the scale, the branch sees the same.

# %%
shifted, _ = F.layer_norm(x + 100, gamma, beta, eps=0)
stretched, _ = F.layer_norm(1000 * x, gamma, beta, eps=0)

print("from x + 100: ", shifted)
print("from 1000 x:  ", stretched)
assert np.allclose(shifted, y) and np.allclose(stretched, y)

# %% [markdown]
# The gradient must know this. To move x along [1 1 1 1] (a shift) or along `x_hat` (a
# stretch) would change nothing, so the gradient's parts along these two are removed:
#
#     dx_hat = gamma dy
#     dx     = rstd (dx_hat - mean(dx_hat) - x_hat mean(x_hat dx_hat))
#
# By hand for `dy = [4 0 0 0]`: mean(dx_hat) = 1, and mean(x_hat dx_hat) = -1, so
#
#     dx = 1/2 ([4 0 0 0] - [1 1 1 1] + [-1 -1 1 1]) = [1 -1 0 0]
#
# Only the first output was wanted larger. But pushing the first feature up alone would
# move the mean as well. So its equal, the second, is pushed down against it.

# %%
dx, dgamma, dbeta = norm_backward(np.array([4.0, 0.0, 0.0, 0.0]))

print("dx =", dx, "  dx . 1 =", dx.sum(), "  dx . x_hat =", dx @ y)
assert np.allclose(dx, [1, -1, 0, 0])
check_gradients(F.layer_norm, *(rng.normal(size=shape) for shape in [(3, 6), 6, 6]))

# %% [markdown]
# LLaMA and T5 leave the mean alone and only divide by the root mean square
# (`RMSNorm`, Zhang & Sennrich 2019): one sum fewer, and just as good in practice. It still
# does not see a stretch. It does see a shift.

# %%
rms_norm = RMSNorm(4).astype(np.float64)

for name, given in ("x", x), ("1000 x", 1000 * x), ("x + 100", x + 100):
    print(f"from {name:8}", rms_norm(given)[0])
assert np.allclose(rms_norm(1000 * x)[0], rms_norm(x)[0])
assert not np.allclose(rms_norm(x + 100)[0], rms_norm(x)[0], atol=0.1)

# %% [markdown]
# ## 2. The feed-forward network: each word thinks alone
#
#     ffn(x) = gelu(x W_up + b_up) W_down + b_down
#
# Two linear maps, and between them four times as many features as in the stream. The `gelu`
# in the middle is what makes it more than one map. Leave it out, and the two collapse:
# `(x A) B = x (A B)`.

# %%
A, B = rng.normal(size=(4, 16)), rng.normal(size=(16, 4))
x = rng.normal(size=(3, 4))
assert np.allclose((x @ A) @ B, x @ (A @ B))

z = np.array([-3.0, -1.0, 0.0, 1.0, 3.0])
print("z       ", z)
print("relu(z) ", F.relu(z)[0])
print("gelu(z) ", F.gelu(z)[0], " a relu with its corner rounded")

# %% [markdown]
# Where does the round corner come from? A relu keeps what is positive. A `gelu` keeps z by
# the *chance* that a normal number X is smaller, z P(X < z) (Hendrycks & Gimpel 2016). That
# chance takes the error function (`F.erf`, in `F.gelu_exact`); the form with tanh, which
# GPT-2 has, is near it. In `F.silu`, LLaMA's, the sigmoid stands in the chance's place, and
# that is a tanh in other units: half as steep, and from 0 to 1.

# %%
chance = (1 + F.erf(z / math.sqrt(2))) / 2
drawn = np.random.default_rng(1).normal(size=100_000)

print("exact   ", F.gelu_exact(z)[0])
print("silu(z) ", F.silu(z)[0])
assert np.allclose(chance, (drawn < z[:, None]).mean(1), atol=0.01)  # 6 sigma
assert np.allclose(F.gelu_exact(z)[0], z * chance)
assert np.abs(F.gelu(z)[0] - F.gelu_exact(z)[0]).max() < 5e-4
assert np.allclose(F.silu(z)[0], z * (1 + F.tanh(z / 2)[0]) / 2)
for op in (F.relu, F.gelu, F.gelu_exact, F.silu):
    assert np.allclose(op(z)[0] - op(-z)[0], z)  # what z loses, -z keeps

# %% [markdown]
# It is applied to every position by itself. So in a block, information moves *between*
# words only in the attention. We can draw that. Ask for something at one position (a row),
# and see at which positions (columns) the gradient arrives.

# %%
d_model, seq_len = 16, 6
mask = F.causal_mask(seq_len, seq_len)
attn = MultiHeadAttention(d_model, n_heads=4, rng=rng).astype(np.float64)
ffn = FeedForward(d_model, 4 * d_model, rng=rng).astype(np.float64)
attn_norm = LayerNorm(d_model).astype(np.float64)
ffn_norm = LayerNorm(d_model).astype(np.float64)
block = PreNormBlock(attn, ffn, attn_norm, ffn_norm)
x = rng.normal(size=(1, seq_len, d_model))


def reach(backward):
    """How strongly position i (row) depends on position j (column); the largest is 1."""
    lengths = np.zeros((seq_len, seq_len))
    for i in range(seq_len):
        dy = np.zeros_like(x)
        dy[0, i] = rng.normal(size=d_model)
        lengths[i] = np.linalg.norm(backward(dy)[0], axis=-1)
    return lengths / lengths.max()


_, ffn_backward = ffn(x)
_, attn_backward = attn(x, x, mask)
_, block_backward = block(x, mask)
ffn_reach = reach(ffn_backward)
attn_reach = reach(lambda dy: sum(attn_backward(dy)))
block_reach = reach(block_backward)

for name, picture in [("ffn", ffn_reach), ("attn", attn_reach), ("block", block_reach)]:
    print(name + "\n" + attention_map(picture, ["asked at"] * seq_len))
below = np.tri(seq_len, k=-1, dtype=bool)
assert not ffn_reach[~np.eye(seq_len, dtype=bool)].any()  # a diagonal, nothing else
assert attn_reach[below].all() and not attn_reach[~mask].any()  # a triangle
assert block_reach[below].all() and not block_reach[~mask].any()

# %% [markdown]
# Newer models let one branch *gate* another (Shazeer 2020), so that a feature is worked
# out and may yet be held back:
#
#     gated(x) = (silu(x W_gate) * (x W_up)) W_down
#
# That is three matrices for two. At 2/3 of the width it costs the same.

# %%
gated = GatedFeedForward(12, 32, bias=False, rng=np.random.default_rng(0))
z = np.random.default_rng(1).normal(size=(3, 12)).astype(np.float32)
g, up = z @ gated.gate_proj.weight.data, z @ gated.up_proj.weight.data
by_hand = (F.silu(g)[0] * up) @ gated.down_proj.weight.data

print(f"gated {gated.n_parameters()} weights;", end=" ")
print("plain", FeedForward(12, 48, bias=False, rng=np.random.default_rng(0)).n_parameters())
assert np.allclose(gated(z)[0], by_hand, atol=1e-5)
assert gated.n_parameters() == 3 * 12 * 32 == 2 * 12 * 48

# %% [markdown]
# ## 3. The block is its two equations

# %%
a, _ = attn_norm(x)
a, _ = attn(a, a, mask)
h = x + a
f, _ = ffn_norm(h)
f, _ = ffn(f)
y = h + f

print("by hand  ", y[0, 0, :5])
print("the layer", block(x, mask)[0][0, 0, :5])
assert np.array_equal(y, block(x, mask)[0])

# %% [markdown]
# Backward, a sum hands its gradient to both of its terms. The stream keeps its copy as it
# is, and whatever comes back through the branch is added:
#
#     dh = dy + ffn_norm_backward(ffn_backward(dy))
#     dx = dh + attn_norm_backward(attn_backward(dh))
#
# The bare `dy` in front is the secret of depth. However badly the branches behave, the
# gradient also arrives unhindered.

# %%
worst_x = check_gradients(lambda x: block(x, mask), x)
worst = check_parameters(lambda: block(x, mask), block.named_parameters())
print(f"dx agrees with finite differences to {worst_x:.0e}, the parameters to {worst:.0e}")
assert max(worst_x, worst) < 1e-6

# %% [markdown]
# The same rule holds for the numbers that are learned. Each sits in a `Parameter`, which
# *adds up* what it is owed. A layer that stands in two places, or reads two batches before
# a step, is owed both.

# %%
weight = Parameter(np.zeros(3))
for owed in [1.0, 2.0, 3.0], [10.0, 20.0, 30.0]:
    weight.accumulate(np.array(owed, np.float32))

print("owed twice:", weight.grad)
assert np.array_equal(weight.grad, [11, 22, 33])

# %% [markdown]
# ## 4. What depth does to numbers
#
# Now the measurement. We stack 32 fresh feed-forward networks in four ways and send random
# numbers of variance 1 through them:
#
#     plain                   x -> ffn(x)
#     residual                x -> x + ffn(x)
#     residual and norm       x -> x + ffn(norm(x))
#     ... and smaller exits   the same, the last map of each branch / sqrt(2 n_layers)
#
# We can say beforehand what should come. A fresh ffn answers an input of variance 1 with a
# variance of c = mean(gelu(z)^2), for normal z. Hence:
#
# * plain: every layer shrinks what it gets, and its small output shrinks the more;
# * residual: every layer multiplies the variance by some 1 + c: exponential growth;
# * with a norm each branch sees variance 1 and adds c, no more: 1 + 32 c, a straight line;
# * with smaller exits it adds c / 64: the stream stays about as it was.

# %%
n_layers, d_model = 32, 64
c = np.mean(F.gelu(rng.normal(size=1_000_000))[0] ** 2)
print(f"c = {c:.3f}")


def residual(branch):
    """x -> x + branch(x), for a branch that returns its output and its backward."""

    def layer(x):
        f, branch_backward = branch(x)
        return x + f, lambda dy: dy + branch_backward(dy)

    return layer


def after(first, second):
    """x -> second(first(x))"""

    def layer(x):
        a, first_backward = first(x)
        y, second_backward = second(a)
        return y, lambda dy: first_backward(second_backward(dy))

    return layer


def fresh(out_scale=1.0):
    ffn = FeedForward(d_model, 4 * d_model, out_scale=out_scale, rng=rng)
    return ffn.astype(np.float64)


def norm():
    return LayerNorm(d_model).astype(np.float64)


def measure(layers):
    """The variance after each layer, and the length of dx / length of dy."""
    x, variances, backwards = rng.normal(size=(64, d_model)), [], []
    for layer in layers:
        x, backward = layer(x)
        variances.append(x.var())
        backwards.append(backward)
    dy = dx = rng.normal(size=x.shape)
    for backward in reversed(backwards):
        dx = backward(dx)
    return np.array(variances), np.linalg.norm(dx) / np.linalg.norm(dy)


exit_scale = 1 / math.sqrt(2 * n_layers)
stacks = {
    "plain": [fresh() for _ in range(n_layers)],
    "residual": [residual(fresh()) for _ in range(n_layers)],
    "residual, norm": [residual(after(norm(), fresh())) for _ in range(n_layers)],
    "smaller exits": [residual(after(norm(), fresh(exit_scale))) for _ in range(n_layers)],
}
measured = {name: measure(layers) for name, layers in stacks.items()}

shown = [1, 2, 4, 8, 16, 32]
print(f"{'variance after layer':<20}" + "".join(f"{n:>9}" for n in shown) + "   dx / dy")
for name, (variances, slope) in measured.items():
    columns = "".join(f"{variances[n - 1]:>9.2g}" for n in shown)
    print(f"{name:<20}{columns} {slope:>9.2g}")

plain, grown, normed, small = (variances[-1] for variances, _ in measured.values())
assert plain < 1e-12 and measured["plain"][1] < 1e-6
assert grown > (1 + c) ** n_layers > 1e4
assert np.isclose(normed, 1 + n_layers * c, rtol=0.25)
assert np.isclose(small, 1 + c / 2, rtol=0.1)
assert 0.5 < measured["smaller exits"][1] < 2

# %% [markdown]
# Read the last column first. Through 32 plain layers about a billionth of the gradient
# arrives at the bottom: the first layers hear next to nothing. With bare residuals it
# arrives several hundredfold, and the numbers themselves run away. Norms tame both, and
# GPT-2's trick with the exits (Radford et al. 2019, sec. 2.3) lets a network of 32 layers
# begin life almost as calmly as one of a single layer.
#
# ## 5. Where the norm stands
#
# Vaswani et al. put the norm on the stream: `x -> norm(x + ffn(x))`, called *post-norm*.
# Then nothing runs past untouched; every gradient goes through every norm. Deep post-norm
# models need a careful warm-up of the learning rate to get going (Xiong et al. 2020), and
# since GPT-2 most models are *pre-norm*, as the block above. The price is that the stream
# keeps growing, so a pre-norm model needs one more norm at its very end.

# %%
post = [after(residual(fresh()), norm()) for _ in range(n_layers)]
post_variances, _ = measure(post)

print("post-norm variance after layers 1, 2, ..., 32 lies within", end=" ")
print(f"{post_variances.min():.4f} and {post_variances.max():.4f}")
print(f"pre-norm ended at {normed:.1f}")
assert np.allclose(post_variances, 1, atol=1e-3)

# %% [markdown]
# The block comes in both kinds. Take its branches away, by letting each end in zeros, and
# see what is left: of a `PreNormBlock` the stream, of a `PostNormBlock` two norms.

# %%
for end in attn.o_proj, ffn.down_proj:
    for _, p in end.named_parameters():
        p.data[...] = 0
x = np.random.default_rng(1).normal(size=(1, seq_len, 16))
for kind in PreNormBlock, PostNormBlock:
    y, _ = kind(attn, ffn, attn_norm, ffn_norm)(x, mask)
    print(f"{kind.__name__:13} variance {x[0, 0].var():.2f} in, {y[0, 0].var():.2f} out")
    assert np.array_equal(y, x) == (kind is PreNormBlock)

# %% [markdown]
# ## 6. Dropout: rehearsing with some of the musicians missing
#
# While a model learns, each branch's output loses a random tenth or so of its features
# before it is added to the stream, so that nothing comes to depend on any one of them. What
# remains is scaled up by 1 / (1 - rate), which keeps the average where it was. Without
# an `rng` nothing is dropped: that is how a finished model is used.

# %%
rate, n = 0.1, 100_000
dropped, dropout_backward = F.dropout(np.ones(n), rate, rng=rng)
same, _ = F.dropout(np.ones(n), rate)

print("values that occur:", np.unique(dropped), " their mean:", f"{dropped.mean():.4f}")
one_sigma = math.sqrt(rate / (1 - rate) / n)  # of the mean of n such values
assert abs(dropped.mean() - 1) < 5 * one_sigma
assert np.array_equal(dropout_backward(np.ones(n)), dropped)  # the same are missing
assert np.array_equal(same, np.ones(n))

# %% [markdown]
# In a model each place needs numbers of its own, or the same features would be missing
# everywhere. `F.Draws` looks them up by seed, step, place and example; a `Dropout` layer
# that is asked again at the same place drops the same.

# %%
draws, layer = F.Draws(seed=0, step=1, examples=range(1)), Dropout(0.5)
first, again, elsewhere = (
    layer(np.ones((1, 12)), draws.child(i))[0] != 0 for i in (0, 0, 1)
)

for name, kept in ("place 0", first), ("again", again), ("place 1", elsewhere):
    print(f"{name:8}", *np.where(kept[0], "x", "."))
assert np.array_equal(first, again) and not np.array_equal(first, elsewhere)

# %% [markdown]
# ## 7. Where the parameters are
#
# A block of GPT-2 (small) has d_model = 768. Count on paper, biases included:
#
#     attention      4 d^2 + 4 d
#     feed-forward   8 d^2 + 5 d
#     two norms            4 d
#     together      12 d^2 + 13 d = 7,087,872

# %%
d = 768
gpt2_block = PreNormBlock(
    MultiHeadAttention(d, n_heads=12, rng=rng),
    FeedForward(d, 4 * d, rng=rng),
    LayerNorm(d),
    LayerNorm(d),
)
sizes = {
    name: child.n_parameters()
    for name, child in gpt2_block.named_children()
    if child.n_parameters()
}

print(bars(list(sizes), [n / gpt2_block.n_parameters() for n in sizes.values()]))
print(f"together {gpt2_block.n_parameters():,}")
assert gpt2_block.n_parameters() == 12 * d * d + 13 * d == 7_087_872
assert sizes["ffn"] > 0.66 * gpt2_block.n_parameters()

# %% [markdown]
# Two thirds of a block think; one third looks. Twelve such blocks, a table of 50257 words,
# one of 1024 positions and a last norm make the 124 million parameters of GPT-2.
#
# ## What to keep
#
# * Layer norm lets only the pattern through, so every branch sees numbers of a known size.
# * The feed-forward network works on each position alone; only attention moves information
#   between positions.
# * A residual adds. Backward, the gradient therefore also arrives untouched.
# * Plain stacks vanish, bare residuals explode, norms make growth a straight line, and
#   smaller exits make it flat.
#
# That was the last part. Next, in walkthrough 07, we put them together and train a GPT.
