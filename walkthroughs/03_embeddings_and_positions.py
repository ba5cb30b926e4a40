# %% [markdown]
# # 3. Embeddings and positions
#
# A tokenizer turns text into ids: `the` is 0, `teacher` is 1. The ids are only names. Token
# 7 is not more than token 3, and 3 + 4 is not 7. Before a model can calculate, each token
# must become a point in a space where *near* means *similar*: a vector, its embedding.
#
# And because a transformer looks at all tokens at once, it must be told where each of them
# stands. This walkthrough makes both vectors, and adds them.

# %%
import math
from pathlib import Path

import numpy as np

from minillm import functional as F
from minillm.cli.draw import bars
from minillm.layers import (
    Embedding,
    LearnedPositions,
    NoPositions,
    SinusoidalPositions,
    TiedVocabulary,
    UntiedVocabulary,
)

np.set_printoptions(precision=2, suppress=True, linewidth=88)
rng = np.random.default_rng(0)

# %% [markdown]
# ## 1. An embedding is a table
#
# One row for each token of the vocabulary. To embed, look up the row:
#
#     y = W[ids]
#
# Books write it as a product with a *one-hot* vector, which is zero everywhere but in the
# token's own place. That is the same thing. It multiplies a great many zeros.

# %%
vocabulary = ["the", "teacher", "taught", "student", "with", "book"]
W = np.arange(12.0).reshape(6, 2)  # (vocab_size, d_model)
ids = np.array([0, 1, 2, 0, 3])  # the teacher taught the student

y, embedding_backward = F.embedding(ids, W)
onehot = np.eye(len(vocabulary))[ids]  # (seq_len, vocab_size)

for i, token in enumerate(ids):
    zeros_and_one = onehot[i].astype(int)
    print(f"{vocabulary[token]:>8}  id {token}  one-hot {zeros_and_one}  ->  {y[i]}")
assert np.array_equal(y, onehot @ W)

multiplied, looked_up = 50257 * 768, 768
print(f"one token of GPT-2: {multiplied:,} multiplications, or {looked_up} numbers copied")

# %% [markdown]
# ## 2. What flows back: a token that occurs twice learns twice
#
# Only the rows that were looked up can have influenced the loss. All others get a gradient
# of zero. "the" occurs at two positions, so its row gets the sum of both, by the rule of
# walkthrough 01.
#
# To see it, we let the five positions ask for 1, 10, 100, 1000 and 10000.

# %%
dy = 10.0 ** np.arange(5)[:, None] * np.ones((1, 2))
dW = embedding_backward(dy)

for token, row in zip(vocabulary, dW, strict=True):
    print(f"{token:>8}  {row}")
assert np.array_equal(dW[0], [1001, 1001])  # "the": 1 from position 0, 1000 from 3
assert not dW[4:].any()  # "with" and "book" were not there
assert np.array_equal(dW, onehot.T @ dy)

# %% [markdown]
# In NumPy there is a trap just here. `dW[ids] += dy` reads all rows, adds, and writes them
# back; of two writes to one row the last one wins. One of the two lessons for "the" is
# lost, without a word. minillm uses `np.add.at`, which adds one after another.

# %%
trapped = np.zeros_like(W)
trapped[ids] += dy

print(f"the row of 'the': {trapped[0]} with +=, {dW[0]} in truth")
assert np.array_equal(trapped[0], [1000, 1000])

# %% [markdown]
# ## 3. Near means similar
#
# **The vectors in this cell are made by hand**, so that each axis has a name. A model finds
# its own axes while it learns to predict text, and they rarely have names. What carries
# over is the geometry: vectors that point the same way are alike, and we measure that by
# the cosine of the angle between them.
#
#     cosine(u, v) = u . v / (|u| |v|)

