# %% [markdown]
# # 14. The family
#
# BERT, T5, GPT-2, BLOOM, LLaMA: dozens of names, and it looks as if each were a machine of
# its own. They are not. There are three ways to wire up one and the same block (06), and a
# handful of parts that can be exchanged. Whoever knows the parts can read the config of a
# new model like a bill of materials.
#
# We take the family apart: its three branches, the parts in which its famous members
# differ, how many numbers each of them holds, and what the parts do. Two questions are
# put to models that we train here: who can read texts longer than those it was trained
# on? And which words attend to which?
#
# It takes a minute or two. With `--quick` the models train for seconds, and weaker claims
# hold.

# %%
import argparse
import time
import tracemalloc
from dataclasses import asdict, replace
from pathlib import Path
from textwrap import fill, indent

import numpy as np

from minillm import functional as F
from minillm.cli.draw import attention_map, bars
from minillm.cli.picture import save_attention_map
from minillm.cli.tree import evolution_tree, save_evolution_tree, size
from minillm.data import Windows, keep_paragraphs_once, split_tail, tour_text
from minillm.layers import (
    Alibi,
    BidirectionalRelativeBias,
    CausalRelativeBias,
    RotaryHalf,
    RotaryInterleaved,
)
from minillm.models import (
    PUBLISHED,
    DecoderConfig,
    DecoderOnly,
    EncoderConfig,
    EncoderDecoder,
    EncoderDecoderConfig,
    EncoderOnly,
    Published,
    SingleStep,
    count_parameters,
    parameter_table,
)
from minillm.tokenizers import BPETokenizer
from minillm.training import (
    AdamW,
    Flat,
    NextToken,
    Trainer,
    TrainerSettings,
    WarmupCosine,
)

parser = argparse.ArgumentParser(description="The family of transformers.")
parser.add_argument("--quick", action="store_true", help="train for seconds")
parser.add_argument("--seed", type=int, default=0)
options, _ = parser.parse_known_args()  # a notebook has arguments of its own
seed = options.seed
np.set_printoptions(precision=3, suppress=True, linewidth=88)

# %% [markdown]
# ## 1. Three branches
#
# What parts them is who may look at whom:
#
# | branch | a token sees | it learns to | and is used to |
# |---|---|---|---|
# | encoder-only | all others | fill in hidden words | classify, tag, search |
# | decoder-only | those before it | say the next word | write |
# | encoder-decoder | see below | write the target | translate, summarise |
#
# An encoder-decoder has both kinds of stack. The encoder reads the source and sees all of
# it. The decoder writes the target; it sees what it has written, and the whole source.
#
# Three fresh models of the same size, and what they look at. Only blanks matter here:
# a blank is a weight of exactly 0, a look that the model cannot take.

# %%
words = ["the", "teacher", "teaches", "the", "student"]
ids = np.array([[0, 1, 2, 0, 3]])
tiny = {"vocab_size": 4, "max_seq_len": 8, "d_model": 12, "n_layers": 1, "n_heads": 2}
rng = np.random.default_rng(seed)
encoder = EncoderOnly(EncoderConfig(**tiny), rng=rng)
decoder = DecoderOnly(DecoderConfig(**tiny), rng=rng)
both = EncoderDecoder(EncoderDecoderConfig(**tiny), rng=rng)

two_way = encoder.attention_maps(ids)[0][0, 0]
one_way = decoder.attention_maps(ids)[0][0, 0]
maps = both.attention_maps(source=ids, target=ids[:, :3])
print("encoder-only\n" + attention_map(two_way, words))
print("\ndecoder-only\n" + attention_map(one_way, words))
shapes = {name: layers[0].shape[2:] for name, layers in vars(maps).items()}
print("\nencoder-decoder, (who looks, at whom):", shapes)
assert (two_way > 0).all()
assert np.array_equal(one_way > 0, np.tri(5, dtype=bool))
assert (maps.encoder[0] > 0).all() and (maps.cross[0] > 0).all()
assert not np.triu(maps.decoder[0], 1).any()

