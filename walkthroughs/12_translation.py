# %% [markdown]
# # 12. Translation
#
# A GPT continues a text. Translation asks for something else: *here* is a text, write
# *another* one about the same thing. The transformer was made for this (Vaswani et al.
# 2017), and it came in two halves:
#
# * an **encoder** reads the source, every word in sight of every other;
# * a **decoder** writes the target from left to right, and after each step of thinking
#   about what it has written, it looks at what the encoder has read. That look is called
#   **cross-attention**.
#
# We train one to translate between two small languages whose grammar we know. So every
# claim can be checked: what a right translation is, what can be had by luck, and which
# word each word is a translation of. A minute or so; with `--quick` some seconds, with
# weaker claims.

# %%
import argparse
import math
from pathlib import Path

import numpy as np

from minillm.cli.draw import attention_map, curve
from minillm.data import PairExamples
from minillm.data.tasks import translation
from minillm.data.tasks.scores import exact_match, floor, mean_score
from minillm.generation import beam_search, coverage_penalty, length_penalty, translate
from minillm.layers import CrossCache, PostNormCrossBlock, PreNormCrossBlock
from minillm.models import AttentionMaps, EncoderDecoder, EncoderDecoderConfig, Reading
from minillm.tokenizers import WordTokenizer
from minillm.training import (
    AdamW,
    Flat,
    Progress,
    SequenceToSequence,
    Trainer,
    TrainerSettings,
    WarmupCosine,
    mean_loss,
)

parser = argparse.ArgumentParser(description="Translate between two small languages.")
parser.add_argument("--quick", action="store_true", help="train for seconds")
parser.add_argument("--seed", type=int, default=0)
options, _ = parser.parse_known_args()  # a notebook has arguments of its own
seed = options.seed

# %% [markdown]
# ## 1. Two languages
#
# They differ in their words, in their order and in their grammar:

# %%
train, test = translation.draw(20_000, 500, rng=np.random.default_rng(seed))
sources, references = [list(column) for column in zip(*test, strict=True)]

for source, target in train[:4]:
    print(f"{source:45} {target}")
assert not {source for source, _ in train} & set(sources)  # no test question in training
assert not {target for _, target in train} & set(references)  # and no answer either
assert not set(translation.SOURCE_WORDS) & set(translation.TARGET_WORDS)

# %% [markdown]
# The adverb goes to the front and the verb to the end, and an adjective follows its noun.
# Nouns of the target have a gender, and articles and adjectives agree with it. So *the*
# is *lo*, *la*, *li* or *le*, and which of them is known two words later.
#
# How many sentences are there? A noun phrase chooses one of 2 articles, singular or
# plural, one of 7 adjectives or none, and one of 10 nouns. Then there are 7 verbs, and 4
# adverbs or none. All are equally likely.

# %%
n_phrases = 2 * 2 * (len(translation.ADJECTIVES) + 1) * len(translation.NOUNS)
n_sentences = n_phrases**2 * len(translation.VERBS) * (len(translation.ADVERBS) + 1)

print(f"{n_sentences:,} sentences, of which training shows {len(train) / n_sentences:.2%}")
assert n_sentences == 3_584_000

# %% [markdown]
# To know later what a score is worth, ask first what can be had for nothing. An answer
# counts if it is right in every word (**exact match**).

# %%
baselines = {
    "the source, copied": mean_score(exact_match, sources, references),
    "another's answer": floor(exact_match, references),
}
print(f"exact match: {baselines}, a guess {1 / n_sentences:.7f}")
assert set(baselines.values()) == {0.0}  # no two sentences have the same translation

# %% [markdown]
# ## 2. What the two halves are given
#
# The decoder is trained as a GPT is: at each place it is asked for the next word, and it
# reads the *right* words before it, not its own (**teacher forcing**). So its input is
# the target moved one to the right, behind a start token. Shorter sentences are padded;
# the masks say where there is a word.

# %%
tokenizer = WordTokenizer(translation.WORDS)
start_id, end_id = (tokenizer.special_tokens[text] for text in ("[START]", "[END]"))


def examples(pairs, batch_size):
    columns = [[tokenizer.encode(text) for text in c] for c in zip(*pairs, strict=True)]
    return PairExamples(*columns, batch_size, seed=seed, start_id=start_id, end_id=end_id)


