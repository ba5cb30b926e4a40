# %% [markdown]
# # 10. A masked language model
#
# The GPT of walkthrough 07 guesses the *next* token, so no token may look ahead. An
# *encoder* is for texts that are there already, such as a review to be judged or a
# sentence to be tagged. There every token may look at every other, on both sides.
#
# But then "guess the next token" is no exercise: the answer is in sight. BERT (Devlin et
# al. 2019) hides some tokens instead, and asks which they were. Everybody sees everything
# except what is asked for.
#
# This walkthrough trains such a model on the Python language reference, compares it with
# counting, and then asks what its vectors are good for: **one vector per token, or one
# for the input?** As a whole it takes about two minutes on one core. With `--quick` it
# stops after some seconds, and weaker claims hold.

# %%
import argparse
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from minillm import functional as F
from minillm.cli.draw import bars, curve
from minillm.data import MaskedWindows, keep_paragraphs_once, split_tail, tour_text
from minillm.data.objectives import mask_tokens
from minillm.layers import Linear
from minillm.models import EncoderConfig, MaskedLanguageModel
from minillm.tokenizers import BPETokenizer
from minillm.training import (
    AdamW,
    Flat,
    MaskedTokens,
    Progress,
    Trainer,
    TrainerSettings,
    WarmupCosine,
    keep_freed_memory,
)

parser = argparse.ArgumentParser(description="Train a masked language model.")
parser.add_argument("--quick", action="store_true", help="train for seconds, not minutes")
parser.add_argument("--seed", type=int, default=0)
options, _ = parser.parse_known_args()  # a notebook has arguments of its own
seed = options.seed
keep_freed_memory()
print("seed", seed)

# %% [markdown]
# ## 1. The text, and one token more
#
# The text and its split are those of walkthrough 07. The tokenizer learns one *special
# token* besides, `[MASK]`, which no text contains. It stands where something is hidden.

# %%
text = split_tail(keep_paragraphs_once(tour_text()))
tokenizer = BPETokenizer.train(text.train, vocab_size=1024, special_tokens=("[MASK]",))
mask_id = tokenizer.special_tokens["[MASK]"]
train_ids = np.array(tokenizer.encode(text.train))
valid_ids = np.array(tokenizer.encode(text.valid))

print(f"{tokenizer.vocab_size} different tokens")
print(f"{len(train_ids):,} tokens in training, {len(valid_ids):,} held out")
assert mask_id not in train_ids and mask_id not in valid_ids

# %% [markdown]
# ## 2. The exercise
#
# Of each window a share of the places is *chosen*: these are the targets, and all others
# are IGNORED by the loss. A chosen token is mostly replaced by `[MASK]` (80 %), but
# sometimes by a random token (10 %), and sometimes it stays (10 %). Why not always the
# mask? Because real texts hold no masks. A model that is asked at masks only may say
# nothing useful anywhere else.
#
# BERT chose 15 %. We choose 30 %: more questions in each window, so more is learned in a
# minute. (Wettig et al. 2023 found 40 % better than 15 % for large models.)

# %%
seq_len, batch_size = 32, 32
windows = MaskedWindows(
    train_ids,
    seq_len,
    batch_size,
    seed=seed,
    mask_id=mask_id,
    special_ids=[mask_id],
    vocab_size=tokenizer.vocab_size,
    rate=0.3,
)
inputs, targets, mask = windows.batch(0)

chosen = targets != F.IGNORED
print("the model reads  ", repr(tokenizer.decode(inputs[0])))
print("and is asked for ", [tokenizer.decode([i]) for i in targets[0][chosen[0]]])
hidden = (inputs[chosen] == mask_id).mean()
kept = (inputs[chosen] == targets[chosen]).mean()
print(f"chosen {chosen.mean():.0%}; of these hidden {hidden:.0%}, kept {kept:.0%}")
assert abs(chosen.mean() - 0.3) < 0.02
assert abs(hidden - 0.8) < 0.1 and abs(kept - 0.1) < 0.1
assert mask.all()  # True = a token, not padding; windows of a long text have none

