# %% [markdown]
# # 9. What came before transformers
#
# To guess the next word, look at the words before it. At how many? And by which road does
# the far past reach the present? Every language model answers these two questions:
#
# | model | looks at | by which road |
# |---|---|---|
# | n-gram | the last n - 1 tokens | a table of counts |
# | convolution | a window of fixed size | one matrix for each place in the window |
# | Elman's network | all that was read | a vector that every step rewrites |
# | LSTM, GRU | all that was read | a vector that every step may keep |
# | transformer | all that was read | one step, from anywhere |
#
# We let them all learn the same text. Then we give them a task in which nothing counts but
# memory, and find the two walls that recurrent networks ran into: gradients that vanish,
# and a state that is too small for all there is to keep.
#
# The whole takes a few minutes on one core. With `--quick` it takes seconds: one seed, one
# learning rate, shorter distances.

# %%
import argparse
import math
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from minillm import functional as F
from minillm.cli.draw import bars
from minillm.data import (
    Windows,
    evaluation_windows,
    keep_paragraphs_once,
    split_tail,
    tour_text,
)
from minillm.data.tasks.recall import DistantRecall, PairRecall
from minillm.evaluation import InterpolatedNgram, KneserNey, NgramLM
from minillm.generation import generate
from minillm.layers import (
    GRU,
    LSTM,
    CausalConvolution,
    ConvolutionBlock,
    Elman,
    LayerNorm,
    Recurrent,
    StateCache,
)
from minillm.models import (
    ConvolutionalConfig,
    ConvolutionalLM,
    DecoderConfig,
    DecoderOnly,
    RecurrentConfig,
    RecurrentLM,
)
from minillm.tokenizers import BPETokenizer
from minillm.training import (
    AdamW,
    Flat,
    NextToken,
    Trainer,
    TrainerSettings,
    TruncatedNextToken,
    WarmupCosine,
    mean_loss,
)

parser = argparse.ArgumentParser(description="Train what came before transformers.")
parser.add_argument("--quick", action="store_true", help="train for seconds, not minutes")
parser.add_argument("--seed", type=int, default=0)
options, _ = parser.parse_known_args()  # a notebook has arguments of its own
seed = options.seed


def train(model, batches, steps, lr, seed=seed, objective=None):
    """The loop of walkthrough 07: AdamW, warm-up and cosine, clipped gradients."""
    trainer = Trainer(
        model,
        objective or NextToken(),
        batches,
        AdamW(Flat(model), betas=(0.9, 0.99), weight_decay=0.01),
        WarmupCosine(lr, warmup_steps=round(0.05 * steps), total_steps=steps),
        TrainerSettings(steps=steps, seed=seed),
    )
    trainer.run()
    return model


# %% [markdown]
# ## 1. Count: the n-gram
#
# Shannon (1948) made the first language models, with a book and a finger: open it
# anywhere, look for the word that you wrote last, and write down what follows it. That is
# a bigram model. In the text there are many contexts, though, that were never seen, and
# the relative frequency of what was never seen is 0. So the counts of long contexts are
# *smoothed* by those of shorter ones. Here a bigram is mixed with a unigram and a uniform
# distribution (Jelinek & Mercer 1980), and 5-grams pay discounts to 4-grams and so on down
# (Kneser & Ney 1995).

# %%
text = split_tail(keep_paragraphs_once(tour_text())[:300_000])
tokenizer = BPETokenizer.train(text.train, vocab_size=512)
train_ids = np.array(tokenizer.encode(text.train))
valid_ids = np.array(tokenizer.encode(text.valid))
vocab_size = tokenizer.vocab_size

ngrams = {
    "unigram": InterpolatedNgram(train_ids, vocab_size, order=1),
    "bigram": InterpolatedNgram(train_ids, vocab_size, order=2),
    "5-gram": KneserNey(train_ids, vocab_size, order=5),
}
losses = {name: model.nats_per_token(valid_ids) for name, model in ngrams.items()}

print(f"{len(train_ids):,} tokens to learn from, {len(valid_ids):,} held out")
print("held-out loss in nats per token:")
print(bars(list(losses), list(losses.values())))
p = ngrams["5-gram"].distribution(train_ids[:4])
assert np.isclose(p.sum(), 1) and p.min() > 0  # nothing is impossible
assert losses["5-gram"] < losses["bigram"] < losses["unigram"] < math.log(vocab_size)

