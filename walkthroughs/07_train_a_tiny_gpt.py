# %% [markdown]
# # 7. Train a tiny GPT
#
# All parts are on the table: tokens (02), vectors (03), attention (04, 05), the block
# (06). Now we put them together, and teach them to write. The model will be tiny, 133,000
# numbers where GPT-3 has 175 billion. But it is the same machine, and it learns by the
# same loop:
#
# 1. show it some text, and let it give every next token a probability;
# 2. measure how surprised it was by the token that really came;
# 3. ask every number in it how to be less surprised, and move it a little.
#
# It learns from the Python language reference, which comes with Python. As a whole this
# takes a minute or two on two cores. With `--quick` it stops after some seconds, and a
# weaker claim holds at the end.

# %%
import argparse
import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from minillm import functional as F
from minillm.cli.draw import attention_map, bars, curve
from minillm.data import (
    Windows,
    evaluation_windows,
    keep_paragraphs_once,
    split_tail,
    tour_text,
)
from minillm.evaluation import bits_per_byte, token_baselines
from minillm.generation import generate
from minillm.layers import Linear
from minillm.models import DecoderConfig, DecoderOnly
from minillm.tokenizers import BPETokenizer
from minillm.training import (
    SGD,
    AdamW,
    BatchGradient,
    Constant,
    Flat,
    NextToken,
    Noam,
    Progress,
    Trainer,
    TrainerSettings,
    WarmupCosine,
    blas_threads,
    clip_by_global_norm,
    mean_loss,
)

parser = argparse.ArgumentParser(description="Train a tiny GPT.")
parser.add_argument("--quick", action="store_true", help="train for seconds, not minutes")
parser.add_argument("--seed", type=int, default=0)
options, _ = parser.parse_known_args()  # a notebook has arguments of its own
seed = options.seed

# %% [markdown]
# ## 1. The text, in two parts
#
# A model is judged by text that it has not seen. So we hold out the last tenth. The
# manual quotes itself a lot; paragraphs that repeat are kept once, and held-out lines
# that training shows are dropped. Otherwise we would praise a good memory.

# %%
text = split_tail(keep_paragraphs_once(tour_text()))
tokenizer = BPETokenizer.train(text.train, vocab_size=512)
train_ids = np.array(tokenizer.encode(text.train))
valid_ids = np.array(tokenizer.encode(text.valid))

for name, part, ids in ("train", text.train, train_ids), ("valid", text.valid, valid_ids):
    print(f"{name}: {len(part):>7,} characters, {len(ids):>7,} tokens")
long_lines = {line.strip() for line in text.valid.split("\n") if len(line.strip()) >= 40}
assert len(long_lines) > 100
assert not any(line in text.train for line in long_lines)

# %% [markdown]
# ## 2. Windows: the target is the input, one later
#
# The model reads `seq_len` tokens at a time, a *window*. At every position it is asked for
# the next token. So the targets are the same text, shifted by one:

# %%
seq_len, batch_size = 64, 16
windows = Windows(train_ids, seq_len, batch_size, seed=seed)
inputs, targets = windows.batch(0)

for t in range(6):
    so_far, following = map(tokenizer.decode, (inputs[0, : t + 1], targets[0, [t]]))
    print(f"position {t}: having read {so_far!r:30} expect {following!r}")
assert inputs.shape == targets.shape == (batch_size, seq_len)
assert np.array_equal(targets[:, :-1], inputs[:, 1:])

# %% [markdown]
# One window is 64 exercises, with contexts of 1 to 64 tokens. They are done at once
# because the causal mask (05) hides the answers. A batch of 16 windows is 1,024
# exercises.
#
# ## 3. What you choose, and what is learned
#
# A **parameter** is a number that training finds: the weights and biases. A
# **hyperparameter** is a choice that *you* make before training begins, such as these:

# %%
steps = 300 if options.quick else 2400
learning_rate, warmup_steps = 4e-3, round(0.03 * steps)

config = DecoderConfig(
    vocab_size=tokenizer.vocab_size,
    max_seq_len=seq_len,  # the context window
    d_model=64,  # the hidden size: how long the vector of a token is
    n_layers=2,  # blocks on top of each other
    n_heads=4,  # attention heads in each block
    positions="sinusoidal",  # those of walkthrough 03: fixed, nothing to learn
    dropout=0.1,  # the share of numbers that training hides at random
)
model = DecoderOnly(config, rng=np.random.default_rng(seed))