# %% [markdown]
# ## 3. The model
#
# An `EncoderOnly` is the stack of blocks of walkthrough 06, without the causal mask. Its
# result is a vector h for each token. The head on top turns each vector once more and
# compares it with all rows of the embedding E:
#
#     h      = encoder(ids)                      (batch, seq_len, d_model)
#     t      = layer_norm(gelu(h W + b))
#     logits = t E^T + c                         (batch, seq_len, vocab_size)
#
# BERT learned a vector for each position, and normalised behind each block. We take
# rotary positions and norms inside the branches. With learned positions this small model
# still knew no more than the unigram after 1,500 steps; with rotary ones, by which a
# neighbour is a neighbour wherever both stand, it had left the unigram behind after 500.

# %%
config = EncoderConfig(
    vocab_size=tokenizer.vocab_size,
    max_seq_len=seq_len,
    d_model=96,
    n_layers=2,
    n_heads=4,
    positions="rotary",
    block="pre_norm",
    embed_norm="none",
    activation="gelu",
    dropout=0.1,
)
model = MaskedLanguageModel(config, rng=np.random.default_rng(seed))

logits, _ = model(inputs, mask)
print(f"{model.n_parameters():,} parameters; ids {inputs.shape} -> logits {logits.shape}")
assert logits.shape == (batch_size, seq_len, config.vocab_size)

# %% [markdown]
# Does the first token really see the last one? Change the last, and look at the first.

# %%
other = inputs.copy()
other[:, -1] = (other[:, -1] + 1) % config.vocab_size
change = np.abs(model.encoder(other)[0] - model.encoder(inputs)[0]).max(-1)

print(
    f"another last token changes the first token's vector by up to {change[:, 0].max():.3f}"
)
assert (change > 0).all()  # every token's vector, in every window

# %% [markdown]
# ## 4. Train

# %%
steps = 300 if options.quick else 2000
progress = Progress(steps)
trainer = Trainer(
    model,
    MaskedTokens(),
    windows.batch,
    AdamW(Flat(model), betas=(0.9, 0.99), weight_decay=0.1),
    WarmupCosine(6e-3, round(0.03 * steps), steps),
    TrainerSettings(steps=steps, seed=seed),
    progress=progress,
)
losses = [trainer.train_step() for _ in range(steps)]
progress.close()

print("loss in nats per hidden token")
print(curve(losses))
assert np.mean(losses[-50:]) < np.mean(losses[:50]) - (0.5 if options.quick else 2)

# %% [markdown]
# The loss rests on a shelf before it falls. On the shelf the model knows how frequent
# tokens are, and nothing else. To leave it, attention has to find the neighbours, *and*
# the layers above have to know what to do with them. Each alone brings nothing.
#
# ## 5. Is that good? Ask those who count
#
# In held-out windows 15 % of the tokens are hidden, all of them behind `[MASK]`, and each
# contestant has one guess for each:
#
# * the **unigram** always says the most frequent token of the training text;
# * **one neighbour**: what stood most often after the token on the left, or before the
#   token on the right, whichever is the surer;
# * **both neighbours**: what stood most often between these two; where the training text
#   does not have the two, as with one.
#
# All read the same masked windows. A neighbour that is hidden too tells nothing.

# %%
n_rows = len(valid_ids) // seq_len
originals = valid_ids[: n_rows * seq_len].reshape(n_rows, seq_len)
_, answers = mask_tokens(
    originals,
    mask_id=mask_id,
    special_ids=[mask_id],
    vocab_size=config.vocab_size,
    rng=np.random.default_rng(seed),
)
asked = answers != F.IGNORED
masked = np.where(asked, mask_id, originals)

print(f"{asked.sum():,} tokens are hidden in {n_rows} windows")
assert abs(asked.mean() - 0.15) < 0.01
assert (masked[~asked] == originals[~asked]).all()