train_examples, test_examples = examples(train, 32), examples(test, len(test))
source, inputs, targets, source_mask, target_mask = train_examples.batch(0)

print("encoder reads ", tokenizer.decode(source[0]))
print("decoder reads ", tokenizer.decode(inputs[0]))
print("and is to say ", tokenizer.decode(targets[0][target_mask[0]]))
assert (targets[:, :-1] == inputs[:, 1:])[target_mask[:, 1:]].all()
assert (targets[~target_mask] == -100).all()  # nobody is asked for padding

# %% [markdown]
# ## 3. The model
#
#     memory = encoder(source)
#     h_0    = embed(target) + P
#     h_l    = block_l(h_{l-1}, memory)
#     logits = unembed(h_L)
#
# The blocks have their norms last, and the positions are sinusoids, as in the paper. A
# block of the decoder has three parts where a GPT's has two: attention to what was
# written, attention to the memory, and the feed-forward network.

# %%
config = EncoderDecoderConfig(
    vocab_size=tokenizer.vocab_size,
    max_seq_len=12,
    d_model=96,
    n_layers=2,  # and as many in the encoder
    n_heads=4,
    vocabulary="untied",
)
model = EncoderDecoder(config, rng=np.random.default_rng(seed))

for name in "attn", "cross_attn", "ffn":
    part = getattr(model.decoder[0], name)
    print(f"{name:10} {part.n_parameters():>7,} parameters in a block of the decoder")
print(f"{'all':10} {model.n_parameters():>7,}")
assert not hasattr(model.encoder[0], "cross_attn")
assert model.decoder[0].cross_attn.n_parameters() == 4 * (96 * 96 + 96)

# %% [markdown]
# Such a block is a `PostNormCrossBlock`. T5 has its norms first, in a `PreNormCrossBlock`.
# Both read the memory as it is, and in no order but its own: shuffle it, with its mask,
# and they say the same.

# %%
block, rng = model.decoder[0], np.random.default_rng(seed)
pre = PreNormCrossBlock(
    block.attn, block.cross_attn, block.ffn, *(block.ffn_norm for _ in range(3))
)
h, memory = rng.normal(size=(1, 4, 96)), rng.normal(size=(1, 7, 96))

for reader in block, pre:
    y, _ = reader(h, memory)
    shuffled, _ = reader(h, memory[:, rng.permutation(7)])
    other, _ = reader(h, rng.normal(size=(1, 7, 96)))
    by_order, by_content = (np.abs(z - y).max() for z in (shuffled, other))
    print(
        f"{type(reader).__name__:18} moves by {by_order:.0e} when the memory is shuffled,"
    )
    print(f"{'':18} and by {by_content:.1f} when it is another")
    assert by_order < 1e-5 and by_content > 0.1
assert type(block) is PostNormCrossBlock

# %% [markdown]
# Who sees whom? Change one word and look where the output moves. A target word is seen
# from its own place on: to look further would be to read the answer. A source word is
# seen from everywhere, and by its own sentence alone.

# %%
logits, _ = model(source, inputs, source_mask, target_mask)


def moved(source, inputs):
    """Which outputs of the first two sentences move: (2, n_target)."""
    new, _ = model(source, inputs, source_mask, target_mask)
    return (new != logits).any(-1)[:2].astype(int)


other_inputs, other_source = inputs.copy(), source.copy()
other_inputs[0, 3], other_source[0, 3] = 20, 20
by_target, by_source = moved(source, other_inputs), moved(other_source, inputs)

print("a new word at place 3 of the first target moves", *by_target)
print("a new word at place 3 of the first source moves", *by_source)
n = target_mask[0].sum()  # what stands behind is padding
assert by_target[0][:n].tolist() == [0] * 3 + [1] * (n - 3)
assert by_source[0][:n].all()
assert not by_target[1].any() and not by_source[1].any()

# %% [markdown]
# ## 4. Before it has learned
#
# To write, the decoder begins with the start token, takes the most probable word, reads
# it, and so on until it says that it is done.


# %%
def answers(model, batch):
    """The model's translations of a batch of sources."""
    source, _, _, source_mask, _ = batch
    written = translate(
        model, source, source_mask, start_id=start_id, end_id=end_id, max_new_tokens=10
    )
    return [tokenizer.decode([i for i in ids if i != end_id]) for ids in written]


