# %% [markdown]
# # 1. Backward is a closure
#
# A network learns by asking one question of every number in it: *if I nudged you up a
# little, how would the loss change?* The answers are called gradients. Everything in
# minillm rests on one way of answering:
#
#     y, backward = f(x)        # compute, and get a function that can look back
#     dx = backward(dy)         # "you want y to move like this? then move x like this"
#
# One habit of naming carries the whole library: `dx` is the gradient *of the loss* with
# respect to `x`, for every `x`. It always has the shape of `x`.
#
# You need Python and the chain rule. Keep a pencil at hand: the numbers below are small
# on purpose.

# %%
import sys
import weakref

import numpy as np

from minillm import functional as F
from minillm.cli.draw import curve
from minillm.gradient_check import GradientError, check_gradients

np.set_printoptions(precision=3, suppress=True)

# %% [markdown]
# ## 1. One multiplication
#
#     y = a b          so        dy/da = b,   dy/db = a
#
# Look at `backward`: it uses `a` and `b`, and nobody passed them in. It remembers them
# from the call that created it. A function that remembers is called a closure.


# %%
def multiply(a, b):
    y = a * b

    def backward(dy):
        da = dy * b
        db = dy * a
        return da, db

    return y, backward


y, backward = multiply(3.0, 4.0)
da, db = backward(1.0)  # 1: the output *is* the loss here, and dloss/dloss = 1
print(f"y = {y}    da = {da}    db = {db}")

nudge = 0.001
nudged, _ = multiply(3.0 + nudge, 4.0)
slope = (nudged - y) / nudge
print(f"nudging a by {nudge} moves y by {nudged - y:.4f}: a slope of {slope:.4f}")
assert (da, db) == (4.0, 3.0)
assert abs(slope - da) < 1e-9

# %% [markdown]
# Where are the 3 and the 4 kept? Python will show us. There is nothing else to it: no
# graph, no recorder, no hidden state.

# %%
for name, cell in zip(backward.__code__.co_freevars, backward.__closure__, strict=True):
    print(f"{backward.__qualname__} remembers {name} = {cell.cell_contents}")
assert backward.__code__.co_freevars == ("a", "b")

# %% [markdown]
# ## 2. The chain rule is the same path, walked back
#
#     product = a b
#     loss    = product^2
#
# Forward we call `multiply`, then `square`. Backward we call their closures in reverse
# order, each handing its answer to the next. By hand, with a = 3 and b = 4:
#
#     dproduct = 2 product = 24
#     da       = 24 b      = 96
#     db       = 24 a      = 72


# %%
def square(x):
    y = x * x

    def backward(dy):
        dx = dy * 2 * x
        return dx

    return y, backward


product, product_backward = multiply(3.0, 4.0)
loss, square_backward = square(product)

dproduct = square_backward(1.0)
da, db = product_backward(dproduct)

print(f"loss = {loss}    dproduct = {dproduct}    da = {da}    db = {db}")
assert (dproduct, da, db) == (24.0, 96.0, 72.0)

# %% [markdown]
# ## 3. A value that is used twice is owed two gradients
#
# `x` squared is also `multiply(x, x)`. The closure answers for each use separately; `x`
# felt both, so it gets the sum. This small rule returns everywhere: when a word occurs
# twice, when a weight serves every position, when a residual connection forks.

# %%
y, backward = multiply(5.0, 5.0)
d_first, d_second = backward(1.0)
_, square_backward = square(5.0)
dx = square_backward(1.0)

print(f"{d_first} + {d_second} = {d_first + d_second}, and square's backward says {dx}")
assert d_first + d_second == dx == 10.0

# %% [markdown]
# ## 4. The workhorse: y = x W + b
#
# Most of the arithmetic in a language model is this line. Take one position with two
# features:
#
#     x = [1 2]     W = [1  0]     b = [1 1]      y = [1*1 + 2*3 + 1,  1*0 - 2*1 + 1]
#                       [3 -1]                      = [8 -1]
#
# Now suppose the loss wants `dy = [1 10]`. (We pick 1 and 10 so that afterwards you can
# see in each number which output it came from.)
#
# * `b[j]` is added to `y[j]`, so `db = dy`.
# * `W[i, j]` reaches only `y[j]`, and with strength `x[i]`. So `dW[i, j] = x[i] dy[j]`.
# * `x[i]` reaches *every* output, `y[j]` with strength `W[i, j]`. So we sum over them:
#   `dx[i] = sum_j dy[j] W[i, j]`.
#
# As matrices:
#
#     dx = dy W^T = [1*1 + 10*0,  1*3 - 10*1] = [1 -7]
#     dW = x^T dy = [1 10]
#                   [2 20]

# %%
x = np.array([[1.0, 2.0]])
W = np.array([[1.0, 0.0], [3.0, -1.0]])
b = np.array([1.0, 1.0])