print(f"""
heads         {config.n_heads:>6}        batch         {batch_size:>6} windows
hidden size   {config.d_model:>6}        steps         {steps:>6}
layers        {config.n_layers:>6}        warm-up steps {warmup_steps:>6}
context       {seq_len:>6} tokens learning rate {learning_rate:>6}
vocabulary    {config.vocab_size:>6} tokens dropout rate  {config.dropout:>6}""")
assert config.d_model % config.n_heads == 0  # each head has its share of the vector

# %% [markdown]
# How many parameters is that? Count with a pencil, writing d for the hidden size:
#
#     token embedding     vocabulary d          also used as the output layer ("tied")
#     each block:
#       attention         4 (d d + d)           q, k, v and output: weights and biases
#       feed-forward      d 4d + 4d + 4d d + d  up, and down again
#       two layer norms   2 (d + d)             gain and bias
#     last layer norm     d + d

# %%
d = config.d_model
attention = 4 * (d * d + d)
feed_forward = d * 4 * d + 4 * d + 4 * d * d + d
parts = {
    "token embedding": config.vocab_size * d,
    "attention": config.n_layers * attention,
    "feed-forward": config.n_layers * feed_forward,
    "layer norms": config.n_layers * 2 * 2 * d + 2 * d,
}
print("thousands of parameters")
print(bars(list(parts), [n / 1000 for n in parts.values()]))
print(f"{sum(parts.values()):,} parameters by hand, {model.n_parameters():,} in the model")
assert sum(parts.values()) == model.n_parameters()

by_kind = {"weights": 0, "biases": 0, "norm gains and biases": 0}
for name, parameter in model.named_parameters():
    kind = "biases" if name.endswith("bias") else "weights"
    kind = "norm gains and biases" if "norm" in name else kind
    by_kind[kind] += parameter.data.size
print(by_kind)
assert by_kind["weights"] > 0.98 * model.n_parameters()

# %% [markdown]
# ## 4. What a model says before it has learned anything
#
# The loss is the mean of -ln p, p being the probability that the model gave the token
# that really came. It is measured in *nats*, and it is never below 0. Whoever thinks all
# V tokens equally likely has a loss of ln V.
#
# A fresh model is a little worse than that. Its logits are not all equal, they are random
# numbers, and being randomly sure of something costs. How much? Let the logits be normal,
# with mean 0 and variance 1:
#
#     loss = ln(sum_j exp(z_j)) - z_target
#          = ln(V mean(exp(z))) - 0             on average, for large V
#          = ln(V exp(1/2))                     the mean of exp(z) is exp(variance / 2)
#          = ln V + 1/2
#
# Are they? The last layer norm gives the vector x length sqrt(d), and an output layer W
# whose entries have variance 1/d makes of it logits x W of variance 1. So the theory fits
# a model with an output layer of its own:

# %%
untied = DecoderOnly(replace(config, vocabulary="untied"), rng=np.random.default_rng(seed))
expected = math.log(config.vocab_size) + 1 / 2
start, _ = F.cross_entropy(untied(inputs)[0], targets)

print(f"ln V = {expected - 0.5:.3f}    ln V + 1/2 = {expected:.3f}    measured {start:.3f}")
assert abs(start - expected) < 0.25  # one draw of W strays from the mean by about 0.07

# %% [markdown]
# Our model is tied: the vector that *says* a token at the input *scores* it at the output.
# What went in is still in the residual stream, so the fresh model's best guess for the
# next token is: the same again. It has to unlearn that, and starts a little higher.

# %%
logits, _ = model(inputs)
start, _ = F.cross_entropy(logits, targets)
echoes = (logits.argmax(-1) == inputs).mean()

print(f"tied: loss {start:.3f}, and in {echoes:.0%} of all places it says 'the same again'")
print(f"in the text that is right in {(targets == inputs).mean():.0%}")
assert expected < start < expected + 1
assert echoes > 0.9

