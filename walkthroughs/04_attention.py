# %% [markdown]
# # 4. Attention
#
# *"The teacher taught the student with the book."* Who has the book? To make sense of a
# word one must look at other words, and at some more than at others. Attention is that
# look, made of three vectors for each word:
#
# * a **query**: what am I looking for?
# * a **key**: what am I?
# * a **value**: what do I hand over to those who look at me?
#
# Where a query and a key agree, their dot product is large. A softmax turns these scores
# into weights, and each word takes home the weighted average of the values. All of it is
# one line, eq. 1 of "Attention is all you need" (Vaswani et al. 2017):
#
#     weights = softmax(q k^T / sqrt(d_head))
#     y       = weights v
#
# We take it apart, run it backwards by hand, and ask what the square root is for.

# %%
import math
from pathlib import Path

import numpy as np

from minillm import functional as F
from minillm.cli.draw import attention_map, bars
from minillm.gradient_check import check_gradients

np.set_printoptions(precision=3, suppress=True, linewidth=88)
rng = np.random.default_rng(0)

# %% [markdown]
# ## 1. Softmax: from scores to shares
#
#     p_i = exp(x_i) / sum_j exp(x_j)
#
# Any numbers go in; positive numbers that sum to 1 come out. With the scores ln 1, ln 2
# and ln 5 it can be done on paper: the exponentials are 1, 2 and 5, and they sum to 8.

# %%
x = np.log([1.0, 2.0, 5.0])
p, softmax_backward = F.softmax(x)

print(bars(["ln1", "ln2", "ln5"], p, width=40))
assert np.allclose(p, [1 / 8, 2 / 8, 5 / 8])

# %% [markdown]
# Only differences between scores count, since a common factor cancels. This is what makes
# softmax safe to compute: subtract the largest score first, and no exponential overflows.

# %%
with np.errstate(over="ignore"):
    print("exp of scores 1000 higher:    ", np.exp(x + 1000))
shifted, _ = F.softmax(x + 1000)

print("softmax of scores 1000 higher:", shifted)
assert np.allclose(shifted, p)

# %% [markdown]
# A loss asks for the *logarithm* of a share. Of a share too small for a float that would be
# minus infinity. `F.log_softmax` does not take the exponential first: it subtracts.

# %%
hopeless = np.array([0.0, 1000.0])
with np.errstate(divide="ignore"):
    print("the logarithm of softmax:", np.log(F.softmax(hopeless)[0]))
print("log_softmax:             ", F.log_softmax(hopeless)[0])
assert np.array_equal(F.log_softmax(hopeless)[0], [-1000, 0])
assert np.allclose(F.log_softmax(x)[0], np.log(p))

# %% [markdown]
# Backward. The shares have to sum to 1, so one can only rise at the expense of others:
#
#     dx = p (dp - sum(p dp))
#
# Suppose only the first share is wanted larger, `dp = [8 0 0]`. Then `sum(p dp) = 1`, and
#
#     dx = [1/8 (8 - 1),  2/8 (0 - 1),  5/8 (0 - 1)] = [7/8, -2/8, -5/8]
#
# Raise the first score, lower the others, each by its share. The total is zero.

# %%
dx = softmax_backward(np.array([8.0, 0.0, 0.0]))

print("dx =", dx, " sum", dx.sum())
assert np.allclose(dx, [7 / 8, -2 / 8, -5 / 8])

# %% [markdown]
# ## 2. One sentence, with vectors made by hand
#
# **Nothing in this section is learned.** We write the numbers so that the result can be
# read; a trained model finds its own, and they are rarely this tidy.
#
# Every word is described by four features. They serve as key (what am I?) and as value
# (what do I hand over?).

# %%
kinds = ["person", "thing", "action", "glue"]
person, thing, action, glue = np.eye(4)
lexicon = {
    "the": glue,
    "teacher": person,
    "taught": action,
    "student": person,
    "with": glue,
    "book": thing,
}
words = ["the", "teacher", "taught", "the", "student", "with", "the", "book"]
x = np.array([lexicon[word] for word in words])  # (seq_len, d_model)

for word, features in zip(words, x, strict=True):
    print(f"{word:>8}  {features.astype(int)}  {kinds[features.argmax()]}")

# %% [markdown]
# What a word looks for follows from what it is. `W_q[i, j]` says how much a word of kind i
# cares for words of kind j. Read it row by row, as grammar: a person asks "what do I do?",
# a thing asks "whose am I?", an action asks "who, and with what?", and glue asks "which
# noun do I belong to?".

# %%
#            person thing action glue     <- looks for
W_q = np.array([
    [0.0, 0.0, 6.0, 0.0],  # person
    [6.0, 0.0, 0.0, 0.0],  # thing
    [6.0, 4.0, 0.0, 0.0],  # action
    [4.0, 4.0, 0.0, 0.0],  # glue
])  # fmt: skip

q, _ = F.linear(x, W_q)
k, v = x, x
d_head = q.shape[-1]

scores = q @ k.T / math.sqrt(d_head)  # (n_queries, n_keys)
weights, softmax_backward = F.softmax(scores)
y = weights @ v