y, linear_backward = F.linear(x, W, b)
dx, dW, db = linear_backward(np.array([[1.0, 10.0]]))

print("y ", y)
print("dx", dx)
print("dW", dW[0])
print("  ", dW[1])
print("db", db)
assert np.array_equal(y, [[8, -1]])
assert np.array_equal(dx, [[1, -7]])
assert np.array_equal(dW, [[1, 10], [2, 20]])
assert np.array_equal(db, [1, 10])

# %% [markdown]
# You never need to memorise where the transposes go. `dx` has the shape of `x` and `dW`
# that of `W`, and as a rule only one product of the pieces fits. Three positions, two
# features in, four out: try to find another.
#
# And by the rule of section 3, `dW` is a sum: all three positions used the same `W`.

# %%
rng = np.random.default_rng(0)
x, W = rng.normal(size=(3, 2)), rng.normal(size=(2, 4))
dy = rng.normal(size=(3, 4))

y, linear_backward = F.linear(x, W)
dx, dW = linear_backward(dy)
one_by_one = [F.linear(x[i : i + 1], W)[1](dy[i : i + 1])[1] for i in range(3)]

print(f"dx {dx.shape} = dy {dy.shape} @ W.T {W.T.shape}")
print(f"dW {dW.shape} = x.T {x.T.shape} @ dy {dy.shape}")
print("three positions alone give dW summing to\n", sum(one_by_one))
assert dx.shape == x.shape and dW.shape == W.shape
assert np.allclose(dW, sum(one_by_one))

# %% [markdown]
# ## 5. Why not store things on the layer?
#
# Many teaching codes write `self.x = x` in the forward pass and read `self.x` in the
# backward pass. It works until a layer is called twice before it looks back. That happens
# whenever weights are shared: the same network reads two answers to compare them, or the
# same matrix is used at the bottom and at the top of a model. Here is that layer, and
# what it does. It raises no error, and its gradient for the first input is wrong.


# %%
class ForgetfulSquare:
    """y = x^2, keeping what it needs on itself. Please do not do this."""

    def forward(self, x):
        self.x = x
        return x * x

    def backward(self, dy):
        return dy * 2 * self.x


layer = ForgetfulSquare()
layer.forward(3.0)
layer.forward(10.0)
forgetful = layer.backward(1.0)  # meant for the first call

_, first_backward = square(3.0)
_, second_backward = square(10.0)
remembered = first_backward(1.0)

print(f"d(x^2) at x = 3 is 6.  On the layer: {forgetful}.  In the closure: {remembered}")
assert forgetful == 20.0  # it answered for the second call
assert remembered == 6.0
assert second_backward(1.0) == 20.0

# %% [markdown]
# The other well-known answer is a tape: record every operation as it runs, then play the
# record backwards. PyTorch does that, and does it well. But a tape writes the backward pass
# for you, and here you came to read it. With a closure the gradient stands on the line
# below its forward.
#
# A closure also cleans up. What it remembers lives exactly as long as somebody may still
# want to look back, and not a moment longer.

# %%
x = rng.normal(size=(1000, 100))
alive = weakref.ref(x)  # a reference that does not keep x alive

y, linear_backward = F.linear(x, rng.normal(size=(100, 10)))
del x
held = alive() is not None
del linear_backward
released = alive() is None

print(f"while backward lives, x is held: {held}.  Drop backward, and x is gone: {released}")
assert held and released

# %% [markdown]
# ## 6. A breakpoint inside a backward
#
# Open `minillm/functional/norms.py`, put `breakpoint()` on the first line of
# `layer_norm`'s `backward`, and run this file. When Python stops, type `dy`, `x_hat`,
# `rstd`, `gamma`: the gradient that just came in stands beside the values of a forward pass
# that is long over. Type `w` to see how you got there, `n` for the next line, `c` to go on.
#
# (If you installed minillm without `-e`, edit the file that
# `python -c "import minillm; print(minillm.__path__)"` points to.)
#
# The cell below does the same without stopping. It asks Python for the local variables at
# the moment when `backward` returns.

# %%
seen = {}


def look_inside(frame, event, result):
    if event == "return" and frame.f_code.co_qualname == "layer_norm.<locals>.backward":
        seen.update(frame.f_locals)


_, norm_backward = F.layer_norm(rng.normal(size=(2, 4)), np.ones(4), np.zeros(4))
sys.setprofile(look_inside)
norm_backward(rng.normal(size=(2, 4)))
sys.setprofile(None)

for name, value in seen.items():
    print(f"{name:>12}  {np.shape(value)!s:>7}  {np.ravel(value)[:4]}")
assert {"dy", "x_hat", "rstd", "gamma"} <= set(seen)