# %% [markdown]
# ## 5. One training step, by hand
#
# No Trainer yet. Here is everything that happens in a step, in the order in which it
# happens.
#
# `Flat` lines up all parameters as one long vector theta, and their gradients as another.

# %%
theta = Flat(model)
theta_before = theta.data.copy()
dropout_rng = F.Draws(seed, step=0, examples=range(batch_size))

with blas_threads(1):  # as the Trainer does, so that both round alike
    # forward
    logits, model_backward = model(inputs, dropout_rng)
    loss, loss_backward = F.cross_entropy(logits, targets)
    # backward: from the loss to the logits, from there to every parameter
    theta.grad[...] = 0
    model_backward(loss_backward())
g = theta.grad

print(f"theta: {theta.data.size:,} numbers    gradient: {g.size:,} numbers")
print(f"loss {loss:.3f}: to a typical right token it gave p = {math.exp(-loss):.5f}")
assert g.size == model.n_parameters()

# %% [markdown]
# **Clip.** All gradients together are one vector. Where it is longer than 1 it is
# shortened to 1, and keeps its direction, so that no strange batch throws the model off
# course.


# %%
def clip(g, limit):
    norm = np.sqrt(g @ g)
    return g * min(1, limit / norm)


norm = np.sqrt(g @ g)
strange = clip(10 * g, limit=1)
g = clip(g, limit=1)

print(f"length of the gradient: {norm:.3f}, and clipped: {np.sqrt(g @ g):.3f}")
print(f"had it been {10 * norm:.3f}, it would be {np.sqrt(strange @ strange):.3f}")
assert np.isclose(np.sqrt(g @ g), min(1, norm), rtol=1e-4)
assert np.isclose(np.sqrt(strange @ strange), 1, rtol=1e-4)
assert np.allclose(strange, g / np.sqrt(g @ g), atol=1e-6)  # the direction is the same

same = 10 * theta.grad
clip_by_global_norm(same, limit=1)  # the library's, in place
assert np.allclose(same, strange, atol=1e-6)

# %% [markdown]
# **The learning rate** of this step. It warms up in a straight line, then falls along
# half a cosine. AdamW, coming next, goes by averages, and at first they rest on a handful
# of batches. So the first steps are short.

# %%
schedule = WarmupCosine(learning_rate, warmup_steps, steps)
lr = schedule(1)

print(curve([schedule(step) for step in range(1, steps + 1)], height=6))
print(f"the first step has lr = {lr:.6f} = {learning_rate} / {warmup_steps}")
assert math.isclose(lr, learning_rate / warmup_steps)

# %% [markdown]
# The half cosine has to know when training will end. The first Transformer had another
# schedule, named **Noam**, which need not: it falls with the root of the step, for ever. A
# **constant** rate is a schedule too.

# %%
noam = Noam(config.d_model, warmup_steps)
peak = 1 / math.sqrt(config.d_model * warmup_steps)

print(curve([noam(step) for step in range(1, steps + 1)], height=6))
assert max(range(1, steps + 1), key=noam) == warmup_steps
assert math.isclose(noam(warmup_steps), peak)
assert math.isclose(noam(4 * warmup_steps), peak / 2)  # four times later, half as much
assert Constant(learning_rate)(1) == Constant(learning_rate)(steps) == learning_rate

# %% [markdown]
# **AdamW** keeps two averages for every number: `m` of its gradients and `v` of their
# squares. They begin at 0 and are therefore too small at first; the hats correct that.
# Weights of linear maps also shrink a little, towards 0 (weight decay); embeddings, norms
# and biases do not. In `Flat` the shrinking ones come first.

# %%
beta1, beta2, eps, weight_decay, t = 0.9, 0.99, 1e-8, 0.1, 1

m = (1 - beta1) * g
v = (1 - beta2) * g * g
m_hat = m / (1 - beta1**t)
v_hat = v / (1 - beta2**t)
decay = np.zeros_like(theta.data)
decay[: theta.n_decayed] = weight_decay * theta.data[: theta.n_decayed]

theta.data[...] = theta.data - lr * (m_hat / (np.sqrt(v_hat) + eps) + decay)

again, _ = F.cross_entropy(model(inputs)[0], targets)
print(f"the same batch, asked again (without dropout): {start:.3f} before, {again:.3f} now")
assert again < start