(test_batch,) = test_examples.once()
before = answers(model, test_batch)
baselines["untrained"] = mean_score(exact_match, before, references)

print(f"{sources[0]}\n{before[0]}")
print(f"exact match of the untrained model: {baselines['untrained']:.3f}")
assert baselines["untrained"] == 0

# %% [markdown]
# ## 5. Train
#
# We also keep the model as it is when it is half-trained: section 8 has use for one that
# errs.

# %%
steps, half_trained = (250, 80) if options.quick else (1200, 80)


def new_trainer(model, batches, steps, progress=None):
    return Trainer(
        model,
        SequenceToSequence(),
        batches,
        AdamW(Flat(model), betas=(0.9, 0.99), weight_decay=0.01),
        WarmupCosine(2e-3, round(0.05 * steps), steps),
        TrainerSettings(steps=steps, seed=seed),
        progress=progress,
    )


progress = Progress(steps)
trainer = new_trainer(model, train_examples.batch, steps, progress)
losses = []
for step in range(1, steps + 1):
    losses.append(trainer.train_step())
    if step == half_trained:
        half = {name: array.copy() for name, array in model.state_dict().items()}
progress.close()

print("training loss, in nats per word")
print(curve(losses))
assert np.mean(losses[-20:]) < 0.2 < 2 < losses[0]

# %% [markdown]
# ## 6. How good is it?

# %%
after = answers(model, test_batch)
score = mean_score(exact_match, after, references)
wrong = [i for i, answer in enumerate(after) if answer != references[i]]

print(f"exact match on {len(test)} sentences that it has never seen: {score:.3f}")
print(f"baselines: {baselines}")
for i in wrong[:3]:
    print(f"\nsource    {sources[i]}\nmodel     {after[i]}\nreference {references[i]}")
assert score >= (0.7 if options.quick else 0.95)

# %% [markdown]
# It has seen about half a percent of all sentences. So it did not look its answers up; it
# has found out how sentences are made.
#
# ## 7. Does it read?
#
# A good score may have a dull cause. Here is a control: the same model, the same
# sentences, but each is given *another one's source*. If the model reads, its answers
# must be wrong for the sentence, and right for the source that it was given.


# %%
def unrelated(batch):
    """The batch with each source handed to its neighbour."""
    source, inputs, targets, source_mask, target_mask = batch
    rolled, rolled_mask = np.roll(source, 1, axis=0), np.roll(source_mask, 1, axis=0)
    return rolled, inputs, targets, rolled_mask, target_mask


astray = answers(model, unrelated(test_batch))
score_astray = mean_score(exact_match, astray, references)
score_given = mean_score(exact_match, astray, [*references[-1:], *references[:-1]])

print(f"exact match with another's source: {score_astray:.3f}")
print(f"and with the reference of that source: {score_given:.3f}")
assert score_astray == 0
assert abs(score_given - score) < 0.01  # up to the rounding of ties

# %% [markdown]
# And what does a model learn that is *trained* on unrelated sources? It can learn the
# target language, and nothing about the sentence. Then even the best possible model is
# left with a choice between all sentences, and must be surprised by
#
#     ln(3,584,000) = 15.09 nats per sentence
#
# however long it trains. Spread over the words of the test set, that is the loss below
# which nobody comes who does not read.

# %%
blind = EncoderDecoder(config, rng=np.random.default_rng(seed))
blind_steps = 150 if options.quick else 400
blind_trainer = new_trainer(
    blind, lambda step: unrelated(train_examples.batch(step)), blind_steps
)
blind_trainer.run()

bound = len(test) * math.log(n_sentences) / SequenceToSequence().n_targets(test_batch)
loss = mean_loss(model, SequenceToSequence(), [test_batch])
blind_loss = mean_loss(blind, SequenceToSequence(), [test_batch])
blind_answers = answers(blind, test_batch)
blind_score = mean_score(exact_match, blind_answers, references)

print(f"without reading, no loss below {bound:.3f} nats per word")
print(f"trained on unrelated sources   {blind_loss:.3f}    exact match {blind_score:.3f}")
print(f"trained on their own sources   {loss:.3f}    exact match {score:.3f}")
print(f"it has {len(set(blind_answers))} answers for {len(test)} sources:")
print("\n".join(sorted(set(blind_answers))[:3]))
assert bound - 0.02 < blind_loss < bound + (0.5 if options.quick else 0.15)
assert loss < 0.1 * bound
assert blind_score <= 0.01 and len(set(blind_answers)) < 0.2 * len(test)