# %% [markdown]
# ## 2. Three decoders, part by part
#
# GPT-2 (2019), BLOOM (2022) and LLaMA (2023) are one skeleton, `DecoderOnly`, with other
# parts in it. Here are their real configs, field by field, where they differ.

# %%
real = [PUBLISHED[name] for name in ("GPT-2 small", "BLOOM", "Llama 2 70B")]
fields = [asdict(model.config) for model in real]

print(f"{'':14}" + "".join(f"{model.name:>14}" for model in real))
for name in fields[0]:
    values = [str(each[name]) for each in fields]
    if len(set(values)) > 1:
        print(f"{name:14}" + "".join(f"{value:>14}" for value in values))
parts = ("positions", "embed_norm", "norm", "feed_forward", "activation", "bias")
assert all(fields[0][name] != fields[1][name] for name in ("positions", "embed_norm"))
assert all(fields[0][name] != fields[2][name] for name in parts if name != "embed_norm")
assert all(type(model.config) is DecoderConfig for model in real)

# %% [markdown]
# (None is "the usual": d_ff is 4 d_model, and there are as many key-value heads as heads.)
# What each exchange is good for:
#
# | part | from | to | because |
# |---|---|---|---|
# | positions | learned vectors | ALiBi, rotary | sections 5 and 6 |
# | embed_norm | none | layer norm | steadier training (Le Scao et al. 2022) |
# | norm | layer norm | RMSNorm | cheaper, and as good (Zhang & Sennrich 2019) |
# | feed_forward | plain, GELU | gated, SiLU | better at equal size (Shazeer 2020) |
# | bias | yes | no | hardly missed where there are norms |
# | vocabulary | tied | untied | one more matrix hardly counts among so many |
# | n_kv_heads | as many as heads | fewer | a smaller cache: section 7 |
#
# Now small ones in each style, made for real. We count their parameters twice: by formula
# from the config, and by adding up the arrays.

# %%
small = DecoderConfig(vocab_size=512, max_seq_len=64, d_model=64, n_layers=2, n_heads=4)
styles = {
    "GPT-2": small,
    "BLOOM": replace(small, positions="alibi", embed_norm="layer_norm"),
    "LLaMA": replace(
        small,
        positions="rotary",
        norm="rms_norm",
        feed_forward="gated",
        activation="silu",
        d_ff=176,  # near 2/3 of 4 d_model: three matrices then cost what two did
        bias=False,
        vocabulary="untied",
        n_kv_heads=2,
    ),
}
tables = {name: parameter_table(config) for name, config in styles.items()}
arrays = {
    name: DecoderOnly(config, rng=np.random.default_rng(seed)).n_parameters()
    for name, config in styles.items()
}

print(f"{'':18}" + "".join(f"{name:>10}" for name in styles))
for part in ("token embedding", "output layer", "positions", "attention", "feed-forward"):
    print(f"{part:18}" + "".join(f"{t.get(part, 0):>10,}" for t in tables.values()))
print(f"{'norms':18}" + "".join(f"{t['norms']:>10,}" for t in tables.values()))
print(f"{'by formula':18}" + "".join(f"{sum(t.values()):>10,}" for t in tables.values()))
print(f"{'in the arrays':18}" + "".join(f"{n:>10,}" for n in arrays.values()))
assert {name: count_parameters(config) for name, config in styles.items()} == arrays
assert abs(tables["LLaMA"]["feed-forward"] / tables["GPT-2"]["feed-forward"] - 1) < 0.05

# %% [markdown]
# ## 3. The published models
#
# A formula needs no arrays. So it also counts models that no machine at hand could hold.
# Some of these counts are not what the authors print. We say why, or that we do not know.

# %%
assert all(type(model) is Published for model in PUBLISHED.values())
tracemalloc.start()
said = None
for model in PUBLISHED.values():
    print(f"{model.name:17}{model.n_parameters:>16,}  {model.source}")
    if model.difference != said:
        print(indent(fill(model.difference, 50), " " * 35))
    said = model.difference