# %%
#             person  thing  school  royal  female
words = {
    "teacher": [1.0, 0.0, 1.0, 0.0, 0.0],
    "student": [1.0, 0.0, 0.8, 0.0, 0.1],
    "book":    [0.0, 1.0, 0.9, 0.0, 0.0],
    "library": [0.0, 0.8, 1.0, 0.0, 0.0],
    "man":     [1.0, 0.0, 0.0, 0.0, 0.0],
    "woman":   [1.0, 0.0, 0.0, 0.0, 1.0],
    "king":    [1.0, 0.0, 0.0, 1.0, 0.0],
    "queen":   [1.0, 0.0, 0.0, 1.0, 1.0],
    "crown":   [0.0, 1.0, 0.0, 1.0, 0.0],
}  # fmt: skip
names = list(words)
E = np.array(list(words.values()))
directions = E / np.linalg.norm(E, axis=1, keepdims=True)
cosine = directions @ directions.T


def neighbours(name):
    """All other words, the nearest first."""
    return [names[i] for i in np.argsort(-cosine[names.index(name)]) if names[i] != name]


for name in ["teacher", "book", "queen", "crown"]:
    i, nearest = names.index(name), neighbours(name)[:3]
    print(f"{name:>8}:", ", ".join(f"{n} {cosine[i, names.index(n)]:.2f}" for n in nearest))
assert neighbours("teacher")[0] == "student"
assert neighbours("book")[0] == "library"

# %% [markdown]
# In a vector space one can also calculate. Take "king", remove what makes a man, add what
# makes a woman:
#
#     king - man + woman = ?
#
# It lands on "queen" exactly, because we built the axes that way. With learned
# embeddings it only lands near, and the famous examples leave the three words of the
# question out of the answers. Treat it as a picture of the idea, not as a law of nature.

# %%
landed = E[names.index("king")] - E[names.index("man")] + E[names.index("woman")]
nearest = names[int(np.argmin(np.linalg.norm(E - landed, axis=1)))]

print(f"king - man + woman = {landed} = {nearest}")
assert nearest == "queen"

# %% [markdown]
# ## 4. What is still missing: order
#
# "the teacher taught the student" and "the student taught the teacher" are made of the same
# five vectors. Whatever treats its inputs as a heap (a sum, an average, and, as walkthrough
# 04 shows, attention) cannot tell who taught whom.

# %%
forwards = F.embedding(np.array([0, 1, 2, 0, 3]), W)[0]
swapped = F.embedding(np.array([0, 3, 2, 0, 1]), W)[0]

print("average of the vectors:", forwards.mean(0), "and", swapped.mean(0))
assert np.array_equal(forwards.mean(0), swapped.mean(0))

# %% [markdown]
# ## 5. A position as the hands of many clocks
#
# Vaswani et al. 2017, sec. 3.5, give each position a vector of its own and add it:
#
#     PE[pos, 2i]     = sin(pos / 10000^(2i / d_model))
#     PE[pos, 2i + 1] = cos(pos / 10000^(2i / d_model))
#
# Read each pair (sine, cosine) as the tip of a clock's hand. The first hand turns once in
# 2 pi = 6.28 positions, and each later one more slowly, as seconds, minutes and hours do.
# One hand alone comes round again and again. All hands together tell the time.

# %%
d_model = 8
PE = F.sinusoidal_positions(24, d_model)  # (n_positions, d_model)

print("pos    sin   cos   sin   cos   sin   cos   sin   cos")
for pos in [0, 1, 2, 3, 6, 7, 12, 13, 19]:
    print(f"{pos:>3}  ", " ".join(f"{entry:5.2f}" for entry in PE[pos]))
periods = 2 * math.pi * 10000 ** (np.arange(0, d_model, 2) / d_model)
print("one turn takes", ", ".join(f"{period:.1f}" for period in periods), "positions")
assert np.allclose(np.hypot(PE[:, 0::2], PE[:, 1::2]), 1)  # all hands have length 1
assert np.isclose(PE[7, 2], math.sin(7 / 10))  # pair i = 1, and 10000^(2/8) = 10

# %% [markdown]
# Here is a wider table, with 16 features down the page and 64 positions across it; `█` is
# 1 and a blank is -1. Near the top the waves are short. Near the bottom they are so long
# that within 64 positions nothing seems to move.

# %%
PE = F.sinusoidal_positions(64, 16)

for feature in range(16):
    shades = [" ░▒▓█"[round(2 * wave + 2)] for wave in PE[:, feature]]
    print(f"{feature:>3} {''.join(shades)}")