# %% [markdown]
# The blind model writes proper sentences, and nearly the same for everyone.
#
# ## 8. Greedy, or a beam?
#
# Taking the most probable word each time need not give the most probable *sentence*: a
# good word may lead into a bad end. **Beam search** keeps several sentences alive and
# decides later. It makes the answer more probable. Whether that makes it more *right* is
# another question, and one for the model: where it is sure, there is nothing to search.
# So we ask the half-trained one, too.

# %%
early = EncoderDecoder(config, rng=np.random.default_rng(seed))
early.load_state_dict(half)
n_asked = 100


def beam(model, i, width, alpha=0.0):
    """The best translation of test sentence i that a beam of this width finds."""
    reading = model.reading(test_batch[0][[i]], test_batch[3][[i]])
    best, *_ = beam_search(
        reading,
        np.array([start_id]),
        width=width,
        max_new_tokens=10,
        end_id=end_id,
        length_penalty=alpha,
    )
    return best


print(f"{n_asked} sentences       exact match      mean log P of the answer")
for name, which in {"half-trained": early, "trained": model}.items():
    for width in 1, 4:
        found = [beam(which, i, width) for i in range(n_asked)]
        texts = [tokenizer.decode([i for i in y.ids if i != end_id]) for y in found]
        log_p = np.mean([y.log_probability for y in found])
        right = mean_score(exact_match, texts, references[:n_asked])
        print(f"{name:12} width {width} {right:>12.2f} {log_p:>20.3f}")
        if width == 1:
            narrow = log_p
            greedy = answers(which, test_batch)[:n_asked]
            assert mean_score(exact_match, texts, greedy) > 0.98  # but for ties
    assert log_p >= narrow - 1e-4

# %% [markdown]
# As it comes out: the beam finds more probable answers where the model is unsure, and
# gains little or nothing in right ones; where the model is sure, it finds what greedy
# decoding finds. The tasks that beams are made for have many right answers.
#
# One thing must be mended before beams compare texts of different *length*. Every word
# makes log P fall, so short texts win. Wu et al. 2016 (eq. 14) divide by
#
#     lp(n) = ((5 + n) / 6)^alpha
#
# By hand, for a text of 5 words with log P = -4 and one of 8 words with -4.5:

# %%
for alpha in 0.0, 0.6, 1.0:
    short, long = (log_p / length_penalty(n, alpha) for n, log_p in ((5, -4.0), (8, -4.5)))
    print(f"alpha {alpha}: {short:.3f} against {long:.3f}, {max(short, long):.3f} wins")
assert math.isclose(length_penalty(5, 1.0), 10 / 6)
assert math.isclose(length_penalty(8, 1.0), 13 / 6)
assert -4 > -4.5 and -4 / (10 / 6) < -4.5 / (13 / 6)  # -2.40 and -2.08

# %% [markdown]
# The same equation counts what was left out. Add up how much all words of the answer
# looked at each word of the source; less than 1 in all costs something:
#
#     cp = beta sum_i log(min(looks_i, 1))
#
# Three words were looked at twice, once and by half:

# %%
looks = np.array([2.0, 1.0, 0.5])
print(f"left out: {coverage_penalty(looks, 0.2):.3f}, for the third word alone")
assert math.isclose(coverage_penalty(looks, 0.2), 0.2 * math.log(0.5))
assert coverage_penalty(looks + 0.5, 0.2) == 0

# %% [markdown]
# In our language that matters little. A sentence is as long as it has to be, and a
# model that knows it does not stop early:

# %%
plain, penalised = (
    [beam(model, i, width=4, alpha=alpha).ids for i in range(n_asked)]
    for alpha in (0.0, 1.0)
)
same = np.mean([a == b for a, b in zip(plain, penalised, strict=True)])
print(f"with alpha 1 the answer is the same in {same:.0%}")
assert same > 0.8

# %% [markdown]
# ## 9. The encoder is asked once
#
# While the decoder writes, the source does not change. So it is encoded once, and the
# keys and values that each block makes of it are kept; those of the words already
# written are kept as well. Step by step then gives what one pass over the whole gives,
# up to the rounding of float32. A source that was read is a `Reading`; what a block keeps
# of it, and of its own words, is a `CrossCache`.

