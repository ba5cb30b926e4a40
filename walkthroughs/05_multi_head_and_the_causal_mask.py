# %% [markdown]
# # 5. Multi-head attention and the causal mask
#
# Walkthrough 04 ended with two questions that a word may ask: *what belongs to me?* and
# *what stands beside me?* One softmax has one budget of 1 to spend, and two questions in
# one map would have to share it. So a transformer asks several at once, in several
# **heads**: 12 in each layer of GPT-2, 96 in GPT-3. Each head has its own queries, keys and
# values, and so its own map.
#
# The second half is about a promise. A model that learns to predict the next word must not
# see it. The **causal mask** keeps that promise exactly, and we check it bit by bit.

# %%
import math
from pathlib import Path

import numpy as np

from minillm import functional as F
from minillm.cli.draw import attention_map, bars
from minillm.layers import KVCache, MultiHeadAttention, NoOrder

np.set_printoptions(precision=2, suppress=True, linewidth=88)
rng = np.random.default_rng(0)

# %% [markdown]
# ## 1. A head is a slice of the features
#
#     head_i = attention(x W_q^i, x W_k^i, x W_v^i)
#     y      = concat(head_1, ..., head_h) W_o
#
# That is sec. 3.2.2 of Vaswani et al. 2017. The code keeps all the `W_q^i` side by side in
# one matrix, multiplies once, and then cuts the result into slices of d_head features:
#
#     split: (batch, seq_len, n_heads * d_head) -> (batch, n_heads, seq_len, d_head)
#
# Follow the numbers. Two positions with six features become three heads of two.

# %%
attn = MultiHeadAttention(d_model=6, n_heads=3, rng=rng)
x = np.arange(12.0).reshape(1, 2, 6)
heads = attn.split(x)

print("before, one row for each position\n", x[0])
for i in range(3):
    print(f"head {i}\n", heads[0, i])
assert heads.shape == (1, 3, 2, 2)
assert np.array_equal(heads[0, 1], [[2, 3], [8, 9]])
assert np.array_equal(attn.merge(heads), x)  # merge is concat: it undoes split

# %% [markdown]
# Nothing is shared between the heads until `W_o`. So the layer can be taken apart: run each
# head alone with its own columns of the weights, let each multiply *its own rows* of `W_o`,
# and add. In other words: every head writes into the result by itself, and concatenating is
# only a fast way of adding them all.

# %%
attn = MultiHeadAttention(d_model=6, n_heads=3, bias=False, rng=rng).astype(np.float64)
x = rng.normal(size=(1, 5, 6))
y, _ = attn(x, x)

written = []
for i in range(3):
    own = slice(2 * i, 2 * i + 2)
    q, k, v = (
        x @ proj.weight.data[:, own] for proj in (attn.q_proj, attn.k_proj, attn.v_proj)
    )
    head, _ = F.attention(q, k, v)
    written.append(head @ attn.o_proj.weight.data[own])

print("what the three heads write at the first position, and their sum")
print(np.array([part[0, 0] for part in written]))
print(sum(written)[0, 0])
assert np.allclose(sum(written), y)

# %% [markdown]
# More heads do not mean more weights. The same matrices are cut into more, thinner slices.

# %%
for n_heads in [1, 2, 4, 8, 16]:
    layer = MultiHeadAttention(64, n_heads, bias=False, rng=rng)
    print(f"{n_heads:>2} heads of {64 // n_heads:>2}: {layer.n_parameters():,} weights")
    assert layer.n_parameters() == 4 * 64 * 64

# %% [markdown]
# ## 2. Two heads, two questions
#
# **Made by hand again**, now inside the real layer. Each word gets eight features for what
# it is (four, as in walkthrough 04, and four zeros) and eight for where it stands
# (sinusoids). Head 0 is shown the first eight: *what belongs to me?* Head 1 is shown the
# last eight: *who stands before me?*

# %%
words = ["the", "teacher", "taught", "the", "student", "with", "the", "book"]
kinds = {"teacher": 0, "student": 0, "book": 1, "taught": 2, "the": 3, "with": 3}

what = np.zeros((8, 8))
for i, word in enumerate(words):
    what[i, kinds[word]] = 1  # person, thing, action, glue
where = F.sinusoidal_positions(8, 8)
x = np.concatenate([what, where], axis=1)[None]  # (batch 1, seq_len 8, d_model 16)