_, peak = tracemalloc.get_traced_memory()
tracemalloc.stop()
largest = max(model.n_parameters for model in PUBLISHED.values())
print(
    f"\nThe largest would take {4 * largest / 1e9:,.0f} GB; counting all took {peak:,} B."
)
assert peak < 100_000 < largest

# %% [markdown]
# Where do the numbers sit? In a small model much of them is vocabulary. In a large one
# nearly all are in the blocks, and then a rule of thumb is enough:
#
#     4 d^2 in attention + 2 * 4 d^2 in the feed-forward, in each layer:  12 n_layers d^2

# %%
names = ["GPT-2 small", "GPT-2 medium", "GPT-2 large", "GPT-2 XL", "GPT-3"]
shares, rules = [], {}
for name in names:
    model = PUBLISHED[name]
    table = parameter_table(model.config)
    shares.append(100 * table["token embedding"] / model.n_parameters)
    rule = 12 * model.config.n_layers * model.config.d_model**2
    rules[name] = rule / model.n_parameters

print("percent of the parameters that are token embedding\n" + bars(names, shares))
print("\nthe rule of thumb finds", {name: f"{share:.1%}" for name, share in rules.items()})
assert sorted(shares, reverse=True) == shares
assert shares[0] > 30 and shares[-1] < 1
assert rules["GPT-2 small"] < 0.7 and 0.99 < rules["GPT-3"] < 1

# %% [markdown]
# ## 4. The tree
#
# The same configs in order of time.

# %%
models = list(PUBLISHED.values())
print(evolution_tree(models))


def save(draw, name):
    """Call draw(path) for a picture, where matplotlib is there to draw it."""
    try:
        import matplotlib
    except ImportError:
        print("matplotlib is not installed, so no picture is saved")
        return
    Path("pictures").mkdir(exist_ok=True)
    draw(Path("pictures", name))
    print(f"saved pictures/{name} (matplotlib {matplotlib.__version__})")


save(lambda path: save_evolution_tree(models, path), "14_evolution_tree.png")

largest_of = {
    branch: max((m for m in models if m.branch == branch), key=lambda m: m.n_parameters)
    for branch in ("encoder-only", "encoder-decoder", "decoder-only")
}
print({branch: f"{m.name}, {size(m.n_parameters)}" for branch, m in largest_of.items()})
assert (
    largest_of["decoder-only"].n_parameters > 100 * largest_of["encoder-only"].n_parameters
)

# %% [markdown]
# All three branches were alive in 2019. (T5 goes up to 11 billion; the shapes above are
# its smaller ones.) The giants are decoders: whatever can be said in words, a model that
# writes can be asked for.
#
# ## 5. Where does a token stand?
#
# Attention by itself does not know order (03). The family has three ways to tell it.
#
# **Rotary** (Su et al. 2021): query and key are turned by angles that grow with their
# positions. What is left when they meet is the difference of the angles. So the score of
# one query and one key, 3 apart, is the same everywhere in the text:

# %%
rotary = RotaryHalf(max_seq_len=1000, d_head=16)  # LLaMA's: features half a head apart
rng = np.random.default_rng(seed)
q, k = rng.normal(size=(2, 1, 1, 1, 16))


def score(i, j):
    """The query at position i, the key at position j."""
    turned_q, turned_k = rotary.turn(q, start=i)[0], rotary.turn(k, start=j)[0]
    return (turned_q * turned_k).sum()


same_distance = [score(i, i - 3) for i in (3, 10, 100, 999)]
other_distances = [score(100, 100 - back) for back in (0, 1, 2, 3, 4)]
print("3 apart, from positions 3, 10, 100, 999:", np.array(same_distance))
print("0, 1, 2, 3, 4 apart:                    ", np.array(other_distances))
assert np.ptp(same_distance) < 1e-4
assert np.ptp(other_distances) > 0.1