# %% [markdown]
# An n-gram writes like any other model: `generate()` asks for logits, and log p will do.

# %%
prompt = "The value of the "
rng = np.random.default_rng(seed)
written = generate(NgramLM(ngrams["5-gram"]), tokenizer.encode(prompt), 60, rng=rng)
written = [token.id for token in written]

print(prompt + tokenizer.decode(written))
seen = set(pairwise(train_ids))
pairs = list(pairwise(written))
print(f"\npairs of neighbours that the text has: {np.mean([p in seen for p in pairs]):.0%}")
assert np.mean([pair in seen for pair in pairs]) > 0.5

# %% [markdown]
# But a table has no idea that "the method" is a lot like "a method". It has to see each by
# itself, and longer contexts are ever more seldom seen twice. Here neural models begin.
#
# ## 2. Learn: four networks that read from left to right
#
# **Causal convolution.** One matrix for each place in a window that ends at the token
# itself. Layers that skip (dilation 1, 2, 4, ...) widen the window fast; outside of it
# there is nothing.
#
# **Elman (1990).** One vector h. Every step makes a new one from the old and the token:
#
#     h_t = tanh(x_t W_x + h_{t-1} W_h + b)
#
# **LSTM** (Hochreiter & Schmidhuber 1997) keeps a second vector c, which is *added to*, and
# gates i, f, o between 0 and 1 that say what to write, what to keep, what to show:
#
#     c_t = f_t c_{t-1} + i_t g_t        h_t = o_t tanh(c_t)
#
# **GRU** (Cho et al. 2014) does with one vector and two gates:
#
#     h_t = z_t h_{t-1} + (1 - z_t) n_t
#
# What they carry on has a fixed size, and with it a text can be cut anywhere. A
# `StateCache` keeps one state for a recurrence, and the last inputs for a convolution; then
# the next token is one more step, however much was read.

# %%
fresh = np.random.default_rng(seed)
conv = CausalConvolution(6, 6, 3, dilation=2, rng=fresh)
block = ConvolutionBlock(CausalConvolution(6, 6, 4, rng=fresh), LayerNorm(6))
layers = [*(kind(6, 6, rng=fresh) for kind in (Elman, LSTM, GRU)), conv, block]
x = fresh.normal(size=(1, 1000, 6)).astype(np.float32)

for layer in layers:
    cache, (whole, _) = StateCache(), layer(x)
    if isinstance(layer, Recurrent):
        whole, _ = layer.read(whole)  # of the states, what the next layer sees
    pieces = [layer.step(piece, cache) for piece in np.split(x, [1, 2, 500], axis=1)]
    difference = np.abs(np.concatenate(pieces, axis=1) - whole).max()
    name = type(layer).__name__
    print(
        f"{name:17} keeps {cache.state.size:>2} numbers of {x.size}; {difference:.0e} off"
    )
    assert difference < 1e-5 and cache.state.size <= 24

# %% [markdown]
# The window is soon seen. We change the first of eleven tokens, and look where the output
# of a causal convolution of width 3 moves:

# %%
rng = np.random.default_rng(seed)
x, changed = rng.normal(size=(2, 1, 11, 2))
changed[:, 1:] = x[:, 1:]
W, b = rng.normal(size=(3, 2, 2)), np.zeros(2)

for dilation in (1, 2, 5):
    y, y_changed = (F.causal_convolution(a, W, b, dilation)[0] for a in (x, changed))
    (seen_from,) = np.nonzero((y_changed != y).any((0, 2)))
    print(f"dilation {dilation}: token 0 is seen from {seen_from}")
    assert np.array_equal(seen_from, [0, dilation, 2 * dilation])

# %% [markdown]
# All have about as many parameters as the transformer beside them, the same text, the same
# number of steps, and the better of two learning rates. (Which is better we ask the
# held-out text itself. That flatters, but all alike.)

# %%
seq_len, lm_steps = 64, 60 if options.quick else 400
lm_rates = (4e-3,) if options.quick else (2e-3, 4e-3)