looks_for = np.zeros((8, 8))
looks_for[:4, :2] = [[0, 0], [6, 0], [6, 4], [4, 4]]  # as W_q in walkthrough 04
looks_for[0, 2] = 6
steps_back = np.zeros((8, 8))
for i in range(0, 8, 2):  # the rotation of walkthrough 03, by one position back
    sin, cos = math.sin(10000 ** (-i / 8)), math.cos(10000 ** (-i / 8))
    steps_back[i : i + 2, i : i + 2] = [[cos, sin], [-sin, cos]]

attn = MultiHeadAttention(d_model=16, n_heads=2, bias=False, rng=rng)
attn.q_proj.weight.data[...] = 0
attn.q_proj.weight.data[:8, :8] = math.sqrt(8 / 4) * looks_for  # d_head was 4 there
attn.q_proj.weight.data[8:, 8:] = 24 * steps_back
for proj in (attn.k_proj, attn.v_proj, attn.o_proj):
    proj.weight.data[...] = np.eye(16)

belongs, before = attn.attention_map(x, x)[0]
print("head 0: what belongs to me?\n" + attention_map(belongs, words))
print("\nhead 1: who stands before me?\n" + attention_map(before, words))
assert set(np.argsort(belongs[7])[-2:]) == {1, 4}  # book: teacher and student
assert np.array_equal(before.argmax(-1)[1:], np.arange(7))  # each the word before
assert words[before[0].argmax()] == "with"

# %% [markdown]
# The first "the" has nobody before it. Its query points to position -1, and for the fast
# hand that is nearly position 5, as one turn takes 6.28. So it looks at "with": a
# softmax must spend its budget somewhere.
#
# Now give both questions to a single head. Its scores are the sum of theirs, so its weights
# are large only where *both* say yes. The loud question drowns the other: "book" no longer
# finds its teacher.

# %%
q, k = attn.q_proj(x)[0], attn.k_proj(x)[0]
single, _ = F.attention_weights(math.sqrt(2) * q[0], k[0])  # undo sqrt(16), do sqrt(8)

print("one head for both\n" + attention_map(single, words))
print(f"'book' on 'teacher': {belongs[7, 1]:.2f} before, {single[7, 1]:.2f} now")
assert belongs[7, 1] > 0.4 and single[7, 1] < 0.1

# %% [markdown]
# Heads of trained models do specialise; heads that look at the word before have been found
# again and again (Voita et al. 2019 is a good place to read about them). But nobody assigns
# the tasks, and many heads do nothing that could be named in a sentence.
#
# ## 3. The future cannot be seen
#
# A decoder is trained to predict the next word at every position. If position 2 could look
# at position 3, it would only have to copy. So query i may look at keys 0 to i:

# %%
n = len(words)
mask = F.causal_mask(n, n)  # True where a query may look
masked = attn.attention_map(x, x, mask)[0]

print(attention_map(masked[0], words))
assert not masked[:, ~mask].any()  # above the diagonal: exactly 0
assert np.allclose(masked.sum(-1), 1)  # every row still spends its whole budget

# %% [markdown]
# A causal map is a triangle. The first word can only look at itself, so it does, whatever
# it would rather see. And "the" no longer looks at a teacher who has not yet appeared.
#
# Now the promise. We replace the future by something else altogether, and compare what the
# layer says about the past. Not nearly equal: equal in every bit.

# %%
attn = MultiHeadAttention(d_model=16, n_heads=2, rng=rng)
x = rng.normal(size=(1, n, 16)).astype(np.float32)
x_else = x.copy()
x_else[:, 5:] = 1000 * rng.normal(size=(1, 3, 16))  # another ending

y, y_else = attn(x, x, mask)[0], attn(x_else, x_else, mask)[0]
free, free_else = attn(x, x)[0], attn(x_else, x_else)[0]

print("how much each position changes when words 5, 6 and 7 do")
print("with the mask   ", np.abs(y - y_else).max(-1)[0])
print("without the mask", np.abs(free - free_else).max(-1)[0])
assert np.array_equal(y[:, :5], y_else[:, :5])  # bit for bit
assert not np.allclose(free[:, :5], free_else[:, :5])

# %% [markdown]
# The backward pass keeps the same promise the other way round. What position 4 asks for
# reaches positions 0 to 4. It cannot reach those that it never saw.

# %%
_, attn_backward = attn(x, x, mask)
dy = np.zeros_like(y)
dy[:, 4] = 1
dx_q, dx_kv = attn_backward(dy)
dx = dx_q + dx_kv

print("length of dx at each position\n", np.linalg.norm(dx[0], axis=-1))
assert dx[:, :5].any(-1).all()
assert not dx[:, 5:].any()

# %% [markdown]
# Without the mask there would be no before and after at all. A layer is told nothing of
# order unless it is given one (its `order` is `NoOrder`; walkthrough 14 has others).
# Shuffle the words, and the answers are shuffled alike, to the rounding of a sum.