# %%
def most_frequent(counts):
    """(its share, the token)"""
    token, n = counts.most_common(1)[0]
    return n / counts.total(), token


after, before, between = defaultdict(Counter), defaultdict(Counter), defaultdict(Counter)
for left, middle, right in zip(train_ids, train_ids[1:], train_ids[2:], strict=False):
    after[left][middle] += 1
    before[right][middle] += 1
    between[left, right][middle] += 1
unigram = most_frequent(Counter(train_ids.tolist()))


def guess_by_counting(left, right):
    """The guesses of the unigram, of one neighbour and of both."""
    known = [counts for counts in (after.get(left), before.get(right)) if counts]
    one = max(map(most_frequent, known), default=unigram)
    pair = between.get((left, right))
    return unigram[1], one[1], (most_frequent(pair) if pair else one)[1]


def neighbours(rows, i, t):
    return (
        rows[i, t - 1] if t > 0 else None,
        rows[i, t + 1] if t + 1 < seq_len else None,
    )


def accuracy_of_counting(rows):
    places = np.argwhere(asked)
    guesses = np.array([guess_by_counting(*neighbours(rows, i, t)) for i, t in places])
    return (guesses == answers[asked][:, None]).mean(0)


def predict(rows):
    """Logits for all rows, some at a time."""
    return np.concatenate([model(part)[0] for part in np.array_split(rows, 8)])


names = "unigram", "one neighbour", "both neighbours"
accuracy = dict(zip(names, accuracy_of_counting(masked), strict=True))
shown = dict(zip(names, accuracy_of_counting(originals), strict=True))
predicted = predict(masked)
accuracy["this model"] = (predicted.argmax(-1) == answers)[asked].mean()

print("right guesses for hidden tokens:")
print(bars(list(accuracy), [100 * x for x in accuracy.values()]))
print("in percent. If the counters were shown their neighbours even where these are")
print("hidden:", {name: f"{100 * x:.1f}" for name, x in shown.items()})
assert accuracy["this model"] > accuracy["unigram"] + (0.02 if options.quick else 0.2)
if not options.quick:
    assert accuracy["this model"] > accuracy["one neighbour"] + 0.08
    assert accuracy["this model"] > accuracy["both neighbours"] - 0.03

# %% [markdown]
# In full the model is far above anybody who looks at one neighbour, so it uses both sides.
# It is about as good as a table of what stood between any two tokens, and in another way.
# Where the two neighbours met in training, the table is hard to beat: this manual repeats
# itself. Where they never met, the table has nothing to say. Look at the two apart.

# %%
places = np.argwhere(asked)
new = np.array([neighbours(masked, i, t) not in between for i, t in places])
right = (predicted.argmax(-1) == answers)[asked]
counted = np.array([guess_by_counting(*neighbours(masked, i, t))[2] for i, t in places])
counted_right = counted == answers[asked]

print(f"the table has {len(between):,} entries")
print(f"neighbours that training shows together ({(~new).mean():.0%} of the places):")
print(
    f"    counting {counted_right[~new].mean():.1%}    this model {right[~new].mean():.1%}"
)
print(f"neighbours that never met ({new.mean():.0%}):")
print(f"    counting {counted_right[new].mean():.1%}    this model {right[new].mean():.1%}")
assert 0.2 < new.mean() < 0.8
if not options.quick:
    assert right[new].mean() > counted_right[new].mean() + 0.03

# %% [markdown]
# ## 6. What it would put there
#
# The guess is a distribution over the whole vocabulary, as in walkthrough 07, but with
# both sides in view.

# %%
probabilities, _ = F.softmax(predicted)
ranked = np.argsort(-probabilities, -1)