def recurrent(cell, d):
    config = RecurrentConfig(vocab_size, d, n_layers=1, cell=cell, dropout=0.1)
    return lambda: RecurrentLM(config, rng=np.random.default_rng(seed))


def convolutional():
    config = ConvolutionalConfig(vocab_size, 76, n_layers=4, width=4, dropout=0.1)
    return ConvolutionalLM(config, rng=np.random.default_rng(seed))


def transformer():
    config = DecoderConfig(vocab_size, seq_len, 64, 2, 4, positions="rotary", dropout=0.1)
    return DecoderOnly(config, rng=np.random.default_rng(seed))


def valid_loss(model):
    batches = (
        (x, np.where(weights > 0, y, F.IGNORED))
        for x, y, weights in evaluation_windows(valid_ids, seq_len, 16)
    )
    return mean_loss(model, NextToken(), batches)


windows = Windows(train_ids, seq_len, batch_size=16, seed=seed)
networks = {
    "convolution": convolutional,
    "Elman": recurrent("rnn", 159),
    "LSTM": recurrent("lstm", 99),
    "GRU": recurrent("gru", 112),
    "transformer": transformer,
}
trained = {}
for name, build in networks.items():
    start = time.perf_counter()
    candidates = [train(build(), windows.batch, lm_steps, lr) for lr in lm_rates]
    trained[name] = min(candidates, key=valid_loss)
    losses[name] = valid_loss(trained[name])
    seconds = (time.perf_counter() - start) / len(lm_rates)
    print(f"{name:>12}: {trained[name].n_parameters():,} parameters, {seconds:.0f} s each")

print("\nheld-out loss in nats per token:")
print(bars(list(losses), list(losses.values())))
sizes = [model.n_parameters() for model in trained.values()]
assert max(sizes) < 1.05 * min(sizes)
assert all(losses[name] < losses["unigram"] - 0.1 for name in networks)
if not options.quick:
    assert all(losses[name] < losses["bigram"] for name in networks)

# %% [markdown]
# They all use their context. On so short a text, for so short a time, the best counter is
# still hard to beat, and which network is ahead says little: text can be predicted quite
# well from a few tokens. We will need a task that cannot.
#
# ## 3. The chain rule through time
#
# First, how does a recurrent network learn? It is one deep network with a layer for every
# token, which all share their weights, so their gradients add up: *backpropagation through
# time*. In `minillm/functional/elman.py` it is a loop from the last token to the first.
#
# For a text without end that would never be done. So it is *truncated* (Williams & Peng
# 1990): read k tokens, go back over those, carry the state on as if it had always been
# there. The loss stays the same. The gradient loses what lies farther back.

# %%
batch = windows.batch(0)


def gradient(objective):
    model = trained["LSTM"]
    theta = Flat(model)
    theta.grad[...] = 0
    loss, backward = objective(model, batch, None)
    backward()
    return loss, theta.grad.copy()


full_loss, full = gradient(NextToken())
angles = {}
for k in (1, 4, 16, 64):
    loss, g = gradient(TruncatedNextToken(k))
    angles[k] = float(g @ full / np.sqrt((g @ g) * (full @ full)))
    print(f"k = {k:>2}: loss {loss:.4f}, cosine to the whole gradient {angles[k]:.4f}")
    assert abs(loss - full_loss) < 1e-4
assert angles[1] < angles[4] < angles[16] < 1 + 1e-6
assert np.array_equal(g, full)  # k = 64 is the whole text: nothing was cut

# %% [markdown]
# ## 4. Recall over a distance
#
#     k3 v5 f1 f7 f2 f2 ... ? k3    ->  v5
#
# A key, a value, then noise, then: what was the value? Keys, values and noise are drawn
# anew for every sequence. There are 8 values, so **chance is 1/8**. The distance is drawn
# too, from 1 to 64 alike. All models have the size of the transformer to within 5 %; the
# transformer has rotary positions. Each tries the learning rates 0.001, 0.003 and 0.01 with
# three seeds, and shows what it can with its best. (Which is best is asked of the very
# sequences that are shown. That flatters each a little; the differences are larger.)