print("scores of 'book':  ", scores[-1])
print("weights of 'book': ", weights[-1])
assert np.allclose(weights.sum(-1), 1)
assert np.allclose(y, F.attention(q, k, v)[0])  # the library's line is these three

# %% [markdown]
# ## 3. The attention map
#
# A row for each word that looks, a column for each word that is looked at.

# %%
print(attention_map(weights, words))

teacher, taught, student, book = 1, 2, 4, 7  # their positions
assert set(np.argsort(weights[book])[-2:]) == {teacher, student}
assert weights[teacher].argmax() == weights[student].argmax() == taught

# %% [markdown]
# In words:
#
# * "book" (the last row) looks at "teacher" and at "student", 0.44 each. Whose book it is,
#   the sentence does not say, and neither does the map.
# * "teacher" and "student" look at "taught", the action that binds them.
# * "taught" looks at both persons, and a little at the book.
# * "the" looks at every noun, and its three rows are the same row. Remember that for
#   section 7.
#
# What "book" takes home is the average of what it looked at. It began as pure *thing*; now
# it carries mostly *person*. The next layer works with a book that belongs to someone.

# %%
print("'book' goes in as", dict(zip(kinds, x[book].tolist(), strict=True)))
print("and attention adds", dict(zip(kinds, y[book].round(2).tolist(), strict=True)))
assert y[book].argmax() == kinds.index("person")

try:
    from matplotlib.figure import Figure
except ImportError:
    print("matplotlib is not installed, so no picture is saved")