# %%
source, inputs, targets, source_mask, target_mask = test_batch
reading = model.reading(source, source_mask)  # the encoder runs here, and not again
caches = reading.caches()
stepped = [reading.step(inputs[:, [t]], caches) for t in range(inputs.shape[1])]
at_once, _ = model(source, inputs, source_mask)
difference = np.abs(np.concatenate(stepped, axis=1) - at_once).max()

print(f"logits up to {np.abs(at_once).max():.1f}, largest difference {difference:.1e}")
assert difference < 1e-4
assert type(reading) is Reading and all(type(cache) is CrossCache for cache in caches)

# %% [markdown]
# ## 10. What does it look at?
#
# Cross-attention says, for every word that is written, how much each source word was
# looked at. Rows are the words as they are chosen, columns the words of the source. We
# take the decoder's last block, and the mean over its heads.

# %%
maps = model.attention_maps(source, inputs, source_mask, target_mask)
assert type(maps) is AttentionMaps  # of the encoder, of the decoder, and across
shown = max(range(len(test)), key=lambda i: len(sources[i].split()))
source_words, target_words = sources[shown].split(), references[shown].split()


def cross_map(layer, i):
    """How test sentence i looks at its source, without [END]: (n_target, n_source)."""
    weights = maps.cross[layer][i].mean(0)
    return weights[: len(references[i].split()), : len(sources[i].split())]


weights = cross_map(-1, shown)
side_by_side = np.pad(weights, [(0, 0), (0, len(target_words))])  # rows want columns too
print("columns:", *(f"{i} {word} " for i, word in enumerate(source_words)))
print(attention_map(side_by_side, [*source_words, *target_words]))
assert np.allclose(weights.sum(-1), 1, atol=1e-5)

# %%
try:
    from matplotlib.figure import Figure
except ImportError:
    print("matplotlib is not installed, so no picture is saved")
else:
    figure = Figure(figsize=(9, 4), layout="constrained")
    for layer, axes in enumerate(figure.subplots(1, 2)):
        axes.imshow(cross_map(layer, shown), cmap="Blues", vmin=0, vmax=1)
        axes.set_xticks(range(len(source_words)), source_words, rotation=60)
        axes.set_yticks(range(len(target_words)), target_words)
        axes.set_title(f"cross-attention, layer {layer}, mean of heads")
    Path("pictures").mkdir(exist_ok=True)
    figure.savefig("pictures/12_cross_attention.png")
    print("saved pictures/12_cross_attention.png")

# %% [markdown]
# One picture proves little. But we know the grammar, so we know for every target word
# which source word it translates. How often is that the one that is looked at most? Two
# baselines: a random place, and the *same* place (first word, first word; ...), which is
# right wherever both languages have the same order.

# %%
VERB_FORMS = {
    form for verb in translation.VERBS for form in (verb, translation.third_person(verb))
}


def translated(source):
    """For each word of the target: its kind, and the place of its source word."""
    words = source.split()
    verb = next(i for i, word in enumerate(words) if word in VERB_FORMS)
    adverb = len(words) - 1 if words[-1] in translation.ADVERBS else None
    places = [] if adverb is None else [("adverb", adverb)]
    for begin, end in (0, verb), (verb + 1, len(words) if adverb is None else adverb):
        article, *adjective, noun = range(begin, end)
        places += [("article", article), ("noun", noun)]
        places += [("adjective", i) for i in adjective]
    return [*places, ("verb", verb)]


kinds = [kind for text in sources for kind, _ in translated(text)]
places = np.array([place for text in sources for _, place in translated(text)])
own_places = np.array([i for text in sources for i, _ in enumerate(translated(text))])
chance = np.mean([1 / len(text.split()) for text in sources for _ in translated(text)])
looked = {
    layer: np.array([i for n in range(len(test)) for i in cross_map(layer, n).argmax(-1)])
    for layer in range(config.n_layers)
}

print(f"a random place {chance:.0%}, the same place {np.mean(own_places == places):.0%}")
for layer, strongest in looked.items():
    share = np.mean(strongest == places)
    print(f"\nlayer {layer} looks at the word that it translates: {share:.0%}, by kind")
    for kind in dict.fromkeys(kinds):
        these = np.array(kinds) == kind
        print(f"    {kind:10} {np.mean(strongest[these] == places[these]):>4.0%}")