# %% [markdown]
# Features turn in pairs. The paper pairs neighbours (`RotaryInterleaved`), LLaMA's code
# those half a head apart. It is the same turn of features in another order:

# %%
in_pairs = RotaryInterleaved(max_seq_len=1000, d_head=16)
order = np.concatenate((np.arange(0, 16, 2), np.arange(1, 16, 2)))  # 0 2 4 ... 1 3 5 ...
turned = in_pairs.turn(q, start=7)[0][..., order]
assert np.allclose(turned, rotary.turn(q[..., order], start=7)[0], atol=1e-6)

# %% [markdown]
# What a layer keeps is a table of angles. Each pair is the hand of a clock, as in
# walkthrough 03: the first turns by 1 for each position, the last by far less. No length
# changes.

# %%
cos, sin = F.rotary_table(4, d_head=16)
x = rng.normal(size=(4, 16))  # four positions
turned, _ = F.rotary_half(x, cos, sin)

print("the eight hands at position 1:", np.arctan2(sin, cos)[1])
assert np.allclose(np.arctan2(sin, cos)[:, 0], [0, 1, 2, 3])
assert np.allclose(np.arctan2(sin, cos)[1], 10000.0 ** (-np.arange(8) / 8))
assert np.allclose(np.linalg.norm(turned, axis=1), np.linalg.norm(x, axis=1))

# %% [markdown]
# **ALiBi** (Press et al. 2022) leaves queries and keys alone and takes something off the
# score, in proportion to the distance. Each head has its own slope: the first hardly sees
# beyond its neighbours, the last nearly everything. Nothing is learned here.

# %%
slopes = F.alibi_slopes(8)
penalty, _ = Alibi(n_heads=8).bias(1, 6, like=q)  # one query, the last of six positions

print("slopes", slopes)
print("first head, keys 5, 4, ... 0 back:", penalty[0, 0])
print("last head,  keys 5, 4, ... 0 back:", penalty[7, 0])
assert np.array_equal(slopes, [2.0 ** -(h + 1) for h in range(8)])
assert np.allclose(np.diff(penalty[:, 0]), slopes[:, None])  # a straight line
assert np.allclose(penalty, F.alibi_bias(1, 6, slopes))  # -slope |i - j|

# %% [markdown]
# **T5** (Raffel et al. 2020) learns what a distance is worth, for each head. To learn
# little, it puts distances into 32 buckets: small ones have a bucket of their own, large
# ones share. "127 back" and "115 back" are the same to it.

# %%
buckets = F.causal_buckets(1, 200)[0, ::-1]  # bucket of each distance, from 0 on
first_of = [int(np.argmax(buckets == b)) for b in range(32)]

print("bucket of distances 0 to 39:", *buckets[:40])
print("the 32 buckets begin at distance", *first_of)
assert np.array_equal(buckets[:16], np.arange(16))
assert (np.diff(buckets) >= 0).all() and (buckets[128:] == 31).all()

# %% [markdown]
# A decoder's buckets all look back (`CausalRelativeBias`). An encoder's are halved: 16
# for what stands before, 16 for what comes (`BidirectionalRelativeBias`).

# %%
for kind, n_kinds in (CausalRelativeBias, 4), (BidirectionalRelativeBias, 7):
    bias, _ = kind(1, rng=np.random.default_rng(seed)).bias(4, 4, like=q)
    print(f"{kind.__name__}\n{bias[0]}")
    assert np.array_equal(bias[0, 1:, 1:], bias[0, :-1, :-1])  # the distance, no more
    assert len(np.unique(bias)) == n_kinds  # 0 to 3 back; or 3 back to 3 ahead

# %% [markdown]
# What is learned is one number for each bucket and head. All pairs of one bucket teach the
# same number, so distances that occur often learn more. Of nine words, nine pairs are at
# distance 0 and one pair is 8 apart:

# %%
table = rng.normal(size=(32, 4))  # (n_buckets, n_heads)
both_ways = F.bidirectional_buckets(9, 9)
bias, bias_backward = F.relative_bias(both_ways, table)
lessons = bias_backward(np.ones_like(bias))

