# %% [markdown]
# # 8. Generation settings
#
# A language model does not write. It reads a text, and gives every token of its vocabulary
# a probability of being next. Writing is what we do with these numbers: choose a token,
# append it, ask again.
#
# *How* to choose is up to you, and it changes the text as much as the model does. Always
# the best? A fair draw? A draw among the better ones? The knobs are called temperature,
# top-k, top-p, min-p and repetition penalty. Here you see each of them turn, on one
# distribution, and then on whole texts.
#
# To have something to turn we first train the small model of walkthrough 07, for half a
# minute or so (a few seconds with `--quick`).

# %%
import argparse
import math
from pathlib import Path

import numpy as np

from minillm import functional as F
from minillm.cli.draw import bars, curve
from minillm.data import Windows, keep_paragraphs_once, split_tail, tour_text
from minillm.generation import (
    SamplingSettings,
    generate,
    greedy,
    min_p,
    probabilities,
    repetition_penalty,
    sample,
    temperature,
    top_k,
    top_p,
    top_p_at_most,
)
from minillm.models import DecoderConfig, DecoderOnly
from minillm.tokenizers import BPETokenizer
from minillm.training import (
    AdamW,
    Flat,
    NextToken,
    Progress,
    Trainer,
    TrainerSettings,
    WarmupCosine,
)

parser = argparse.ArgumentParser(description="Generation settings, seen and measured.")
parser.add_argument("--quick", action="store_true", help="train for seconds")
parser.add_argument("--seed", type=int, default=0)
options, _ = parser.parse_known_args()  # a notebook has arguments of its own
seed, steps = options.seed, 300 if options.quick else 1200

text = split_tail(keep_paragraphs_once(tour_text()))
tokenizer = BPETokenizer.train(text.train, vocab_size=512)
train_ids = np.array(tokenizer.encode(text.train))
valid_ids = np.array(tokenizer.encode(text.valid))
config = DecoderConfig(
    vocab_size=512,
    max_seq_len=64,
    d_model=64,
    n_layers=2,
    n_heads=4,
    positions="sinusoidal",
    dropout=0.1,
)
model = DecoderOnly(config, rng=np.random.default_rng(seed))
trainer = Trainer(
    model,
    NextToken(),
    Windows(train_ids, seq_len=64, batch_size=16, seed=seed).batch,
    AdamW(Flat(model), betas=(0.9, 0.99), weight_decay=0.1),
    WarmupCosine(4e-3, warmup_steps=round(0.03 * steps), total_steps=steps),
    TrainerSettings(steps=steps, seed=seed, threads=2),
    progress=Progress(steps),
)
trainer.run()
loss = trainer.history[-1]["loss"]
print(f"trained for {steps} steps, to a mean loss of {loss:.2f} nats per token on the way")
assert np.isfinite(loss) and loss < math.log(512)

# %% [markdown]
# ## 1. One distribution
#
# A **prompt** goes in. Out come the **logits**, a score for each token at each position;
# those of the last position are about the next token. A softmax makes probabilities of
# them.

# %%
prompt = "The value of the"
prompt_ids = np.array(tokenizer.encode(prompt))
logits = model(prompt_ids[None])[0][0, -1]
p = probabilities(logits)

names = [tokenizer.decode([i]) for i in range(512)]
best = np.argsort(-p)[:10]


def show(p):
    """The ten tokens that the model likes best, and what is left for all others."""
    print(bars([names[i] for i in best], p[best]))
    print(f"all others together: {max(0, 1 - p[best].sum()):.3f}")


print(f"after {prompt!r}:")
show(p)
assert p.shape == (512,) and np.isclose(p.sum(), 1)
assert np.array_equal(np.argsort(-logits)[:10], best)  # a softmax keeps the order

# %% [markdown]
# ## 2. Random sampling: take the model at its word
#
# Throw a 512-sided die that is loaded by p. If we throw it n times, how far may the
# observed frequency of a token be from its probability? Hoeffding (1963) says, for each
# token:
#
#     P(|frequency - p_i| >= t) <= 2 exp(-2 n t^2)
#
# We look at 512 tokens and want to be wrong once in a million runs. So we ask for
# 512 x 2 exp(-2 n t^2) = 1e-6, and solve for t.