# %% [markdown]
# Look at that first step once more. At t = 1 the hats leave `g / (|g| + eps)`, the *sign*
# of the gradient. So, weight decay aside, every number moved by the same amount, lr,
# however large its gradient was. This is what Adam means: it hears from each parameter
# which way, and learns over time how reliable that is.

# %%
moved = np.abs(theta.data - theta_before)[theta.n_decayed :] / lr

print(f"numbers that moved by lr to within 1 %: {np.mean(np.abs(moved - 1) < 0.01):.1%}")
assert np.mean(np.abs(moved - 1) < 0.01) > 0.98

# %% [markdown]
# Plain gradient descent, **SGD**, moves by lr times the gradient itself. It hears how loud
# each gradient is. Two numbers, one with a gradient 300 times that of the other:

# %%
loud_and_soft = np.array([3.0, -0.01], np.float32)


def first_step(optimizer, volume):
    """How far two weights move in a step with lr 1."""
    two = Flat(Linear(1, 2, bias=False, rng=np.random.default_rng(seed)))
    two.data[...], two.grad[...] = 0, volume * loud_and_soft
    optimizer(two).step(lr=1)
    return two.data


for optimizer in SGD, AdamW:
    moves = [first_step(optimizer, volume) for volume in (1, 10)]
    print(f"{optimizer.__name__:5} moves {moves[0]}, and all ten times as loud {moves[1]}")
    loudness = loud_and_soft if optimizer is SGD else np.sign(loud_and_soft)
    assert np.allclose(moves[0], -loudness, rtol=1e-5)
    assert np.allclose(moves[1], moves[0] * (10 if optimizer is SGD else 1), rtol=1e-5)

# %% [markdown]
# ## 6. The Trainer does the same
#
# It is given the same fresh model and takes one step. Then its vector is ours.


# %%
def new_trainer(model, threads, progress=None):
    return Trainer(
        model,
        NextToken(),
        windows.batch,
        AdamW(Flat(model), betas=(beta1, beta2), eps=eps, weight_decay=weight_decay),
        schedule,
        TrainerSettings(steps=steps, seed=seed, clip=1.0, threads=threads),
        progress=progress,
    )


twin = DecoderOnly(config, rng=np.random.default_rng(seed))
trainer = new_trainer(twin, threads=1)
its_theta = trainer.optimizer.theta.data
assert np.array_equal(its_theta, theta_before)

trainer.train_step()
difference = np.abs(its_theta - theta.data).max()
print(f"largest difference in {theta.data.size:,} numbers: {difference:.0e}")
assert difference < 1e-6 < 1e-5 < np.abs(theta.data - theta_before).max()

# %% [markdown]
# **In pieces.** A batch that does not fit into memory is cut into micro-batches, and their
# gradients are added up, each counting by its share of the targets. Threads, and machines,
# share out a batch in the same way. What dropout drops depends on the example and not on
# the cut, so the sum is the gradient of the whole, but for rounding:

# %%
batch = windows.batch(0)
gradients = {}
for n_pieces in (1, 4):
    in_pieces = BatchGradient(twin, trainer.optimizer.theta, accumulate=n_pieces)
    in_pieces(NextToken(), batch, dropout_rng)
    gradients[n_pieces] = trainer.optimizer.theta.grad.copy()

difference = np.abs(gradients[4] - gradients[1]).max()
print(f"4 pieces or 1: the largest difference is {difference:.0e}")
print(f"and the largest entry of the gradient {np.abs(gradients[1]).max():.0e}")
assert difference < 1e-5 * np.abs(gradients[1]).max()

# %% [markdown]
# ## 7. Before it has learned to write
#
# A prompt, and what the model adds to it. Each new token is drawn at random, by the
# probabilities that the model gives, and then read in its turn. (There are other ways to
# choose; they are the subject of walkthrough 08.)
#
# To have a number as well, we count the pairs of neighbours that occur in the manual too.

# %%
seen_pairs = set(pairwise(train_ids))


def write(prompt, n_tokens=250):
    """The ids of new tokens that continue the prompt."""
    rng, ids = np.random.default_rng(seed), tokenizer.encode(prompt)
    return [token.id for token in generate(model, ids, n_tokens, window=32, rng=rng)]