print("buckets of nine keys, seen from the fifth:", both_ways[4])
print("pairs that teach buckets 0, 1, 2, ...:    ", lessons[:9, 0].astype(int))
assert np.array_equal(bias[2, 4], table[both_ways[4], 2])
assert np.array_equal(lessons[:9, 0], [9, 8, 7, 6, 5, 4, 3, 2, 1])

# %% [markdown]
# ## 6. Longer than ever before
#
# All three work at any distance, on paper. We train three small decoders on windows of
# 64 tokens. They are alike to the last number, but for their positions: sinusoids as in
# 2017, rotary, ALiBi. Then they read held-out text. The question is always the same, the
# same 32 tokens of each window. What changes is how much they may read before: with 128
# or 192 tokens they meet distances and positions that they have never seen.
#
# (Learned positions need no experiment: there is no vector for a 65th.)

# %%
train_len, longest, asked = 64, 192, 32
steps = 120 if options.quick else 1000
text = split_tail(keep_paragraphs_once(tour_text()))
tokenizer = BPETokenizer.train(text.train, vocab_size=512)
train_ids = np.array(tokenizer.encode(text.train))
valid_ids = np.array(tokenizer.encode(text.valid))
ends = np.arange(longest, len(valid_ids) - 1, asked * (6 if options.quick else 1))