# %%
shuffle = np.random.default_rng(1).permutation(n)
moved, masked_moved = (attn(x[:, shuffle], x[:, shuffle], m)[0] for m in (None, mask))

for name, there, here in ("without", moved, free), ("with", masked_moved, y):
    print(f"shuffled, {name} the mask: {np.abs(there - here[:, shuffle]).max():.0e} off")
assert type(attn.order) is NoOrder
assert np.allclose(moved, free[:, shuffle], atol=1e-5)
assert not np.allclose(masked_moved, y[:, shuffle], atol=1e-2)

# %% [markdown]
# ## 4. Why a mask, and not simply shorter sentences?
#
# One could feed the model "the", then "the teacher", then "the teacher taught", and so on,
# and predict one word from each. The mask gives all of these answers from a single pass. A
# text of 1024 tokens yields 1024 lessons for the price of one reading. This is much of why
# transformers could be trained on so much text.

# %%
all_at_once = attn(x, x, mask)[0]
one_by_one = np.stack([attn(x[:, :i], x[:, :i])[0][0, -1] for i in range(1, n + 1)])

difference = np.abs(all_at_once[0] - one_by_one).max()
print(f"one masked pass and {n} passes over the beginnings differ by {difference:.0e}")
assert np.allclose(all_at_once[0], one_by_one, atol=1e-5)

# %% [markdown]
# What has been read cannot change any more: that is the same promise, and it saves work
# when a model *writes*. The keys and values of the past are kept in a `KVCache`. Only the
# new word is multiplied by the matrices; its query looks at all that is kept.

# %%
cache = KVCache(max_seq_len=n)
written = np.concatenate([attn.step(x[:, [i]], cache) for i in range(n)], axis=1)

print(
    f"{len(cache)} steps and one pass differ by {np.abs(written - all_at_once).max():.0e}"
)
assert len(cache) == n
assert np.allclose(written, all_at_once, atol=1e-5)

# %% [markdown]
# ## 5. Sharing keys and values among heads
#
# With many heads and a long text it is that memory which runs out. In *grouped-query*
# attention (Ainslie et al. 2023) several query heads share one key and value head: four
# questions, two sets of answers. It is the same layer with the shared heads written once,
# as we can show by writing them twice. LLaMA 2 (70B) and its successors use it.

# %%
grouped = MultiHeadAttention(16, n_heads=4, n_kv_heads=2, bias=False, rng=rng)
full = MultiHeadAttention(16, n_heads=4, bias=False, rng=rng)
for name in ("q_proj", "o_proj"):
    getattr(full, name).weight.data[...] = getattr(grouped, name).weight.data
for name in ("k_proj", "v_proj"):
    shared = getattr(grouped, name).weight.data.reshape(16, 2, 1, 4)  # 2 heads of 4
    getattr(full, name).weight.data[...] = np.repeat(shared, 2, axis=2).reshape(16, 16)

kept = {"4 of 4": 2 * full.k_proj.weight.data.shape[1]}
kept["2 of 4"] = 2 * grouped.k_proj.weight.data.shape[1]
print("numbers kept for each token, by key-value heads")
print(bars(list(kept), list(kept.values()), width=40))
assert np.allclose(grouped(x, x, mask)[0], full(x, x, mask)[0], atol=1e-5)
assert kept["2 of 4"] * 2 == kept["4 of 4"]

# %% [markdown]
# ## A picture
#
# The two heads of section 2, masked.

# %%
try:
    from matplotlib.figure import Figure
except ImportError:
    print("matplotlib is not installed, so no picture is saved")
else:
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    titles = ["head 0: what belongs to me?", "head 1: who stands before me?"]
    for axes, title, weights in zip(figure.subplots(1, 2), titles, masked, strict=True):
        axes.imshow(weights, cmap="Greens", vmin=0, vmax=1)
        axes.set(title=title)
        axes.set_xticks(range(n), words, rotation=60)
        axes.set_yticks(range(n), words)
    Path("pictures").mkdir(exist_ok=True)
    figure.savefig("pictures/05_two_heads_masked.png")
    print("saved pictures/05_two_heads_masked.png")

# %% [markdown]
# ## What to keep
#
# * Heads are slices of the features. Each attends alone, and each adds its own share.
# * More heads cost no more weights; they buy more, smaller questions.
# * Under the causal mask the future has no influence at all, forward or back.
# * One masked pass trains every position at once.
# * Key and value heads can be shared, to save memory while writing.
#
# Attention lets words exchange what they know. Walkthrough 06 adds the parts that let one
# stack it a hundred layers deep.