def share_of_seen_pairs(ids):
    """Of all neighbouring tokens: how many stand side by side in the training text?"""
    return np.mean([pair in seen_pairs for pair in pairwise(ids)])


def share_of_echoes(ids):
    """How many tokens are the same as the one before them?"""
    return np.mean([left == right for left, right in pairwise(ids)])


prompt = "The value of the "
model = DecoderOnly(config, rng=np.random.default_rng(seed))
written_before = write(prompt)
pairs_before, pairs_real = map(share_of_seen_pairs, (written_before, valid_ids))
echoes_before, echoes_real = map(share_of_echoes, (written_before, valid_ids))

print(prompt + tokenizer.decode(written_before))
print("\n                          fresh model   people")
print(f"pairs that the manual has {pairs_before:>11.0%} {pairs_real:>8.0%}")
print(f"the same token again      {echoes_before:>11.0%} {echoes_real:>8.0%}")
assert pairs_before < 0.25
assert echoes_before > 0.25

# %% [markdown]
# "The same again", as section 4 foretold. The signs � are halves of characters (02).
#
# ## 8. Train
#
# The loop of section 5, a few hundred or thousand times. (Two threads share each batch;
# their gradients are added up.) From time to time we ask for the loss on the held-out
# text.


# %%
def valid_loss(model):
    """Nats per token. Every held-out token is asked for once, without dropout."""
    ids = np.concatenate([train_ids[-1:], valid_ids])
    batches = (
        (x, np.where(weights > 0, y, F.IGNORED))
        for x, y, weights in evaluation_windows(ids, seq_len, batch_size)
    )
    return mean_loss(model, NextToken(), batches)


progress = Progress(steps)
trainer = new_trainer(model, threads=2, progress=progress)