# %%
longest = 32 if options.quick else 64
recall_steps = 300 if options.quick else 400
seeds = (seed,) if options.quick else (seed, seed + 1, seed + 2)
grid = (3e-3,) if options.quick else (1e-3, 3e-3, 1e-2)
distances = [2**i for i in range(longest.bit_length())]
distant = DistantRecall()


def small(kind, task, d, seed):
    """A model of width d with an output layer of its own."""
    rng, v = np.random.default_rng(seed), task.vocab_size
    if kind == "transformer":
        config = DecoderConfig(v, 68, d, 2, 4, vocabulary="untied", positions="rotary")
        return DecoderOnly(config, rng=rng)
    cell = {"Elman": "rnn", "LSTM": "lstm", "GRU": "gru"}[kind]
    return RecurrentLM(RecurrentConfig(v, d, 1, cell, "untied"), rng=rng)


def widths_of_equal_size(kinds, task, d_transformer):
    """The width at which each kind has as many parameters as the transformer."""
    n = small("transformer", task, d_transformer, seed).n_parameters()
    widths = {"transformer": d_transformer}
    for kind in kinds:
        widths[kind] = min(
            range(16, 260),
            key=lambda d: abs(small(kind, task, d, seed).n_parameters() - n),
        )
    return widths


def accuracy(model, inputs, targets):
    asked = targets != F.IGNORED
    return float((model(inputs)[0].argmax(-1) == targets)[asked].mean())


def by_distance(model):
    """Accuracy at each distance, on 500 sequences that no training has drawn."""
    tests = (distant.batch(np.random.default_rng((10**6, d)), 500, d) for d in distances)
    return [accuracy(model, *test) for test in tests]


def all_alike(rng):
    return int(rng.integers(1, longest + 1))


def train_distant(kind, d, lr, seed, draw_distance=all_alike):
    def batches(step):
        rng = np.random.default_rng((seed, step))
        return distant.batch(rng, 32, draw_distance(rng))

    return train(small(kind, distant, d, seed), batches, recall_steps, lr, seed)


@dataclass
class Result:
    lr: float
    scores: np.ndarray  # (seeds, tests)
    models: list


def best_of_grid(train_one, kind, d, score, rates=grid):
    """Every rate with every seed; the rate whose mean score is best."""
    results = []
    for lr in rates:
        models = [train_one(kind, d, lr, s) for s in seeds]
        results.append(Result(lr, np.array([score(model) for model in models]), models))
    return max(results, key=lambda result: result.scores.mean())


widths = widths_of_equal_size(("Elman", "LSTM", "GRU"), distant, 32)
recall, sizes = {}, {}
print(f"accuracy by distance, mean of {len(seeds)} seed(s); chance {distant.chance}")
print(" " * 28 + "".join(f"{d:>6}" for d in distances))
for kind, d in widths.items():
    recall[kind] = best_of_grid(train_distant, kind, d, by_distance)
    sizes[kind] = recall[kind].models[0].n_parameters()
    row = "".join(f"{score:>6.2f}" for score in recall[kind].scores.mean(0))
    print(f"{kind:>11}: {sizes[kind]:,}, lr {recall[kind].lr:<5}{row}")

far = np.array(distances) >= 16
assert max(sizes.values()) < 1.05 * min(sizes.values())
assert recall["Elman"].scores[:, far].max() <= 0.5
for kind in ("LSTM", "GRU", "transformer"):
    assert recall[kind].scores[:, far].min() >= 0.95, kind

# %% [markdown]
# Each seed of each gated network solves it, and so does the transformer. Elman's network
# does not even solve the short distances that are among its exercises: they are drowned by
# the long ones, from which it learns nothing. Is it too small to hold three bits? No. The
# same network learns distances of 1 to 4 when it is given only those, and then holds the
# value somewhat longer than it was taught to. And if half of its exercises are short
# (distances of 1, 2, 4, 8, ..., all alike), it climbs from one to the next:

# %%
diets = {
    "1 to 4": lambda rng: int(rng.integers(1, 5)),
    "1, 2, 4, 8, ...": lambda rng: int(rng.choice(distances)),
}
elmans = {
    diet: by_distance(train_distant("Elman", widths["Elman"], 3e-3, seed, draw))
    for diet, draw in diets.items()
}

for diet, scores in elmans.items():
    print(f"Elman on {diet:<16}" + "".join(f"{score:>6.2f}" for score in scores))