# %%
n = 20_000
t = math.sqrt(math.log(2 * 512 / 1e-6) / (2 * n))
rng = np.random.default_rng(seed)
draws = sample(np.tile(p, (n, 1)), rng)
frequencies = np.bincount(draws, minlength=512) / n

for i in best[:5]:
    print(f"{names[i]!r:>10}: probability {p[i]:.4f}, drawn {frequencies[i]:.4f}")
largest = np.abs(frequencies - p).max()
print(f"largest difference among all 512 tokens: {largest:.4f} (allowed: {t:.4f})")
assert largest < t

# %% [markdown]
# ## 3. Greedy: always the best
#
# Greedy decoding needs no die. Every step is the most probable one, which sounds ideal.
# Read what comes out.


# %%
def write(settings, prompt=prompt, n_tokens=200, seed=seed):
    """The ids that continue the prompt."""
    rng, ids = np.random.default_rng(seed), np.array(tokenizer.encode(prompt))
    tokens = generate(model, ids, n_tokens, settings=settings, window=32, rng=rng)
    return [token.id for token in tokens]


always_best = SamplingSettings(temperature=0)
fair_draw = SamplingSettings()

print("greedy: ", repr(tokenizer.decode(write(always_best))))
print("sampled:", repr(tokenizer.decode(write(fair_draw))))
assert write(always_best, seed=1) == write(always_best, seed=2)  # no luck involved
assert write(fair_draw, seed=1) != write(fair_draw, seed=2)
assert write(fair_draw, seed=1) == write(fair_draw, seed=1)  # the seed decides

# %% [markdown]
# Greedy text goes in circles. What was just written becomes the context, and makes itself
# more likely. To measure it, count the runs of n tokens, and how many of them are
# different (Li et al. 2016):
#
#     distinct-n = different n-grams / all n-grams
#
# 1 is a text that never repeats itself. We take three prompts, to be fair.


# %%
def distinct(ids, n):
    ngrams = [tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)]
    return len(set(ngrams)) / len(ngrams)


assert distinct([1, 2, 1, 2, 1], n=2) == 2 / 4  # (1 2) (2 1) (1 2) (2 1)

prompts = ["The value of the", "If the object", "A class"]


def mean_distinct(settings, n):
    return np.mean([distinct(write(settings, prompt=p), n) for p in prompts])


print("            greedy  sampled")
for n in (1, 2, 3):
    of_greedy, of_sampled = mean_distinct(always_best, n), mean_distinct(fair_draw, n)
    print(f"distinct-{n}    {of_greedy:.2f}     {of_sampled:.2f}")
    assert of_greedy < of_sampled - 0.15

# %% [markdown]
# Is that a fault of our tiny model? Larger ones do it too, later and less crassly. The
# reason lies deeper: what people write is *not* the most probable text. It would carry no
# news. Holtzman et al. 2020 showed this for GPT-2; we can show it here. For each token of
# a text, ask the model how surprised it is (-ln p, in nats).