travelled = np.abs(np.diff(PE, axis=0)).sum(0)
print(f"feature 0 travels {travelled[0]:.1f} in all, feature 14 only {travelled[14]:.2f}")
assert travelled[0] > 100 * travelled[14]

try:
    from matplotlib.figure import Figure
except ImportError:
    print("matplotlib is not installed, so no picture is saved")
else:
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(F.sinusoidal_positions(128, 64).T, cmap="RdBu", aspect="auto")
    axes.set(xlabel="position", ylabel="feature", title="sinusoidal positions")
    figure.colorbar(image)
    Path("pictures").mkdir(exist_ok=True)
    figure.savefig("pictures/03_sinusoidal_positions.png")
    print("saved pictures/03_sinusoidal_positions.png")

# %% [markdown]
# ## 6. "Three words further on" is a rotation, the same everywhere
#
# To move on by k positions is to turn each hand by its own fixed angle, wherever it points
# now. With `angle = k / 10000^(2i / d_model)`, the addition theorems of school say
#
#     PE[pos + k] = PE[pos] R(k),    and each pair of features is turned by
#
#     [ cos(angle)  -sin(angle) ]
#     [ sin(angle)   cos(angle) ]
#
# `R(k)` depends on k alone. That is why the paper chose waves: "look at the word before
# you" is *one* matrix for all positions, and a matrix is what a linear layer can learn.
# In walkthrough 04 we hand attention this very matrix.


# %%
def rotation(k, d_model):
    """R(k), which moves any position on by k: a (d_model, d_model) matrix."""
    R = np.zeros((d_model, d_model))
    for i in range(0, d_model, 2):
        angle = k / 10000 ** (i / d_model)
        R[i : i + 2, i : i + 2] = [
            [math.cos(angle), -math.sin(angle)],
            [math.sin(angle), math.cos(angle)],
        ]
    return R


R3 = rotation(3, 16)
moved = PE @ R3  # all 64 positions at once, one matrix

print("PE[10]        ", PE[10, :6])
print("PE[10] R(3)   ", moved[10, :6])
print("PE[13]        ", PE[13, :6])
assert np.allclose(moved[:-3], PE[3:])
assert np.allclose(R3 @ R3.T, np.eye(16))  # a rotation: back is its transpose

# %% [markdown]
# ## 7. Positions that are close have a large dot product
#
# Multiply two positions' vectors and only their distance remains:
#
#     PE[p] . PE[q] = sum_i cos((p - q) / 10000^(2i / d_model))
#
# At distance 0 every cosine is 1. Further away the fast hands disagree first and begin to
# cancel, then slower ones. So nearness in the sentence has become nearness in the space.
# (Not quite smoothly: look closely and you will find small waves on the way down.)

# %%
PE = F.sinusoidal_positions(600, 128)
dots = PE @ PE.T
distances = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512]

print("distance, and the dot product of two positions that far apart")
print(bars([f"{k}" for k in distances], dots[0, distances]))
for k in distances:
    assert np.allclose(np.diagonal(dots, k), dots[0, k])  # the same for every pair
assert dots[0, 0] == 128 / 2  # one for each pair of features
assert np.all(np.diff(dots[0, distances]) < 0)  # it falls at each doubling
assert np.any(np.diff(dots[0]) > 0)  # though not at each single step

# %% [markdown]
# ## 8. Added, and yet both can be read
#
# The model's first line is
#
#     h = sqrt(d_model) E[ids] + PE
#
# Two questions suggest themselves. *Why not put the two side by side?* One could. But in
# many dimensions two vectors that know nothing of each other are nearly at right angles,
# so a sum keeps both. Below, 200 words at 64 positions, in the paper's 512 dimensions: from
# each sum we read back which word it was, and where it stood: the row of `E`, and the row
# of `PE`, that has the largest dot product with it. To score all rows of a matrix like
# that, y = h W^T, is to *unembed*. Models end with it, many with the very `E` that they
# began with.
#
# *Why the square root?* Rows of `E` are drawn with variance 1 / d_model, which makes them
# about 1 long, because the same matrix must also score the model's output. A row of `PE` is
# sqrt(d_model / 2) long. Added as they are, the position shouts down the word.