assert min(elmans["1 to 4"][:3]) >= 0.95
assert elmans["1 to 4"][-1] < elmans["1 to 4"][0] - 0.3
assert min(elmans["1, 2, 4, 8, ..."]) >= 0.75  # over the longest distance, too

# %% [markdown]
# So its state can hold the value, even among noise. What stands in its way is *learning*
# over a distance, where nothing nearer shows the way. (Such claims depend on the exercises,
# the initial weights, and the patience, here some hundred steps. The next is arithmetic.)
#
# ## 5. The vanishing gradient, measured
#
# What the first state has to do with the state t steps later is a matrix, dh_t / dh_0, and
# by the chain rule a product: t times W_h, t times the slopes of tanh, which are below 1.
# Products of many factors vanish or explode (Hochreiter 1991; Bengio et al. 1994). For the
# cell of an LSTM the way from c_0 to c_t is a product too, but of forget gates. They can be
# 1, and a network can learn to make them so.
#
# We measure the largest singular value of that matrix, on sequences of the recall task.
# One backward pass gives all of it: a batch of copies, of which each asks for one row.

# %%
lengths = [1, 2, 4, 8, 16, 32, 64]
x_ids, _ = distant.batch(np.random.default_rng(7), 1, 64)


def influence(model, t):
    """The norm of dh_t / dh_0, or of dc_t / dc_0 where there is a c."""
    cell, x = model.cells[0], model.vocabulary.embed(x_ids)[0][:, :t]
    d = cell.h_weight.data.shape[0]
    copies = np.repeat(x, d, axis=0)
    y, backward = cell(copies, cell.first_state(copies))
    dy, rows = np.zeros_like(y), np.arange(d)
    if isinstance(cell, LSTM):
        dy[rows, 1, -1, rows] = 1
        _, dstate = backward(dy)
        return np.linalg.norm(dstate[:, 1], 2)
    dy[rows, -1, rows] = 1
    _, dstate = backward(dy)
    return np.linalg.norm(dstate, 2)


def fresh(kind):
    return small(kind, distant, widths[kind], seed)


norms = {
    "Elman, fresh": [influence(fresh("Elman"), t) for t in lengths],
    "Elman, trained": [influence(recall["Elman"].models[0], t) for t in lengths],
    "LSTM, fresh": [influence(fresh("LSTM"), t) for t in lengths],
    "LSTM, trained": [influence(recall["LSTM"].models[0], t) for t in lengths],
}
print("after steps:    " + "".join(f"{t:>9}" for t in lengths))
for name, row in norms.items():
    print(f"{name:>15} " + "".join(f"{norm:>9.0e}" for norm in row))
at_16 = lengths.index(16)
assert norms["Elman, fresh"][-1] < 1e-2 * norms["Elman, fresh"][0]
assert norms["LSTM, trained"][at_16] > 10 * norms["Elman, trained"][at_16]
assert norms["LSTM, trained"][-1] > 10 * norms["LSTM, fresh"][-1]  # it learned to keep

# %% [markdown]
# A fresh LSTM forgets too: its gates stand at about sigmoid(1) = 0.73, and 0.73 to the 64th
# is nothing. But its short distances teach it to open them, and then the long ones are
# within reach. With the gates quite open, the way through the cell is the identity; that is
# the *constant error carousel* of 1997:

# %%
d = 4
lstm = LSTM(d, d, rng=np.random.default_rng(seed)).astype(np.float64)
lstm.x_weight.data[:, : 2 * d] = lstm.h_weight.data[:, : 2 * d] = 0
lstm.bias.data[:d], lstm.bias.data[d : 2 * d] = -800, 800  # write nothing, keep all
state = rng.normal(size=(1, 2, d))
y, backward = lstm(rng.normal(size=(1, 1000, d)), state)
dy = np.zeros_like(y)
dy[:, 1, -1] = 1
_, dstate = backward(dy)

print(f"c before {state[0, 1].round(3)}, after 1000 steps {y[0, 1, -1].round(3)}")
print(f"dc_1000 / dc_0: {dstate[0, 1]}")
assert np.array_equal(y[0, 1, -1], state[0, 1])
assert np.array_equal(dstate[0, 1], np.ones(d))