# %%
def surprise(ids):
    """Nats per token that the model needs for a text, in windows of 64 tokens."""
    ids = np.array(ids)[: len(ids) // 64 * 64].reshape(-1, 64)
    loss, _ = F.cross_entropy(model(ids[:, :-1])[0], ids[:, 1:])
    return float(loss)


surprises = {
    "greedy": surprise(write(always_best, n_tokens=640)),
    "sampled": surprise(write(fair_draw, n_tokens=640)),
    "by people": surprise(valid_ids[:6400]),
}
print("nats per token")
print(bars(list(surprises), list(surprises.values())))
assert surprises["greedy"] < 0.7 * surprises["by people"]
assert surprises["sampled"] > 0.8 * surprises["by people"]

# %% [markdown]
# People surprise the model about as much as its own fair draws do. Greedy text hardly
# surprises it at all. So we want to draw. But a fair draw has a fault as well: of 512
# tokens, hundreds are nonsense at any given place, each very unlikely, all together not
# unlikely enough. In 200 tokens some come up, and from then on the text is derailed. All
# other knobs seek a way between the two.
#
# ## 4. Temperature
#
# Divide the logits by T before the softmax:
#
#     p_i = exp(z_i / T) / sum_j exp(z_j / T)
#
# T below 1 sharpens, T above 1 flattens, T = 1 changes nothing. The order stays.

# %%
for T in (0.5, 1.0, 2.0):
    print(f"T = {T}")
    show(probabilities(temperature(logits, T)))
    print()
assert np.allclose(probabilities(temperature(logits, 1.0)), p, atol=1e-6)

# %% [markdown]
# How undecided a distribution is, its **entropy** tells: the surprise that it expects.
#
#     H = -sum_i p_i ln p_i         0 if one token has it all, ln 512 if all are alike
#
# It rises with T, always. For its slope is a variance, and a variance is never negative:
#
#     dH/dT = var(z) / T^3          z the logits, weighted by p
#
# (Derive it: d p_i / dT = -p_i (z_i - mean z) / T^2. It is four lines.)


# %%
def entropy(p):
    return float((p * np.log(1 / np.where(p > 0, p, 1))).sum())


z = logits.astype(np.float64)
temperatures = np.linspace(0.2, 4, 39)
entropies = [entropy(probabilities(temperature(z, T))) for T in temperatures]

print("entropy at temperatures from 0.2 to 4")
print(curve(entropies, height=8))
assert (np.diff(entropies) > 0).all()
for T in (0.5, 1.0, 2.0):
    q = probabilities(temperature(z, T))
    predicted = (q * (z - q @ z) ** 2).sum() / T**3
    nudged = [entropy(probabilities(temperature(z, T + nudge))) for nudge in (-1e-4, 1e-4)]
    slope = (nudged[1] - nudged[0]) / 2e-4
    print(f"T = {T}: slope {slope:.4f} measured, {predicted:.4f} predicted")
    assert math.isclose(slope, predicted, rel_tol=1e-4)

# %% [markdown]
# At one end waits greedy decoding, at the other pure noise.

# %%
coldest, hottest = (probabilities(temperature(z, T)) for T in (0, 1e6))
print(f"T = 0: entropy {entropy(coldest):.3f}    T = a million: {entropy(hottest):.3f}")
print(
    f"T = 1.5 writes: {tokenizer.decode(write(SamplingSettings(temperature=1.5)))[:160]!r}"
)
assert np.array_equal(coldest, probabilities(greedy(z)))
assert math.isclose(entropy(hottest), math.log(512), rel_tol=1e-6)

try:
    from matplotlib.figure import Figure
except ImportError:
    print("matplotlib is not installed, so no picture is saved")
else:
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for T in (0.5, 1.0, 2.0):
        ranked = np.sort(probabilities(temperature(z, T)))[::-1]
        axes.loglog(range(1, 513), ranked, label=f"T = {T}, entropy {entropy(ranked):.2f}")
    axes.set(xlabel="rank of the token", ylabel="probability", title=f"after {prompt!r}")
    axes.set_ylim(bottom=1e-7)
    axes.legend()
    Path("pictures").mkdir(exist_ok=True)
    figure.savefig("pictures/08_temperature.png")
    print("saved pictures/08_temperature.png")

# %% [markdown]
# ## 5. Top-k: only the k best
#
# Set all other logits to minus infinity (Fan et al. 2018). What remains shares the whole.

# %%
p_top5 = probabilities(top_k(logits, 5))

show(p_top5)
assert np.count_nonzero(p_top5) == 5
assert np.allclose(p_top5[best[:5]], p[best[:5]] / p[best[:5]].sum())

# %% [markdown]
# But which k? In one place there is a single sensible token, in another there are fifty.
# Let us find both in the held-out text, the place where the model is surest and the one
# where it is least sure, and see how much of the probability its five best tokens hold.

# %%
reading = valid_ids[:64]
all_logits = model(reading[None])[0][0, 8:]  # the first few have little context
all_entropies = [entropy(row) for row in probabilities(all_logits)]
sure, unsure = int(np.argmin(all_entropies)), int(np.argmax(all_entropies))

held = {}
for name, place in {"sure": sure, "unsure": unsure}.items():
    before = tokenizer.decode(reading[: place + 9])[-24:]
    held[name] = np.sort(probabilities(all_logits[place]))[-5:].sum()
    print(f"{name:>6}: after {before!r} five tokens hold {held[name]:.0%}")
assert held["sure"] > held["unsure"] + 0.3

# %% [markdown]
# ## 6. Top-p: as many as it takes
#
# Rank the tokens and keep the best until together they reach p: the **nucleus** (Holtzman
# et al. 2020, eq. 2). Where the model is sure, few stay; where it is not, many.


# %%
def kept(logits):
    return int(np.isfinite(logits).sum())


nucleus = {
    name: kept(top_p(all_logits[place], 0.9))
    for name, place in {"sure": sure, "unsure": unsure}.items()
}
print("tokens in the nucleus of 0.9:", nucleus)
assert nucleus["sure"] < nucleus["unsure"] / 3

# %% [markdown]
# **Two rules go by this name.** Holtzman's keeps the token with which p is *reached*: the
# smallest set whose sum is at least p. Many course notes say instead: keep tokens while
# the sum *does not exceed* p. On paper, with probabilities 0.2, 0.1, 0.05 and sixty-five
# times 0.01:
#
#     sums           0.20   0.30   0.35   ...
#     p = 0.30       both rules keep two: 0.30 is reached, and not exceeded
#     p = 0.25       Holtzman keeps two (0.30 >= 0.25), the notes keep one (0.30 > 0.25)
#
# (0.2 + 0.1 <= 0.3 is *false* in a computer's floating point. minillm allows for
# rounding.)

# %%
on_paper = np.log([0.2, 0.1, 0.05] + 65 * [0.01])

for threshold in (0.3, 0.25):
    holtzman, notes = (kept(rule(on_paper, threshold)) for rule in (top_p, top_p_at_most))
    print(f"p = {threshold}: Holtzman keeps {holtzman}, the notes {notes}")
assert 0.2 + 0.1 > 0.3
assert kept(top_p(on_paper, 0.3)) == kept(top_p_at_most(on_paper, 0.3)) == 2
assert (kept(top_p(on_paper, 0.25)), kept(top_p_at_most(on_paper, 0.25))) == (2, 1)

# %% [markdown]
# The notes' rule keeps the same tokens or one less, but the best always stays. When you
# compare two programs, find out which one they use.

# %%
print("   p   Holtzman keeps  which hold   the notes keep  which hold")
for threshold in (0.3, 0.5, 0.7, 0.9, 0.95):
    reaching = np.isfinite(top_p(logits, threshold))
    at_most = np.isfinite(top_p_at_most(logits, threshold))
    print(
        f"{threshold:>4} {reaching.sum():>16} {p[reaching].sum():>11.3f}"
        f" {at_most.sum():>16} {p[at_most].sum():>11.3f}"
    )
    assert p[reaching].sum() >= threshold - 1e-6
    assert p[at_most].sum() <= threshold + 1e-6 or at_most.sum() == 1
    assert (at_most <= reaching).all() and reaching.sum() - at_most.sum() <= 1

# %% [markdown]
# ## 7. Min-p: measured by the best
#
# Keep what is at least, say, a tenth as probable as the best token (Nguyen et al. 2024).
# The bar moves with the model's confidence. It is often used with high temperatures:
# these lift the long tail of unlikely tokens, and top-p, which must collect its 90 %
# somewhere, lets hundreds of them in.

# %%
print("where the model is sure")
print("  T   top-p 0.9 keeps   min-p 0.1 keeps")
for T in (0.7, 1.0, 1.5, 2.0):
    warm = temperature(all_logits[sure], T)
    by_share, by_ratio = kept(top_p(warm, 0.9)), kept(min_p(warm, 0.1))
    print(f"{T:>4} {by_share:>15} {by_ratio:>17}")
assert by_share > 5 * by_ratio

q = probabilities(min_p(logits, 0.1))
print(f"\nand after {prompt!r}, at T = 1, {np.count_nonzero(q)} tokens are kept")
assert np.array_equal(q > 0, p >= 0.1 * p.max())

# %% [markdown]
# ## 8. Repetition penalty
#
# Make every token that occurred already less likely (Keskar et al. 2019, sec. 4.1).
# Positive logits are divided by the penalty, negative ones multiplied, so that both go
# down.
#
# Suppose the two best tokens had just been written:

# %%
written_already = best[:2]
penalised = repetition_penalty(logits, written_already, 1.3)
q = probabilities(penalised)

show(q)
others = np.setdiff1d(np.arange(512), written_already)
assert (q[written_already] < p[written_already]).all()
assert np.array_equal(penalised[others], logits[others])
assert (q[others] > p[others]).all()  # the others share what was taken away

# %% [markdown]
# This gets greedy decoding out of its circles. It is a blunt tool, though. It does not
# tell a loop from a comma, and "the" has every right to come back.

# %%
no_loops = SamplingSettings(temperature=0, repetition_penalty=1.3)
plain, with_penalty = mean_distinct(always_best, 2), mean_distinct(no_loops, 2)

print(prompt + tokenizer.decode(write(no_loops)))
print(f"\ndistinct-2 of greedy text: {plain:.2f}, with the penalty {with_penalty:.2f}")
assert with_penalty > plain + 0.15

# %% [markdown]
# ## 9. When to stop
#
# A model never stops by itself. Three things end a text:
#
# * **max new tokens**, a number;
# * a **stop** condition, such as a blank line or a special token;
# * the end of the **context window**. Ours is 64 tokens. A text that would outgrow it is
#   an error, unless you say how much to keep when it is full: `window=32` reads the last
#   32 again.

# %%
rng = np.random.default_rng(seed)
short = list(generate(model, prompt_ids, 12, settings=always_best, rng=rng))
assert len(short) == 12


def at_the_end_of_a_line(new_ids):
    return "\n" in tokenizer.decode(new_ids)


line = [
    token.id
    for token in generate(
        model, prompt_ids, 400, stop=at_the_end_of_a_line, window=32, rng=rng
    )
]
print(f"stopped after {len(line)} tokens: {prompt + tokenizer.decode(line)!r}")
assert "\n" not in tokenizer.decode(line[:-1])
assert len(line) == 400 or "\n" in tokenizer.decode(line)

try:
    generate(model, prompt_ids, 400, rng=rng)
    complaint = ""
except ValueError as error:
    complaint = str(error)
print("without a window:", complaint)
assert "max_seq_len 64" in complaint

# %% [markdown]
# ## 10. All together
#
# The same model, the same prompts, seven ways to choose. Two numbers for each: how much
# the text repeats itself, and how much it surprises the model. The last row is what
# people wrote.

# %%
settings = {
    "greedy": always_best,
    "T 0.7": SamplingSettings(temperature=0.7),
    "top-k 10": SamplingSettings(top_k=10),
    "min-p 0.1": SamplingSettings(min_p=0.1),
    "top-p 0.9": SamplingSettings(top_p=0.9),
    "random": fair_draw,
    "T 1.5": SamplingSettings(temperature=1.5),
}
table = {}
for name, chosen in settings.items():
    texts = [write(chosen, prompt=p, n_tokens=320) for p in prompts]
    table[name] = (
        np.mean([distinct(ids[:200], 2) for ids in texts]),
        np.mean([surprise(ids) for ids in texts]),
    )
table["by people"] = (
    np.mean([distinct(valid_ids[i : i + 200], 2) for i in range(0, 6000, 200)]),
    surprise(valid_ids[:6400]),
)
print("            distinct-2    surprise")
for name, (variety, nats) in table.items():
    print(f"{name:>10} {variety:>10.2f} {nats:>12.2f}")
for name in ("T 0.7", "top-k 10", "top-p 0.9", "min-p 0.1"):
    assert table["greedy"][1] < table[name][1] < table["random"][1]
assert table["T 1.5"][1] > table["random"][1] + 0.5

# %% [markdown]
# On the whole, the text grows more varied and more surprising from top to bottom. (People
# come last and yet repeat themselves: this manual has tables.) No row is "right". For a
# fact or for code stay near the top, for a story go down, and look at the text, not only
# at the numbers. The command line has the same knobs: `python -m minillm generate
# --help`.
#
# ## What to keep
#
# * The model gives a distribution; decoding turns it into text.
# * Greedy is deterministic, and goes in circles. People do not write the likeliest text.
# * Temperature reshapes the whole distribution; its entropy rises with T.
# * Top-k keeps a number, top-p a share, min-p a ratio to the best.
# * "Top-p" names two rules; ask which.
# * Every knob is a function from logits to logits, so it can be tested without luck. The
#   draw comes last.