for i in range(3):
    t = np.flatnonzero(asked[i])[1]
    tokens = [tokenizer.decode([token]) for token in masked[i]]
    print(
        repr("".join(tokens[max(0, t - 8) : t])),
        "[?]",
        repr("".join(tokens[t + 1 : t + 9])),
    )
    for token in ranked[i, t, :5]:
        hit = "<- it was this" if token == answers[i, t] else ""
        print(f"    {probabilities[i, t, token]:6.1%} {tokenizer.decode([token])!r} {hit}")
top_five = (ranked[..., :5] == answers[..., None]).any(-1)[asked].mean()
print(f"the hidden token is the best guess in {right.mean():.1%} of the places,")
print(f"and among the five best in {top_five:.1%}")
assert np.allclose(probabilities.sum(-1), 1, atol=1e-4)
assert top_five > right.mean() + 0.05

# %% [markdown]
# ## 7. One vector per token, or one for the input?
#
# Both, and they are different things with different uses.
#
# There were vectors before there were transformers: the row of a token in the embedding E
# (walkthrough 03). It is *static*: wherever " the" stands, its vector is the same. What
# the encoder gives is *contextual*: one vector for each token *in its place*. And where a
# question is about the text as a whole, the vectors have to become one: this is *pooling*.

# %%
E = model.encoder.vocabulary.token_embed.weight.data
h, _ = model.encoder(originals[:batch_size])
static = E[originals[:batch_size]]
pooled_mean, pooled_first = h.mean(1), h[:, 0]

print("static      ", static.shape, "   (batch, seq_len, d_model): a look into a table")
print("contextual  ", h.shape, "   (batch, seq_len, d_model): after reading")
print("mean of it  ", pooled_mean.shape, "       (batch, d_model): one for the input")
print(
    "first of it ", pooled_first.shape, "       (batch, d_model): what BERT does, at [CLS]"
)
assert static.shape == h.shape == (batch_size, seq_len, config.d_model)
assert pooled_mean.shape == pooled_first.shape == (batch_size, config.d_model)

# %% [markdown]
# One token in all its places. Between two static vectors of it the cosine is 1. Between
# its contextual ones it is not.

# %%
common = tokenizer.encode(" the")[0]