# %% [markdown]
# A GRU has the same way out with one vector: where z = 1, h stays.

# %%
W_x, W_h, b = np.ones((d, 3 * d)), np.ones((d, 3 * d)), np.zeros(3 * d)
z = slice(d, 2 * d)  # between r and n
W_x[:, z], W_h[:, z], b[z] = 0, 0, 800
h, _ = F.gru(np.ones((1, 1000, d)), state[:, 0], W_x, W_h, b, np.zeros(d))

print(f"h before {state[0, 0].round(3)}, after 1000 steps {h[0, -1].round(3)}")
assert np.allclose(h[0, -1], state[0, 0])

# %% [markdown]
# And an Elman network whose matrix is a rotation, so small that tanh is nearly straight?
# It passes on what it holds, but then each new token is added on top of it. To be able to
# *refuse* an input is what gates are for.

# %%
rotation, _ = np.linalg.qr(rng.normal(size=(d, d)))
elman = Elman(d, d, rng=np.random.default_rng(seed)).astype(np.float64)
elman.h_weight.data[...] = rotation
silence, noise = np.zeros((1, 64, d)), rng.normal(size=(1, 64, d))
start = 0.01 * rng.normal(size=(1, d))
kept, lost = (elman(x, start)[0][0, -1] for x in (silence, noise))
expected = start[0] @ np.linalg.matrix_power(rotation, 64)

in_silence, in_noise = (np.abs(h - expected).max() for h in (kept, lost))

print(f"h after 64 steps of silence: {in_silence:.5f} from the turned first h")
print(f"h after 64 steps of noise:   {in_noise:.5f} from it")
assert in_silence < 0.001 < 0.1 < in_noise

# %% [markdown]
# ## 6. Recall among many
#
#     k3 v5 k7 v1 k2 v5 | k2 v5 k3 v5 k7    ->  v1
#
# Now the distances are short, but all pairs have to be kept, as nobody knows which will be
# asked for. Keys are paired with values anew in every sequence. Chance is 1/8; to say the
# sequence's most frequent value takes no key at all, and gets more. They train on 1 to 8
# pairs, all numbers alike, with the two larger learning rates and three seeds.

# %%
most_pairs = 4 if options.quick else 8
pair_task = PairRecall(n_keys=most_pairs)
pair_steps = 250 if options.quick else 400
pair_counts = [n for n in (1, 2, 4, 8) if n <= most_pairs]


def by_pairs(model):
    tests = (
        pair_task.batch(np.random.default_rng((10**6, n)), 300, n) for n in pair_counts
    )
    return [accuracy(model, *test) for test in tests]


def train_pairs(kind, d, lr, seed):
    def batches(step):
        rng = np.random.default_rng((seed, step))
        return pair_task.batch(rng, 64, int(rng.integers(1, most_pairs + 1)))

    return train(small(kind, pair_task, d, seed), batches, pair_steps, lr, seed)


pair_widths = widths_of_equal_size(("LSTM",), pair_task, 64)
many = {
    kind: best_of_grid(train_pairs, kind, d, by_pairs, rates=grid[-2:])
    for kind, d in pair_widths.items()
}
inputs, targets = pair_task.batch(np.random.default_rng(1), 2000, most_pairs)
guesses = np.broadcast_to(pair_task.most_frequent(inputs), targets.shape)
frequent = (guesses == targets)[targets != F.IGNORED].mean()

print(
    f"accuracy by number of pairs, mean of {len(seeds)} seed(s); chance {pair_task.chance}"
)
print(" " * 11 + "".join(f"{n:>6}" for n in pair_counts))
for kind, result in many.items():
    row = "".join(f"{score:>6.2f}" for score in result.scores.mean(0))
    print(f"{kind:>11}{row}   lr {result.lr}")
print(f"the most frequent of {most_pairs} values: {frequent:.2f}")
assert many["transformer"].scores[:, -1].min() >= 0.95
assert many["LSTM"].scores[:, -1].max() <= 0.75

# %% [markdown]
# The transformer looks at the key, goes to where it stood before, and takes what stood
# beside it. Its memory is the text itself. The LSTM has to press every pair into a vector
# of fixed size *before* it knows the question. With all pairs asked for, it does no better
# than the cheat.
#
# ## 7. What it costs
#
# That memory is not free. To write on, a transformer keeps keys and values of all that was
# read; a recurrent network keeps its state. Numbers to remember after n tokens:

# %%
d = 64
print("tokens read:  " + "".join(f"{n:>10,}" for n in (64, 1024, 16384)))
memory = {
    "transformer": [2 * 2 * n * d for n in (64, 1024, 16384)],  # 2 layers, k and v
    "LSTM": [2 * d for _ in (64, 1024, 16384)],  # h and c
}
for kind, row in memory.items():
    print(f"{kind:>13} " + "".join(f"{n:>10,}" for n in row))
model = small("LSTM", distant, d, seed)
caches = model.caches()
model.step(np.zeros((1, 1000), int), caches)
assert len(caches[0]) == 1000 and caches[0].state.size == memory["LSTM"][0]

# %% [markdown]
# And time: attention compares every token with all before it, so a training step on n
# tokens takes n^2 comparisons, where a recurrent network takes n steps. On the other hand
# those steps have to wait for one another, while attention does all at once. In a bigger
# model and on bigger hardware that is what decided: the transformer's work can be spread
# out, a chain of steps cannot.

# %%
time_lengths = [64, 256, 1024]


def seconds_per_step(kind, n, repeats=3):
    """Forward and backward for one sequence of n tokens, the best of some tries."""
    if kind == "transformer":
        config = DecoderConfig(distant.vocab_size, n, 64, 2, 4, positions="rotary")
        model = DecoderOnly(config, rng=np.random.default_rng(seed))
    else:
        model = small(kind, distant, 104, seed)
    ids = np.random.default_rng(seed).integers(0, distant.vocab_size, (1, n))
    best = math.inf
    for _ in range(repeats):
        start = time.perf_counter()
        _, backward = NextToken()(model, (ids, ids), None)
        backward()
        best = min(best, time.perf_counter() - start)
    return best


times = {
    kind: [seconds_per_step(kind, n) for n in time_lengths]
    for kind in ("Elman", "LSTM", "transformer")
}
print("milliseconds for a training step on one sequence of n tokens")
print(" " * 13 + "".join(f"{n:>9}" for n in time_lengths))
for kind, row in times.items():
    print(f"{kind:>12} " + "".join(f"{1e3 * t:>9.1f}" for t in row))
growth = {kind: row[-1] / row[0] for kind, row in times.items()}
print(
    "growth from 64 to 1024 tokens (16 is linear):",
    {k: round(g) for k, g in growth.items()},
)
assert growth["transformer"] > growth["LSTM"]

# %%
try:
    from matplotlib.figure import Figure
except ImportError:
    print("matplotlib is not installed, so no picture is saved")
else:
    figure = Figure(figsize=(12, 4), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    for kind, result in recall.items():
        left.plot(distances, result.scores.mean(0), "o-", label=kind)
    for diet, scores in elmans.items():
        left.plot(distances, scores, "x:", label=f"Elman on {diet}")
    left.axhline(distant.chance, color="grey", ls=":", label="chance")
    left.set(xscale="log", xlabel="distance", ylabel="accuracy", title="recall")
    left.legend()
    for name, row in norms.items():
        middle.plot(lengths, row, "o-", label=name)
    middle.set(xscale="log", yscale="log", xlabel="t", title="norm of dh_t/dh_0, dc_t/dc_0")
    middle.legend()
    for kind, row in times.items():
        right.plot(time_lengths, row, "o-", label=kind)
    right.set(xscale="log", yscale="log", xlabel="tokens", title="seconds for a step")
    right.legend()
    Path("pictures").mkdir(exist_ok=True)
    figure.savefig("pictures/09_before_transformers.png")
    print("saved pictures/09_before_transformers.png")

# %% [markdown]
# ## What to keep
#
# * A language model is a distribution over the next token. How it remembers is a choice.
# * n-grams and convolutions have a window; recurrent networks have a state.
# * The gradient through a recurrence is a product with a factor for every step. Elman's
#   vanishes; the gates of LSTM and GRU can make the factors 1.
# * A state of fixed size cannot hold a text. Attention goes back and looks.
# * It pays with memory that grows with the text, and time that grows with its square.