# %%
d_model, vocab_size, n_positions = 512, 200, 64
E = rng.normal(0, 1 / math.sqrt(d_model), (vocab_size, d_model))
PE = F.sinusoidal_positions(n_positions, d_model)
ids = rng.integers(vocab_size, size=n_positions)

word_length = np.linalg.norm(E, axis=1).mean()
position_length = np.linalg.norm(PE, axis=1).mean()
print(f"length of a word {word_length:.1f}, after scaling {word_length * d_model**0.5:.1f}")
print(f"length of a position {position_length:.1f}")
assert np.isclose(position_length, math.sqrt(d_model / 2))


def read_back(h):
    """The word and the position whose vectors have the largest dot product with h."""
    return F.unembed(h, E)[0].argmax(1), F.unembed(h, PE)[0].argmax(1)


for scale, name in [(math.sqrt(d_model), "with the root   "), (1.0, "without the root")]:
    word, position = read_back(scale * E[ids] + PE)
    right_word = np.mean(word == ids)
    off = np.abs(position - np.arange(n_positions))
    print(
        f"{name}: {right_word:4.0%} of the words, {np.mean(off == 0):4.0%} of the "
        f"positions, none off by more than {off.max()}"
    )
    if scale > 1:
        assert right_word == 1 and off.max() <= 2
    else:
        assert right_word < 0.5

# %% [markdown]
# Neighbouring positions are mistaken for each other now and then. They are meant to be
# alike, as section 7 showed, and a plain dot product is a modest reader.
#
# ## 9. The same as layers
#
# A model's two ends are one matrix or two. A `TiedVocabulary` has an `Embedding`, which
# embeds with `E` and scores with `E^T`. So `E` learns at both ends: at the input the rows
# of the words that were read, at the output the rows of all words that might have been
# said (Press & Wolf 2017). An `UntiedVocabulary` has a second matrix for its output.

# %%
ids = np.array([0, 1, 2, 0, 3])
for kind in TiedVocabulary, UntiedVocabulary:
    ends = kind(6, 8, rng=np.random.default_rng(0))
    h, embed_backward = ends.embed(ids)
    logits, unembed_backward = ends.unembed(h)
    embed_backward(unembed_backward(np.ones_like(logits)))
    learned = ends.token_embed.weight.grad.any(1).astype(int)
    print(
        f"{kind.__name__:16} {ends.n_parameters()} numbers; rows of E that learn {learned}"
    )
    assert type(ends.token_embed) is Embedding
    assert ends.n_parameters() == (48 if kind is TiedVocabulary else 96)
    assert learned.tolist() == [1, 1, 1, 1, *([1, 1] if kind is TiedVocabulary else [0, 0])]

# %% [markdown]
# Positions are a layer as well: fixed waves, a second table that is learned, or nothing at
# all, where attention itself is told how far apart two words are (walkthrough 14).

# %%
for kind in SinusoidalPositions, LearnedPositions, NoPositions:
    positions = kind(24, 8, rng=np.random.default_rng(0))
    P, _ = positions(3, 5)  # what is added at positions 3 and 4
    print(
        f"{kind.__name__:20} {positions.n_parameters():>3} numbers to learn; P[3] = {P[0]}"
    )
    if kind is SinusoidalPositions:
        assert np.allclose(P, F.sinusoidal_positions(24, 8)[3:5])
    assert positions.n_parameters() == (24 * 8 if kind is LearnedPositions else 0)
    assert kind is not NoPositions or not P.any()

# %% [markdown]
# ## What to keep
#
# * An embedding is a table of vectors; looking up is a one-hot product without the zeros.
# * A token's row learns from every place where the token occurred: gradients add up.
# * In the space of embeddings, direction carries meaning.
# * Sinusoids give each position a vector; moving on by k is one rotation for all of them.
# * Positions are added to embeddings that are scaled up, so that neither drowns the other.
#
# GPT-2 and BERT *learn* a vector for each position instead (`layers.LearnedPositions`):
# a second embedding table, with no row for positions past its end. Next, in walkthrough
# 04: vectors that look at each other.