def encode(ids):
    """Windows of 32 tokens, and the final vector of each token."""
    rows = ids[: len(ids) // seq_len * seq_len].reshape(-1, seq_len)
    return rows, np.concatenate(
        [model.encoder(part)[0] for part in np.array_split(rows, 32)]
    )


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


train_rows, train_h = encode(
    train_ids[: len(train_ids) // 2] if options.quick else train_ids
)
valid_rows, valid_h = encode(valid_ids)
some = unit(valid_h[valid_rows == common][:200])
cosines = (some @ some.T)[np.triu_indices(len(some), 1)]

print(f"{tokenizer.decode([common])!r} in {len(some)} places: cosines of its vectors")
print(f"from {cosines.min():.2f} to {cosines.max():.2f}, on average {cosines.mean():.2f}")
assert cosines.mean() < (0.99 if options.quick else 0.95)

# %% [markdown]
# ### What does the vector of a token know?
#
# A **probe** answers that. Freeze the model, take its vectors, and train a linear
# classifier on them, nothing more. What the probe can read is in the vector. (What it
# cannot read may be there in another form.)
#
# First question, about " the" alone: *which token stands to its left?* We take the eight
# most frequent ones, and give the probe nothing but the vector of " the". The static
# vector is always the same, so whatever the probe learns it has one answer for all, and
# the best it can do is the most frequent one. The vector of the model before training is
# a third contestant: attention mixes tokens even with random weights.


# %%
def probe(x, y, x_test, y_test, n_classes, n_steps=300):
    """The held-out accuracy of a linear classifier of vectors x (n, d_model)."""
    mu, sigma = x.mean(0), x.std(0) + 1e-6
    linear = Linear(x.shape[1], n_classes, rng=np.random.default_rng(seed))
    optimizer = AdamW(Flat(linear), weight_decay=0.01)
    for step in range(n_steps):
        logits, linear_backward = linear((x - mu) / sigma)
        _, loss_backward = F.cross_entropy(logits, y)
        optimizer.theta.grad[...] = 0
        linear_backward(loss_backward())
        optimizer.step(0.03 * (1 - step / n_steps))
    logits, _ = linear((x_test - mu) / sigma)
    return (logits.argmax(-1) == y_test).mean()


def after_a_neighbour(rows, vectors, classes):
    """Vectors of " the" in its places, and which class stands to the left."""
    i, t = np.nonzero(rows[:, 1:] == common)
    left = rows[i, t]
    among = np.isin(left, classes)
    return vectors[i, t + 1][among], np.searchsorted(classes, left[among])


lefts = Counter(train_ids[:-1][train_ids[1:] == common].tolist())
classes = np.sort([token for token, _ in lefts.most_common(8)])
fresh = MaskedLanguageModel(config, rng=np.random.default_rng(seed))


def ask_for_the_left_neighbour(vectors_of):
    x, y = after_a_neighbour(train_rows, vectors_of(train_rows), classes)
    x_test, y_test = after_a_neighbour(valid_rows, vectors_of(valid_rows), classes)
    majority = (y_test == np.bincount(y).argmax()).mean()
    return probe(x, y, x_test, y_test, 8), majority


def in_parts(encoder):
    """ids -> final vectors, some rows at a time."""
    return lambda rows: np.concatenate([encoder(r)[0] for r in np.array_split(rows, 32)])


left_static, majority = ask_for_the_left_neighbour(lambda rows: E[rows])
left_fresh, _ = ask_for_the_left_neighbour(in_parts(fresh.encoder))
left_contextual, _ = ask_for_the_left_neighbour(in_parts(model.encoder))

print("left of", repr(tokenizer.decode([common])), [tokenizer.decode([c]) for c in classes])
print("right answers of the probe, in percent:")
found = {
    "the majority": majority,
    "static": left_static,
    "untrained encoder": left_fresh,
    "trained encoder": left_contextual,
}
print(bars(list(found), [100 * x for x in found.values()]))
assert left_static == majority  # to the last example: one vector, one answer
assert left_contextual > max(majority, left_fresh) + (0.1 if options.quick else 0.3)

# %% [markdown]
# The final vector of " the" tells what stands beside " the". That is what a tagger needs:
# one vector for each token, and the context already in it.
#
# The untrained encoder mixes its tokens too. But it mixes each with all others alike, and
# of that the probe can make little use on new text. Training has sorted it.
#
# ### What is hidden here?
#
# Second question: at a `[MASK]`, is what was hidden the *beginning of a word*, or its
# continuation? (In our tokens, words begin with a space.) The static vector of `[MASK]`
# again says the same for all; the model's answer has to come from what it has
# understood of both sides.

# %%
begins = np.array([tokenizer.decode([i]).startswith(" ") for i in range(config.vocab_size)])


def hide(rows):
    """The rows with hidden tokens, and the places and tokens that were hidden."""
    _, hidden = mask_tokens(
        rows,
        mask_id=mask_id,
        special_ids=[mask_id],
        vocab_size=config.vocab_size,
        rng=np.random.default_rng(seed),
    )
    return np.where(hidden == F.IGNORED, rows, mask_id), hidden


def ask_for_beginnings(encoder):
    (hidden_train, to_learn), (hidden_test, to_say) = hide(train_rows), hide(valid_rows)
    at_train, at_test = to_learn != F.IGNORED, to_say != F.IGNORED
    y, y_test = begins[to_learn[at_train]].astype(int), begins[to_say[at_test]].astype(int)
    x, x_test = (
        in_parts(encoder)(rows)[at]
        for rows, at in ((hidden_train, at_train), (hidden_test, at_test))
    )
    return probe(x, y, x_test, y_test, 2), (y_test == np.bincount(y).argmax()).mean()


word_fresh, majority = ask_for_beginnings(fresh.encoder)
word_trained, _ = ask_for_beginnings(model.encoder)

print("does the hidden token begin a word? Right answers, in percent:")
found = {
    "the majority": majority,
    "untrained encoder": word_fresh,
    "trained encoder": word_trained,
}
print(bars(list(found), [100 * x for x in found.values()]))
assert word_trained > majority + (0 if options.quick else 0.15)
if not options.quick:
    assert word_trained > word_fresh + 0.03

# %% [markdown]
# ### What does one vector know of the whole input?
#
# Third question, about a window as a whole: *where in the manual does it come from*? We
# cut the training text into eight chapters of equal length, and hold out every fifth
# window. The answer is a matter of the theme, so no single token has it, but all together
# do. The probe is given one vector: that of the first token, that of the token in the
# middle, or the mean of all; and the mean of the static vectors, which is a bag of words.

# %%
n_chapters = 8
chapter = np.arange(len(train_rows)) * n_chapters // len(train_rows)
test = np.arange(len(train_rows)) % 5 == 0


def ask_for_the_chapter(x):
    return probe(x[~test], chapter[~test], x[test], chapter[test], n_chapters)


found = {
    "chance": 1 / n_chapters,
    "first token": ask_for_the_chapter(train_h[:, 0]),
    "middle token": ask_for_the_chapter(train_h[:, seq_len // 2]),
    "mean of static": ask_for_the_chapter(E[train_rows].mean(1)),
    "mean of all": ask_for_the_chapter(train_h.mean(1)),
}
print("which of eight chapters? Right answers of the probe, in percent:")
print(bars(list(found), [100 * x for x in found.values()]))
one_token = max(found["first token"], found["middle token"])
assert found["mean of all"] > one_token + 0.08
assert one_token > found["chance"] + 0.03

# %%
try:
    from matplotlib.figure import Figure
except ImportError:
    print("matplotlib is not installed, so no picture is saved")
else:
    figure = Figure(figsize=(10, 4), layout="constrained")
    left_axes, right_axes = figure.subplots(1, 2)
    left_axes.plot(range(1, steps + 1), losses, lw=0.6)
    left_axes.set(xlabel="step", ylabel="nats per hidden token", title="leaving the shelf")
    right_axes.bar(list(accuracy), [100 * x for x in accuracy.values()])
    right_axes.set(ylabel="right guesses, percent", title="which token was hidden?")
    Path("pictures").mkdir(exist_ok=True)
    figure.savefig("pictures/10_masked_language_model.png")
    print("saved pictures/10_masked_language_model.png")

# %% [markdown]
# The mean says about twice as much as any single token. And a bag of words says as much as
# the mean of contextual vectors: a theme is a matter of words, not of their order. Where
# order decides, as in "not good", it is not enough (walkthrough 11).
#
# So the answer to the question is:
#
# * **One vector per token**, `(batch, seq_len, d_model)`, is what the encoder gives. It
#   knows the token *and* its surroundings. Use it where each token needs an answer:
#   tagging, finding an answer in a text, guessing a hidden word.
# * **One vector for the input**, `(batch, d_model)`, is what pooling makes of it. Use it
#   where the text needs an answer: classification, search. The mean is a good start
#   without any training. A single token's vector is not, as we saw; BERT's [CLS] works
#   because it is *trained* to gather what the classifier asks for (walkthrough 11).
# * **One vector per word, for ever**, `(vocab_size, d_model)`, is the embedding: the input
#   of it all, and no answer to any question about a context.
#
# ## What to keep
#
# * Hide some tokens and ask for them: so an encoder learns from text without labels.
# * It looks at both sides, and so cannot write: it has never learned to go on from a
#   beginning.
# * A score needs its counters beside it: here those who look at one neighbour, and at two.
# * Probes say what a vector holds. Give them a majority, a static and an untrained
#   contestant, or they will flatter.
#
# Walkthrough 11 gives the encoder a task.