# %% [markdown]
# `beta` and `x` are not in the list. The gradient does not need them, so the closure did
# not keep them. You can read the memory that training costs off the closures.
#
# ## 7. Do not take anybody's word for it
#
# A wrong gradient does not crash. The network merely learns worse, or nothing at all, and
# you look for the reason in a hundred other places. So every operation in minillm is
# compared with slopes that are measured by nudging, as we did in section 1.
#
# Here is `linear` with a planted error: `dW` has its two factors swapped. With a square
# `W` even the shapes are right.


# %%
def linear_with_an_error(x, W):
    y = x @ W

    def backward(dy):
        dx = dy @ W.T
        dW = dy.T @ x  # should be x.T @ dy
        return dx, dW

    return y, backward


x, W = rng.normal(size=(3, 2)), rng.normal(size=(2, 2))

worst = check_gradients(F.linear, x, W)
print(f"F.linear: worst relative error {worst:.0e}")
try:
    check_gradients(linear_with_an_error, x, W)
    caught = ""
except GradientError as error:
    caught = str(error)
print(f"planted:  {caught}")
assert worst < 1e-9
assert caught.startswith("input 1")  # W, not x

# %% [markdown]
# A check can be fooled too. Some people test with `dy` all ones, that is, with the sum of
# the outputs as the loss. But the outputs of a softmax always sum to 1. Their sum has slope
# zero, so the forgotten factor `p` below multiplies a zero, and nobody can see that it is
# missing. `check_gradients` draws `dy` at random.


# %%
def softmax_with_an_error(x):
    p, _ = F.softmax(x)

    def backward(dp):
        dx = dp - (p * dp).sum(-1, keepdims=True)  # should be p times all this
        return dx

    return p, backward


x = rng.normal(size=(2, 5))
true_dx = F.softmax(x)[1](np.ones((2, 5)))
wrong_dx = softmax_with_an_error(x)[1](np.ones((2, 5)))
print(f"with ones, right and wrong differ by {np.abs(true_dx - wrong_dx).max():.0e}")
try:
    check_gradients(softmax_with_an_error, x)
    caught = ""
except GradientError as error:
    caught = str(error)
print(f"with a random dy: {caught}")
assert np.allclose(true_dx, wrong_dx)
assert caught

# %% [markdown]
# ## 8. That is all you need to learn something
#
# Exclusive or: the answer is 1 when exactly one of two inputs is 1. One linear map cannot
# do it. Start at `W = 0`, which says "fifty-fifty" to everything: the gradient is zero,
# there is no direction in which to improve. (And no better place far away either: for a
# linear map this loss is one convex bowl, and a flat spot in a bowl is its bottom.)

# %%
x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
targets = np.array([0, 1, 1, 0])

logits, linear_backward = F.linear(x, np.zeros((2, 2)), np.zeros(2))
loss, loss_backward = F.cross_entropy(logits, targets)
_, dW, db = linear_backward(loss_backward())

print(f"one linear map: loss {loss:.4f} = ln 2, dW {dW.ravel()}, db {db}")
assert np.isclose(loss, np.log(2))
assert not dW.any() and not db.any()

# %% [markdown]
# Two linear maps with a `relu` between them can do it, and they find the way themselves.
#
# Read the loop aloud. Forward: linear, relu, linear, loss. Backward: the same four in
# reverse. Then every parameter takes a small step against its gradient. A large language
# model is trained by this loop. It only has more lines between the first and the last.

# %%
W1, b1 = rng.normal(size=(2, 8)), np.zeros(8)
W2, b2 = rng.normal(size=(8, 2)), np.zeros(2)

losses = []
for _ in range(200):
    h, first_backward = F.linear(x, W1, b1)
    h, relu_backward = F.relu(h)
    logits, second_backward = F.linear(h, W2, b2)
    loss, loss_backward = F.cross_entropy(logits, targets)
    losses.append(loss)

    dlogits = loss_backward()
    dh, dW2, db2 = second_backward(dlogits)
    dh = relu_backward(dh)
    _, dW1, db1 = first_backward(dh)

    # New arrays, not `W1 -= ...`: a closure may still remember the old ones.
    W1, b1 = W1 - 0.3 * dW1, b1 - 0.3 * db1
    W2, b2 = W2 - 0.3 * dW2, b2 - 0.3 * db2

print(curve(losses, height=8))
p, _ = F.softmax(logits)
for inputs, answer in zip(x, p, strict=True):
    print(f"{inputs[0]:.0f} xor {inputs[1]:.0f}:  1 with probability {answer[1]:.2f}")
assert np.array_equal(logits.argmax(-1), targets)
assert losses[-1] < 0.05 < 0.5 < losses[0]

# %% [markdown]
# ## What to keep
#
# * An operation returns its output and its backward; the closure remembers the forward.
# * Backward passes are called in reverse order; gradients of one value add up.
# * `dx` has the shape of `x`.
# * A gradient that nobody has measured is a guess.
#
# Next: where the numbers come from. Text becomes tokens (02), and tokens become
# vectors (03).