def trained(config, batches, steps):
    """A decoder after `steps` steps on batches."""
    model = DecoderOnly(config, rng=np.random.default_rng(seed))
    trainer = Trainer(
        model,
        NextToken(),
        batches,
        AdamW(Flat(model), betas=(0.9, 0.99), weight_decay=0.1),
        WarmupCosine(4e-3, steps // 20, steps),
        TrainerSettings(steps=steps, seed=seed, clip=1.0, threads=1),
    )
    for _ in range(steps):
        trainer.train_step()
    return model


def loss_after_reading(model, n_tokens):
    """Nats per token on the last tokens of all windows of this length."""
    total = 0.0
    for some in np.array_split(ends, 1 + len(ends) // 32):
        rows = some[:, None] + np.arange(-n_tokens, 0)
        logits, _ = model(valid_ids[rows])
        loss, _ = F.cross_entropy(logits[:, -asked:], valid_ids[rows + 1][:, -asked:])
        total += float(loss) * len(some)
    return total / len(ends)


lengths = (64, 128, 192)
losses = {}
print(f"nats per token, {steps} steps on windows of {train_len}, seed {seed}")
print(f"{'':12}" + "".join(f"{f'reading {n}':>14}" for n in lengths))
for positions in ("sinusoidal", "rotary", "alibi"):
    config = replace(small, max_seq_len=longest, positions=positions)
    model = trained(config, Windows(train_ids, train_len, 16, seed=seed).batch, steps)
    losses[positions] = [loss_after_reading(model, n) for n in lengths]
    print(f"{positions:12}" + "".join(f"{loss:>14.3f}" for loss in losses[positions]))
worse = {positions: loss[2] - loss[0] for positions, loss in losses.items()}
assert abs(worse["alibi"]) < 0.1
if not options.quick:
    assert min(worse["sinusoidal"], worse["rotary"]) > 0.5
    assert losses["rotary"][0] < losses["sinusoidal"][0]

# %% [markdown]
# After the 120 steps of `--quick` little has been learned that could break. After 1000 it
# does break. With the seeds 0, 1 and 2 we measured:
#
# | | reading 64 | reading 128 | reading 192 |
# |---|---|---|---|
# | sinusoidal | 3.10 to 3.14 | 4.11 to 4.28 | 4.15 to 4.29 |
# | rotary | 2.92 | 3.23 to 3.29 | 4.10 to 4.25 |
# | ALiBi | 3.01 to 3.05 | 3.02 to 3.06 | 3.02 to 3.06 |
#
# At the length of training rotary positions are the best of the three. Beyond it the
# sinusoids fail at once and rotary a little later, although a rotary score knows nothing
# but distances: it was never trained on *these* distances. ALiBi does not break. But it
# does not gain either: another 128 tokens to read, and it guesses no better. Here, all
# three would do best to read the last 64 tokens and forget the rest. That is one text and
# models of 130,000 numbers; it is not more than that.
#
# ## 7. Fewer keys and values
#
# While a model writes it keeps the keys and values of all that it has read (05). With
# grouped queries it keeps fewer. We let two models read 500 tokens, and ask Python how
# much memory is held afterwards.

# %%
held = {}
for n_kv_heads in (4, 2, 1):
    config = replace(small, max_seq_len=1024, n_kv_heads=n_kv_heads, positions="rotary")
    model = DecoderOnly(config, rng=np.random.default_rng(seed))
    caches = model.caches()
    tracemalloc.start()
    model.step(train_ids[None, :500], caches)
    held[n_kv_heads], _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    expected = config.n_layers * 2 * n_kv_heads * config.head_width * 1024 * 4
    print(
        f"{n_kv_heads} key-value heads: {held[n_kv_heads]:>9,} bytes, {expected:,} by hand"
    )
    assert expected <= held[n_kv_heads] < 1.02 * expected
assert abs(held[4] / held[2] - 2) < 0.02

# %% [markdown]
# With the cache a step is one vector through every matrix. `SingleStep` writes that down
# without the axes of batch and sequence, which saves Python's time and changes nothing:

# %%
ours, others = model.caches(), model.caches()
single_step = SingleStep(model, ours)
for token_id in train_ids[:8]:
    logits = single_step(int(token_id))
    expected = model.step(np.array([[token_id]]), others)[0, 0]
    assert np.allclose(logits, expected, atol=1e-4)
print(f"after {len(ours[0])} tokens, at most {np.abs(logits - expected).max():.0e} apart")

# %% [markdown]
# For a small model the cache is nothing. For Llama 2 70B, with numbers of two bytes:

# %%
llama = PUBLISHED["Llama 2 70B"].config
per_head = 2 * llama.n_layers * llama.head_width * 2  # a key and a value, two bytes each
grouped, full = llama.n_kv_heads * per_head, llama.n_heads * per_head

print(f"one token: {grouped:,} bytes with 8 key-value heads, {full:,} with 64")
whole = llama.max_seq_len / 1e9
print(f"{llama.max_seq_len} tokens: {grouped * whole:.1f} GB and {full * whole:.1f} GB")
assert full == 8 * grouped

# %% [markdown]
# ## 8. Which words attend to which?
#
# To answer, we need a text in which we know what *should* attend to what. In English a
# verb agrees with its subject, not with the noun beside it:
#
#     the old kings near the small ship wait .
#
# Whoever only looks at the neighbour says "waits". We make sentences of this kind, train
# a small decoder of GPT-2's parts on next words, and then look. It is told nothing of
# subjects.

# %%
nouns = ["dog", "cat", "child", "king", "ship", "tree", "star", "fox"]
plurals = ["dogs", "cats", "children", "kings", "ships", "trees", "stars", "foxes"]
verbs = ["sleeps", "sings", "waits", "falls"]
plural_verbs = ["sleep", "sing", "wait", "fall"]
prepositions, adjectives = ["near", "behind", "under"], ["old", "small", "red"]
vocabulary = ["the", ".", *nouns, *plurals, *verbs, *plural_verbs]
vocabulary += [*prepositions, *adjectives]
id_of = {word: i for i, word in enumerate(vocabulary)}
max_words = 13


def sentence(rng):
    """Words, and where its nouns stand; the first of them is the subject."""
    words, places = [], []
    for i in range(rng.integers(1, 4)):
        words += [rng.choice(prepositions)] if i else []
        words += ["the"] + ([rng.choice(adjectives)] if rng.random() < 0.5 else [])
        places.append(len(words))
        words.append(rng.choice(plurals if rng.random() < 0.5 else nouns))
    many = words[places[0]] in plurals
    return [*words, rng.choice(plural_verbs if many else verbs), "."], places


shown = set()  # all beginnings that training has seen


def batches(step, batch_size=64):
    """Sentences; where one has ended there is nothing to learn."""
    rng = np.random.default_rng([seed, step])
    inputs = np.zeros((batch_size, max_words), int)
    targets = np.full((batch_size, max_words), F.IGNORED)
    for row in range(batch_size):
        ids = [id_of[word] for word in sentence(rng)[0]]
        shown.add(tuple(ids[:-2]))
        inputs[row, : len(ids) - 1], targets[row, : len(ids) - 1] = ids[:-1], ids[1:]
    return inputs, targets


shape = {"d_model": 32, "n_layers": 2, "n_heads": 2, "vocabulary": "untied"}
reader = trained(DecoderConfig(len(vocabulary), max_words, **shape), batches, 300)
for i in range(3):
    print(" ".join(sentence(np.random.default_rng([seed, i]))[0]))
print(f"training has shown {len(shown):,} different beginnings")
assert len(shown) > 1000

# %% [markdown]
# The examination has only hard sentences: those in which the noun just before the verb
# has the *other* number. None of them was shown in training. We stop before the verb and
# ask: does the model find verbs of the subject's number more likely? Guessing is right in
# 50 %, agreeing with the neighbour in 0 %.


# %%
def hard_sentences(n, rng):
    """Beginnings (1, seq_len) that stop before the verb, places of nouns, right answers."""
    found = []
    while len(found) < n:
        words, places = sentence(rng)
        subject, neighbour = words[places[0]], words[places[-1]]
        ids = [id_of[word] for word in words[: places[-1] + 1]]
        if (subject in plurals) != (neighbour in plurals) and tuple(ids) not in shown:
            found.append((np.array([ids]), places, subject in plurals))
    return found


def says_plural(ids, mask=None):
    logits = reader(ids, mask=mask)[0][0, -1]
    p = np.exp(logits - logits.max())
    p_many, p_one = (p[[id_of[v] for v in kind]].sum() for kind in (plural_verbs, verbs))
    return p_many > p_one


exam = hard_sentences(300, np.random.default_rng([seed, 1_000_000]))
right = np.mean([says_plural(ids) == answer for ids, _, answer in exam])
print(f"right in {right:.1%} of {len(exam)} hard sentences")
assert right > 0.95

# %% [markdown]
# So it knows. Where does it look? `attention_maps` gives a map for each layer and head.
# We take the row of the last noun, where the verb is about to be said, and measure how
# much of it falls on the subject. A head that looks at all words alike would give it
# one part in the number of words.

# %%
n_layers, n_heads = reader.config.n_layers, reader.config.n_heads


def last_row(ids):
    """How much the last word attends to each word: (n_layers, n_heads, seq_len)."""
    return np.array([weights[0, :, -1] for weights in reader.attention_maps(ids)])


on_subject = np.mean([last_row(ids)[..., places[0]] for ids, places, _ in exam], axis=0)
uniform = np.mean([1 / ids.shape[1] for ids, _, _ in exam])
layer, head = np.unravel_index(on_subject.argmax(), on_subject.shape)

heads = [f"layer {i}, head {j}" for i in range(n_layers) for j in range(n_heads)]
print("share of attention on the subject, in percent")
print(bars([*heads, "all alike"], [*(100 * on_subject.ravel()), 100 * uniform]))
others = hard_sentences(300, np.random.default_rng([seed, 2_000_000]))
again = np.mean([last_row(ids)[layer, head, places[0]] for ids, places, _ in others])
print(f"the best head on other sentences: {again:.0%}")
assert again > 4 * uniform

# %% [markdown]
# A head has formed that looks from the place of the verb to the subject, over the other
# nouns. Do all words look there? We ask that head, by the kind of word that looks.

# %%
kind_of = dict.fromkeys([*nouns, *plurals], "noun") | {"the": "the"}
kind_of |= dict.fromkeys(prepositions, "preposition") | dict.fromkeys(
    adjectives, "adjective"
)
looks = {kind: [] for kind in ("noun", "adjective", "preposition", "the")}
for ids, places, _ in others:
    weights = reader.attention_maps(ids)[layer][0, head]
    for i in range(places[0] + 1, ids.shape[1]):  # the words after the subject
        looks[kind_of[vocabulary[ids[0, i]]]].append(weights[i, places[0]])
looks = {kind: 100 * np.mean(those) for kind, those in looks.items()}

print("share of attention on the subject, in percent, from each")
print(bars(list(looks), list(looks.values())))
assert looks["noun"] > 2 * max(looks["adjective"], looks["preposition"], looks["the"])

# %% [markdown]
# Nouns do, since after a noun the verb may come. After the other words it cannot, and
# they have less to ask. All of that head's map, for one sentence:

# %%
ids, places, _ = next(s for s in others if len(s[1]) == 3)
words = [vocabulary[i] for i in ids[0]]
weights = reader.attention_maps(ids)[layer][0, head]

print(f"layer {layer}, head {head}\n" + attention_map(weights, words))
print(f"{words[-1]!r} looks at {words[places[0]]!r}: {weights[-1, places[0]]:.2f}")
save(
    lambda path: save_attention_map(weights, words, f"layer {layer}, head {head}", path),
    "14_which_words_attend_to_which.png",
)
assert not np.triu(weights, 1).any() and np.allclose(weights.sum(-1), 1, atol=1e-5)

# %% [markdown]
# A map shows where a model looks. It does not show that the look *matters*: that takes
# an experiment. We hide the subject from the last word, and from nothing else, by the
# mask. As a control we hide another word, the first "the", instead.


# %%
def right_without(hidden_place):
    """The share of right answers where the last word cannot see one of the words."""
    n_right = 0
    for ids, places, answer in exam:
        n = ids.shape[1]
        mask = F.causal_mask(n, n).copy()
        mask[-1, hidden_place(places)] = False
        n_right += says_plural(ids, mask) == answer
    return n_right / len(exam)


without_subject = right_without(lambda places: places[0])
without_the = right_without(lambda places: 0)
print(
    f"right: {right:.0%}; the subject hidden {without_subject:.0%}; 'the' {without_the:.0%}"
)
assert without_subject < 0.7 and without_the > 0.9

# %% [markdown]
# Without a look at the subject, the model does no better than a coin. The look was what
# it knew the answer from.
#
# What does it cost that a model *can* show its maps? Nothing, as long as nobody asks. The
# ordinary call has no switch for it: maps are made by another method, which computes
# them anew. After an ordinary call nothing is left but the logits.


# %%
inputs, _ = batches(0)


def milliseconds(call):
    """The fastest of 20."""
    times = []
    for _ in range(20):
        start = time.perf_counter()
        call(inputs)
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


print(f"ordinary call {milliseconds(reader):.2f} ms, ", end="")
print(f"attention_maps {milliseconds(reader.attention_maps):.2f} ms")
tracemalloc.start()
logits = reader(inputs)[0]
kept, _ = tracemalloc.get_traced_memory()
tracemalloc.stop()
print(f"kept after an ordinary call: {kept:,} bytes, of which logits {logits.nbytes:,}")
assert kept < logits.nbytes + 10_000

# %% [markdown]
# ## What to keep
#
# * Three branches: look both ways, look back, or read one text and write another.
# * GPT-2, BLOOM and LLaMA are one skeleton. Positions, norms, gates, biases and shared
#   key-value heads are exchangeable parts.
# * A config says how many parameters there are. In large models it is 12 n_layers d^2.
# * Order can be told by turning (rotary), by a penalty (ALiBi), or learned by distance
#   (T5). Being defined at a distance is not the same as working there: measure it.
# * An attention map says where a model looks. Whether it matters, a mask tells.