else:
    figure = Figure(figsize=(5, 4.5), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(weights, cmap="Greens", vmin=0, vmax=1)
    axes.set(xlabel="is looked at", ylabel="looks", title="made by hand, not learned")
    axes.set_xticks(range(len(words)), words, rotation=60)
    axes.set_yticks(range(len(words)), words)
    figure.colorbar(image)
    Path("pictures").mkdir(exist_ok=True)
    figure.savefig("pictures/04_attention_map.png")
    print("saved pictures/04_attention_map.png")

# %% [markdown]
# ## 4. Backward, line by line
#
# The forward had three lines. Walk them from the last to the first.
#
#     y = weights v                     dv       = weights^T dy
#                                       dweights = dy v^T
#     weights = softmax(scores)         dscores  = weights (dweights
#                                                  - sum(weights dweights))
#     scores = q k^T / sqrt(d_head)     dq       = dscores k / sqrt(d_head)
#                                       dk       = dscores^T q / sqrt(d_head)
#
# `weights^T` in the first line has a plain meaning: what a word *read* of a value is what
# it *teaches* that value. Let the loss ask something of "book" alone, and see who hears it.

# %%
dy = np.zeros_like(y)
dy[book] = 1.0

dv = weights.T @ dy
dweights = dy @ v.T
dscores = weights * (dweights - (weights * dweights).sum(-1, keepdims=True))
dq = dscores @ k / math.sqrt(d_head)
dk = dscores.T @ q / math.sqrt(d_head)

for word, row in zip(words, dv, strict=True):
    print(f"{word:>8} hears {row[0]:.2f} of what is asked of 'book'")
_, attention_backward = F.attention(q, k, v)
for by_hand, by_closure in zip((dq, dk, dv), attention_backward(dy), strict=True):
    assert np.allclose(by_hand, by_closure)
assert np.allclose(dv, weights[book][:, None])

# %% [markdown]
# And with random numbers, against measured slopes:

# %%
worst = check_gradients(
    F.attention, *(rng.normal(size=shape) for shape in [(2, 5, 3), (2, 7, 3), (2, 7, 4)])
)
print(f"dq, dk and dv agree with finite differences: worst relative error {worst:.0e}")
assert worst < 1e-7

# %% [markdown]
# ## 5. Why divide by sqrt(d_head)?
#
# A dot product is a sum of d_head terms. If the entries of q and k are independent, with
# mean 0 and variance 1, every term `q_i k_i` has variance 1, and variances add:
#
#     var(q . k) = d_head          so        std(q . k) = sqrt(d_head)
#
# Wider heads would therefore have wilder scores, merely for being wide. We measure three
# things for 32 keys: the variance, the largest weight after the softmax, and how strongly
# the scores still feel a random wish `dweights` (the length of `dscores`).

# %%
n, n_keys = 20_000, 32


def saturation(scores):
    """The mean largest weight, and the mean length of the gradient of the scores."""
    weights, softmax_backward = F.softmax(scores)
    dscores = softmax_backward(rng.normal(size=weights.shape))
    return weights.max(-1).mean(), np.linalg.norm(dscores, axis=-1).mean()


print("         variance    largest weight        gradient")
print("d_head   of q . k    plain  divided     plain   divided")
for d in [4, 16, 64, 256, 1024]:
    dots = (rng.normal(size=(n, d)) * rng.normal(size=(n, d))).sum(-1)
    scores = (rng.normal(size=(500, 1, d)) @ rng.normal(size=(500, n_keys, d)).mT)[:, 0]
    (peak, slope), (divided_peak, divided_slope) = map(
        saturation, [scores, scores / math.sqrt(d)]
    )
    print(
        f"{d:>6} {dots.var():>10.1f} {peak:>8.2f} {divided_peak:>8.2f}"
        f" {slope:>9.3f} {divided_slope:>9.3f}"
    )
    # q . k has kurtosis 3 + 6/d; its variance, measured n times, strays by one sigma:
    sigma = d * math.sqrt((2 + 6 / d) / n)
    assert abs(dots.var() - d) < 5 * sigma
assert peak > 0.9 and divided_peak < 0.25
assert divided_slope > 3 * slope

# %% [markdown]
# Undivided, a head of 1024 dimensions puts 0.95 of its weight on a single key before it
# has learned anything. Such a softmax is *saturated*: the winner has all, and no small
# change of the scores changes that, so almost no gradient comes back to them. Divided by
# the root, heads of every width start in the same gentle place.
#
# ## 6. A forbidden key weighs exactly nothing
#
# Sometimes a word must not be looked at: padding that only fills up a batch, or (in
# walkthrough 05) the future. A mask says where one may look. Forbidden scores become minus
# infinity, and exp(-infinity) is not small but 0. So whatever stands at a forbidden place,
# not a bit of the output changes.

# %%
may_look = np.arange(len(words)) < 5  # hide "with the book"
masked, _ = F.attention_weights(q, k, may_look)
y_masked, masked_backward = F.attention(q, k, v, may_look)

k_else, v_else = k.copy(), v.copy()
k_else[5:], v_else[5:] = 1e6, -1e6
y_else, _ = F.attention(q, k_else, v_else, may_look)
dq, dk, dv = masked_backward(rng.normal(size=y.shape))

print(attention_map(masked, words))
assert not masked[:, 5:].any()  # exactly 0
assert np.allclose(masked.sum(-1), 1)  # the rest share what there is
assert np.array_equal(y_masked, y_else)  # bit for bit
assert not dk[5:].any() and not dv[5:].any()  # who was not seen learns nothing

# %% [markdown]
# And if a query may look nowhere at all? Then there is nothing to average. minillm answers
# zero, where a careless softmax divides 0 by 0 and infects the whole model with NaN.

# %%
nowhere, nowhere_backward = F.attention(q, k, v, np.zeros((8, 8), bool))

print("allowed to look nowhere:", nowhere[0])
assert not nowhere.any()
assert not any(gradient.any() for gradient in nowhere_backward(np.ones_like(y)))

# %% [markdown]
# ## 7. Attention cannot count
#
# Nothing in the equation says *where* a word stands. Shuffle the words, and the outputs are
# shuffled in the same way, nothing else. Mathematicians call this *permutation
# equivariance*; a reader would call it not noticing word order.

# %%
shuffle = rng.permutation(len(words))
y_shuffled, _ = F.attention(q[shuffle], k[shuffle], v[shuffle])

print("shuffled:", " ".join(words[i] for i in shuffle))
print("'book' takes home", y[book], "in the sentence")
print("             and ", y_shuffled[list(shuffle).index(book)], "in the shuffled one")
assert np.allclose(y_shuffled, y[shuffle])

# %% [markdown]
# It is also why all three rows of "the" were the same. An article wants to know its own
# noun, the word that follows. To "the" all nouns look alike.
#
# Positions repair it. In walkthrough 03, one rotation `R` moved any position on by one. Use
# it as a query: *I look for the position that is mine, moved on by one.* This, too, is a
# matrix `W_q`, so a model can learn it.

# %%
d_model = 16
PE = F.sinusoidal_positions(len(words), d_model)
R = np.zeros((d_model, d_model))
for i in range(0, d_model, 2):
    sin, cos = math.sin(10000 ** (-i / d_model)), math.cos(10000 ** (-i / d_model))
    R[i : i + 2, i : i + 2] = [[cos, -sin], [sin, cos]]

look_ahead, _ = F.attention_weights(q=24 * PE @ R, k=PE)  # 24: how sharply
y_next = look_ahead @ v

print(attention_map(look_ahead, words))
for i in (0, 3, 6):
    before, after = y[i].round(2), y_next[i].round(2)
    print(f"'the' at {i} takes home {before} without positions, {after} with them")
assert np.array_equal(look_ahead.argmax(-1)[:-1], np.arange(1, 8))  # each the next word
assert np.allclose(y[0], y[3]) and np.allclose(y[0], y[6])
assert [kinds[y_next[i].argmax()] for i in (0, 3, 6)] == ["person", "person", "thing"]

# %% [markdown]
# The last word has no next one, so it makes do with the nearest it can find, itself.
#
# ## What to keep
#
# * A softmax turns scores into shares of 1; raising one share lowers the others.
# * Attention is: compare queries with keys, softmax, average the values.
# * Each row of the map is one word's look at all others. Going back, each value hears from
#   its readers in proportion to their reading.
# * Dividing by sqrt(d_head) keeps the softmax from saturating, whatever the width.
# * A masked key weighs exactly 0.
# * Without positions, word order does not exist.
#
# One map holds one kind of question. Here we had two: what belongs together, and what comes
# next. Walkthrough 05 asks them both at once.
