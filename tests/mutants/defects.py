"""Defects that were found in public NumPy transformers, and others that people make.

Each was green under the tests of the project it comes from, or would be under tests like
them: gradients compared at initial weights, for the inputs alone, with equal sizes.
"""

from tests.mutants.planted import Planted

DEFECTS = {
    "dk is its own transpose, reshaped": Planted(
        "functional/attention.py",
        "dk = dscores.mT @ q_scaled",
        "dk = (q_scaled.mT @ dscores).reshape(k.shape)",
    ),
    "no gradient for the keys": Planted(
        "functional/attention.py",
        "dk = dscores.mT @ q_scaled",
        "dk = 0 * (dscores.mT @ q_scaled)",
    ),
    "no gradient for the values": Planted(
        "functional/attention.py", "dv = weights.mT @ dy", "dv = 0 * (weights.mT @ dy)"
    ),
    "the gradient of the queries is not scaled": Planted(
        "functional/attention.py", "        dq *= scale\n", ""
    ),
    "the gradient of the keys is not scaled": Planted(
        "functional/attention.py", "dscores.mT @ q_scaled", "dscores.mT @ q"
    ),
    "scores are divided by d_head, not by its root": Planted(
        "functional/attention.py", "1 / math.sqrt(q.shape[-1])", "1 / q.shape[-1]"
    ),
    "scale in float64, as np.sqrt gives it": Planted(
        "functional/attention.py", "1 / math.sqrt(q.shape[-1])", "1 / np.sqrt(q.shape[-1])"
    ),
    "the mask says where not to look": Planted(
        "functional/attention.py", "np.logical_not(mask)", "mask"
    ),
    "softmax's backward divides by the batch": Planted(
        "functional/softmax.py", "        dx *= p\n", "        dx *= p / len(p)\n"
    ),
    "softmax's backward is that of the diagonal": Planted(
        "functional/softmax.py", "dx = dp - dot(p, dp)", "dx = dp - p * dp"
    ),
    "softmax over the wrong axis": Planted(
        "functional/softmax.py",
        "p /= np.maximum(p.sum(-1, keepdims=True), 1.0)",
        "p /= np.maximum(p.sum(-2, keepdims=True), 1.0)",
    ),
    "a row that sees nothing looks everywhere": Planted(
        "functional/softmax.py",
        "np.maximum(x.max(-1, keepdims=True), 0.5 * FORBIDDEN)",
        "x.max(-1, keepdims=True)",
    ),
    "layer norm forgets gamma in the means": Planted(
        "functional/norms.py",
        "        along_x_hat = dot(x_hat, dx) / d_model\n"
        "        dx -= dx.mean(-1, keepdims=True)",
        "        along_x_hat = dot(x_hat, dy) / d_model\n"
        "        dx -= dy.mean(-1, keepdims=True)",
    ),
    "layer norm computes the mean's gradient and never uses it": Planted(
        "functional/norms.py", "        dx -= dx.mean(-1, keepdims=True)\n", ""
    ),
    "layer norm forgets the variance's gradient": Planted(
        "functional/norms.py", "        dx -= x_hat * along_x_hat\n", ""
    ),
    "layer norm's variance is the sample's": Planted(
        "functional/norms.py",
        "rstd = 1 / np.sqrt(dot(x_hat, x_hat) / d_model + eps)",
        "rstd = 1 / np.sqrt(dot(x_hat, x_hat) / (d_model - 1) + eps)",
    ),
    "layer norm over the sequence": Planted(
        "functional/norms.py",
        "x - x.mean(-1, keepdims=True)",
        "x - x.mean(0, keepdims=True)",
    ),
    "RMSNorm's backward forgets its mean": Planted(
        "functional/norms.py",
        "dx -= x_hat * (dot(x_hat, dx) / d_model)",
        "dx -= x_hat * dot(x_hat, dx)",
    ),
    "RMSNorm without its gain": Planted(
        "functional/norms.py",
        "    x_hat = x * rrms\n    y = gamma * x_hat\n",
        "    x_hat = x * rrms\n    y = 1 * x_hat\n",
    ),
    "the weight's gradient is that of its transpose": Planted(
        "functional/linear.py",
        "dW = rows(x).T @ rows(dy)",
        "dW = (rows(dy).T @ rows(x)).reshape(W.shape)",
    ),
    "a row that is looked up twice learns once": Planted(
        "functional/linear.py",
        "np.add.at(dW.reshape(-1), entries.reshape(-1), dy.reshape(-1))",
        "dW.reshape(-1)[entries.reshape(-1)] = dy.reshape(-1)",
    ),
    "cross-entropy takes the mean over all targets, ignored ones too": Planted(
        "functional/losses.py", "total_w = w.sum()", "total_w = w.sum() * 0 + w.size"
    ),
    "cross-entropy's gradient is not divided": Planted(
        "functional/losses.py",
        "dlogits = exp_z * (dshare / total)",
        "dlogits = exp_z * dshare",
    ),
    "dropout without its scale": Planted(
        "functional/dropout.py", "1 / (1 - rate), dtype", "1.0, dtype"
    ),
    "dropout's backward draws again": Planted(
        "functional/dropout.py",
        "        return dy * keep",
        "        again = np.asarray(rng.random(x.shape, dtype=np.float32), like=x)\n"
        "        return dy * (again >= rate) / (1 - rate)",
    ),
    "positions of base 100000": Planted(
        "functional/positions.py",
        "10000.0 ** (even / d_model)",
        "100000.0 ** (even / d_model)",
    ),
    "rotary's backward turns on instead of back": Planted(
        "functional/rotary.py",
        "        return _turn(dy, cos, -sin, first, second)",
        "        return _turn(dy, cos, sin, first, second)",
    ),
    "the causal mask hides the token itself": Planted(
        "functional/masks.py", "n_keys - n_queries, dtype", "n_keys - n_queries - 1, dtype"
    ),
    "the causal mask lets one token of the future through": Planted(
        "functional/masks.py", "n_keys - n_queries, dtype", "n_keys - n_queries + 1, dtype"
    ),
    "the causal mask of a cache begins at the first key": Planted(
        "functional/masks.py", "n_keys - n_queries, dtype", "0, dtype"
    ),
    "padding is seen": Planted(
        "functional/masks.py",
        "return np.asarray(is_token, like=like)[:, None, None, :]",
        "return np.asarray(is_token | True, like=like)[:, None, None, :]",
    ),
    "the tied head's half of the gradient is dropped": Planted(
        "layers/embedding.py", "            self.weight.accumulate(dW)\n", ""
    ),
    "the embedding's gradient is not scaled": Planted(
        "layers/vocabulary.py", "embed_backward(scale * dh)", "embed_backward(dh)"
    ),
    "a gradient replaces what was there": Planted(
        "layers/module.py", "self.grad += grad", "self.grad[...] = grad"
    ),
    "cross-attention takes its values from the decoder": Planted(
        "layers/attention.py",
        "v, v_backward = self.v_proj(x_kv)",
        "v, v_backward = self.v_proj(np.resize(x_q, x_kv.shape))",
    ),
    "the values' way back to x is forgotten": Planted(
        "layers/attention.py",
        "            dx_kv += v_backward(self.merge(self.gather(dv)))",
        "            v_backward(self.merge(self.gather(dv)))",
    ),
    "a group of queries teaches its keys once": Planted(
        "layers/attention.py",
        "-1, seq_len, d_head).sum(2)",
        "-1, seq_len, d_head)[:, :, 0]",
    ),
    "heads are merged without turning back": Planted(
        "layers/attention.py",
        "x.swapaxes(1, 2).reshape(batch, seq_len, n * d_head)",
        "x.reshape(batch, seq_len, n * d_head)",
    ),
    "the residual's gradient is d + 1": Planted(
        "layers/block.py",
        "return dh + attn_norm_backward(da_q + da_kv)",
        "return 1 + attn_norm_backward(da_q + da_kv)",
    ),
    "the wrong residual: the stream before attention": Planted(
        "layers/block.py",
        "        f, ffn_dropout_backward = self.dropout(f, ffn_rng)\n        y = h + f\n",
        "        f, ffn_dropout_backward = self.dropout(f, ffn_rng)\n        y = x + f\n",
    ),
    "the residual is what the norm made": Planted(
        "layers/block.py",
        "        h = x + a\n\n        f, ffn_norm",
        "        h = a + a\n\n        f, ffn_norm",
    ),
    "both places of a block drop the same features": Planted(
        "layers/block.py",
        "(rng.child(0), rng.child(1))\n        a, attn_norm_backward",
        "(rng.child(0), rng.child(0))\n        a, attn_norm_backward",
    ),
    "the cache forgets where it stands": Planted(
        "layers/attention.py",
        "k, _ = self.order.turn(self.split(self.k_proj(x)[0]), start)",
        "k, _ = self.order.turn(self.split(self.k_proj(x)[0]))",
    ),
    "blocks go back in the order in which they came": Planted(
        "models/stack.py", "in reversed(backwards)", "in backwards"
    ),
    "positions learn from one sequence alone": Planted(
        "models/embedding.py", "position_backward(dh.sum(0))", "position_backward(dh[0])"
    ),
    "an encoder's padding speaks": Planted(
        "models/encoder_only.py",
        "        h, hide_backward = F.hide_padding(h, mask)",
        "        h, hide_backward = F.hide_padding(h, None)",
    ),
    "AdamW without bias correction": Planted(
        "training/optimizers.py", "v / (1 - beta2**self.t)", "v"
    ),
    "AdamW decays through the gradient, as Adam does": Planted(
        "training/optimizers.py",
        "        m *= beta1\n        m += (1 - beta1) * g\n",
        "        g = g + self.weight_decay * theta\n"
        "        m *= beta1\n        m += (1 - beta1) * g\n",
    ),
    "biases and norms decay": Planted(
        "training/optimizers.py", "theta[:decayed] *= 1", "theta[:] *= 1"
    ),
    "eps within the root": Planted(
        "training/optimizers.py",
        "        update = np.sqrt(v / (1 - beta2**self.t))\n        update += self.eps\n",
        "        update = np.sqrt(v / (1 - beta2**self.t) + self.eps)\n",
    ),
    "clipping each number by itself": Planted(
        "training/clipping.py",
        "grad *= 1 / np.maximum(norm / limit, 1.0)",
        "np.clip(grad, -limit, limit, out=grad)",
    ),
    "micro-batches weigh alike, whatever they hold": Planted(
        "training/parallel.py",
        "share = objective.n_targets(shard) / max(1, n_batch)",
        "share = 1 / n_shards",
    ),
    "the cosine starts with the warm-up": Planted(
        "training/schedules.py",
        "progress = min(1.0, (step - self.warmup_steps) / falling)",
        "progress = min(1.0, step / self.total_steps)",
    ),
    "temperature twice": Planted(
        "generation/sampling.py",
        "scaled = (z - z.max(-1, keepdims=True)).astype(np.float64) / t",
        "scaled = (z - z.max(-1, keepdims=True)).astype(np.float64) / t / t",
    ),
    "top-p stops before it reaches p": Planted(
        "generation/sampling.py",
        "stays[..., 1:] = cumulative[..., :-1] < p - ROUNDING",
        "stays[..., 1:] = cumulative[..., 1:] < p - ROUNDING",
    ),
    "top-k keeps all that tie": Planted(
        "generation/sampling.py",
        "above | (tied & (tied.cumsum(-1) <= room))",
        "above | tied",
    ),
    "a penalty rewards negative logits": Planted(
        "generation/sampling.py", "np.where(z > 0, z / penalty, z * penalty)", "z / penalty"
    ),
    "a random token may be a special one": Planted(
        "data/objectives/masking.py",
        "rng.choice(ordinary, ids.shape)",
        "rng.integers(0, vocab_size, ids.shape)",
    ),
}