aligned = {layer: np.mean(strongest == places) for layer, strongest in looked.items()}
assert min(aligned.values()) > chance + 0.2
assert max(aligned.values()) > np.mean(own_places == places) + 0.2

# %% [markdown]
# Nobody told the model which word belongs to which. It was only asked for translations,
# and the most direct way to translate a word is to look at it.
#
# But an article needs two things: whether it is definite, from the source's article, and
# its gender, from the source's noun, as *the* has none. Which of the two does it look at?

# %%
articles = np.flatnonzero(np.array(kinds) == "article")
nouns = places[articles + 1]  # in the target a noun follows its article
assert all(kinds[i + 1] == "noun" for i in articles)
for layer, strongest in looked.items():
    at_article = np.mean(strongest[articles] == places[articles])
    at_noun = np.mean(strongest[articles] == nouns)
    print(f"layer {layer}: at the article {at_article:.0%}, at the noun {at_noun:.0%}")
assert at_article + at_noun > (0.5 if options.quick else 0.9)  # the last block's

# %% [markdown]
# Almost always at one of the two, but at which is different from seed to seed. And if it
# looks at the article, how does it know the gender? Attention shows *where* a model reads,
# and not *what* stands there: the encoder has mixed the words already. Besides, a small
# weight may carry what matters. So ask by experiment. Give every sentence a subject of
# the other gender, encode it, and take from that memory the vector at *one* place,
# everything else being as it was. Does the article of the translation change its gender?

# %%
MASCULINE, FEMININE = translation.ENDINGS
OTHER_NOUN = {MASCULINE: "house", FEMININE: "dog"}


def swap(source_text, target_text):
    """Places of the subject's article and noun, its new noun, and its new article."""
    (_, article), (_, noun) = [x for x in translated(source_text) if x[0] != "adverb"][:2]
    t = int(translated(source_text)[0][0] == "adverb")  # where the target has it
    old = target_text.split()[t]
    endings, others = (
        (MASCULINE, FEMININE) if old[-1] in MASCULINE else (FEMININE, MASCULINE)
    )
    number = endings.index(old[-1])
    new_noun = OTHER_NOUN[endings] + "s" * number
    return article, noun, tokenizer.encode(new_noun)[0], t, old[:-1] + others[number]


swaps = [swap(*pair) for pair in test]
article_at, noun_at, new_nouns, t, expected = (list(x) for x in zip(*swaps, strict=True))
rows = np.arange(len(test))
other_source = source.copy()
other_source[rows, noun_at] = new_nouns
memory, other_memory = (model.encode(ids, source_mask)[0] for ids in (source, other_source))


def share_of_new_articles(memory):
    """How often the subject's article is that of the other gender."""
    h, _ = model.decode(inputs, memory, source_mask, target_mask)
    said = model.vocabulary.unembed(h)[0][rows, t].argmax(-1)
    return np.mean(
        [tokenizer.decode([i]) == new for i, new in zip(said, expected, strict=True)]
    )


changed = {"nothing": share_of_new_articles(memory)}
for name, at in ("the article's place", article_at), ("the noun's place", noun_at):
    patched = memory.copy()
    patched[rows, at] = other_memory[rows, at]
    changed[name] = share_of_new_articles(patched)
changed["everything"] = share_of_new_articles(other_memory)

for name, share in changed.items():
    print(f"changed in the memory: {name:20} articles of the other gender {share:>4.0%}")
assert changed["nothing"] < 0.05 and changed["everything"] > 0.9

# %% [markdown]
# Compare this with the map. If the article's own place does it, then the encoder has
# brought the gender there. If the noun's place does it, though the article's place has the
# largest weight, then the map did not show what mattered. We have met both, in models
# whose maps look alike and which translate equally well; try another `--seed`. A map is
# where to begin, and an experiment is how to know.
#
# ## What to keep
#
# * Encoder and decoder are the same blocks with different masks; cross-attention joins
#   them. Its queries come from the target, its keys and values from the source.
# * The decoder is trained on the right words, and used on its own.
# * A score says something beside its baselines: nothing, a copy, another's answer; and
#   the shuffled source shows whether a model reads.
# * A beam makes answers more probable, which is not the same as better.
# * The encoder is run once for a source, however long the answer.
#
# Walkthrough 13 gives the same machine other things to read: texts with holes, and
# dialogues.