losses, looks = [], {0: valid_loss(model)}
for step in range(1, steps + 1):
    losses.append(trainer.train_step())
    if step % (steps // 10) == 0:
        looks[step] = progress.valid_loss = valid_loss(model)
progress.close()

print("training loss, in nats per token")
print(curve(losses))
print("validation loss:", {step: round(loss, 2) for step, loss in looks.items()})
assert np.mean(losses[-30:]) < np.mean(losses[:30]) - 1
assert looks[steps] < looks[0] - 1

# %%
try:
    from matplotlib.figure import Figure
except ImportError:
    print("matplotlib is not installed, so no picture is saved")
else:
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(range(1, steps + 1), losses, lw=0.6, label="training, with dropout")
    axes.plot(list(looks), list(looks.values()), "o-", label="held-out text")
    axes.axhline(math.log(512), color="grey", ls=":", label="ln V: all tokens alike")
    axes.set(xlabel="step", ylabel="loss in nats per token", title="a tiny GPT learns")
    axes.legend()
    Path("pictures").mkdir(exist_ok=True)
    figure.savefig("pictures/07_loss.png")
    print("saved pictures/07_loss.png")

# %% [markdown]
# ## 9. Is that good?
#
# A loss by itself says little. Two questions help.
#
# *Compared with what?* With models that merely count. The **unigram** knows how often each
# token occurs, and nothing of its neighbours. The **interpolated bigram** knows which
# token follows which. Kneser-Ney's 5-gram, the best of the counters, looks back at four.
#
# *In which unit?* Nats per token depend on how long tokens are. Bits per byte do not:
#
#     bits per byte = nats per token x tokens / (ln 2 x bytes)

# %%
final_loss = looks[steps]
nats = token_baselines(train_ids, valid_ids, config.vocab_size)
nats["this model"] = final_loss
n_bytes = len(text.valid.encode())
bits = {name: bits_per_byte(x, len(valid_ids), n_bytes) for name, x in nats.items()}

print("nats per token:", {name: round(x, 3) for name, x in nats.items()})
print("\nbits per byte of held-out text:")
print(bars(["unigram", "bigram", "5-gram", "this model"], list(bits.values())))
assert bits["this model"] < bits["unigram"] - 0.5
if not options.quick:
    assert bits["this model"] < bits["interpolated bigram"] - 0.2

# %% [markdown]
# The model beats the unigram, so it uses context. Trained in full it beats the bigram, so
# it uses more of it than the last token. The 5-gram is still ahead. It stores every
# sequence that it ever saw, and this manual likes to repeat itself; our model has to make
# do with 133,000 numbers and a minute. `python -m minillm` trains a larger one.
#
# And how much of the text did it learn by heart? Compare its loss on text that it was
# trained on with its loss on text that it was not, both without dropout. The gap is
# called *overfitting*. It grows with the number of times the text is read; dropout and
# weight decay hold it back.

# %%
practised = mean_loss(model, NextToken(), [windows.batch(step) for step in range(16)])
epochs = steps * batch_size * seq_len / len(train_ids)

print(f"after reading the text {epochs:.1f} times:")
print(f"loss on text it was trained on {practised:.2f}, on new text {final_loss:.2f}")
assert practised < final_loss

# %% [markdown]
# ## 10. Now it writes
#
# The same prompt and the same dice as before.

# %%
written_after = write(prompt)
pairs_after = share_of_seen_pairs(written_after)

print(prompt + tokenizer.decode(written_after))
print(f"\npairs that the manual has: {pairs_before:.0%} before, {pairs_after:.0%} now")
print(f"(of all possible pairs it has {len(seen_pairs) / 512**2:.0%})")
assert pairs_after > 0.5

# %% [markdown]
# It does not know what it says. But it has found out that words exist, how they are
# spelled, which stand together, and how a manual breaks its lines, from nothing except
# "what comes next?".
#
# ## 11. A look inside
#
# Walkthrough 04 made attention maps by hand. These are learned. We ask two things of each
# head, on held-out text:
#
# * How choosy is it? The entropy of its weights is ln n if it looks at n tokens alike,
#   and 0 if it looks at one.
# * How much does it look at the token just before? Nobody told it to. But a token is
#   often a piece of a word, and then the piece before says a lot.

# %%
fresh = DecoderOnly(config, rng=np.random.default_rng(seed))
some_text = valid_ids[: 32 * seq_len].reshape(32, seq_len)


def attention_habits(model):
    """The entropy, and the weight on the token before, of each head: (layers, heads)."""
    maps = np.array(model.attention_maps(some_text))  # (layers, batch, heads, seq, seq)
    logs = np.log(maps, out=np.zeros_like(maps), where=maps > 0)
    entropy = -(maps * logs).sum(-1).mean((1, 3))
    one_back = np.diagonal(maps, -1, axis1=3, axis2=4).mean((1, 3))
    return entropy, one_back


for name, which in {"fresh": fresh, "trained": model}.items():
    entropy, one_back = attention_habits(which)
    print(
        f"{name:>7}: entropy {entropy.mean():.2f} nats, and one token back look the heads"
    )
    for layer, row in enumerate(one_back):
        print(f"         of layer {layer}: {', '.join(f'{weight:.0%}' for weight in row)}")
assert entropy.mean() < attention_habits(fresh)[0].mean() - 0.1
if not options.quick:  # some hundred steps are too few for this
    assert one_back.max() > attention_habits(fresh)[1].max() + 0.1

# %% [markdown]
# And here is the head that looks back most, on a sentence.

# %%
sentence = np.array([tokenizer.encode("The value of the expression is not a string.")])
layer, head = np.unravel_index(one_back.argmax(), one_back.shape)
weights = model.attention_maps(sentence)[layer][0, head]

print(f"layer {layer}, head {head}")
print(attention_map(weights, [tokenizer.decode([i]) for i in sentence[0]]))
assert not np.triu(weights, 1).any()  # the future is hidden
assert np.allclose(weights.sum(-1), 1, atol=1e-5)

# %% [markdown]
# ## What to keep
#
# * The exercise is always the same: guess the next token. The targets are the inputs, one
#   later.
# * Parameters are learned; hyperparameters are yours.
# * A step is forward, loss, backward, clip, update. A Trainer only repeats it.
# * Before you trust a loss, know where it should start, and what counting would reach.
# * Judge by text that was held out, in a unit that does not depend on the tokenizer.
#
# The model now gives a probability to every next token. How to make a text of them, and
# how to make a dull or a wild one, is walkthrough 08.
