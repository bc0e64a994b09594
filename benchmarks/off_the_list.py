"""Mistakes that learners make and that no question registers, with a pattern that the right cause fits.

By question: a part of the worked answer's code, what stands there instead, and a regular expression for the cause.
They come from two readings of the exercises by hand. Whoever registers one of them takes it out of here.
"""

OFF_THE_LIST = {
    "feed_forward": [
        ("x @ weight.T + bias", "x @ weight.T - bias", r"bias"),
        ("np.tanh(x @ weight.T + bias)", "-np.tanh(x @ weight.T + bias)", r"sign|minus"),
        ("x @ weight.T", "weight @ x", r"weight is .* x is|inner sizes"),
    ],
    "count_windows": [
        ("(n - W) // stride + 1", "n - W // stride + 1", r"n - W // stride|W // stride"),
        (
            "return n // W, (n - W) // stride + 1, n",
            "return n // W, n, (n - W) // stride + 1",
            r"order|padded.*overlapping",
        ),
    ],
    "split_windows": [
        ("x[j : j + W]", "x[j : j + W][::-1]", r"turned round|axis 1|places"),
        ("x[j : j + W]", "x[j : j + W] * 2", r"factor|2 times"),
    ],
    "window_losses": [
        ("mean_off**2, 2 * off,", "2 * off, mean_off**2,", r"order|dper_window"),
        ("2 * off, np", "-2 * off, np", r"sign|minus"),
    ],
    "masked_mean": [
        ("np.sum(values * mask)", "np.sum(values * ~mask)", r"mask|~mask"),
        ("/ np.sum(mask)", "/ np.sum(mask) * 2", r"2 times|factor"),
    ],
    "forecast_errors": [
        (
            "return np.sqrt(np.mean((means - z[W:]) ** 2)), np.sqrt(np.mean((z[W - 1 : -1] - z[W:]) ** 2))",
            "return np.sqrt(np.mean((z[W - 1 : -1] - z[W:]) ** 2)), np.sqrt(np.mean((means - z[W:]) ** 2))",
            r"order|last_error",
        ),
        ("z[t - W : t].mean()", "z[t - W : t].sum()", r"sum|mean"),
    ],
    "parameter_count": [
        ("H * D + H * H + 2 * H", "H * D + H * H + 2 * H + 1", r"too large by 1"),
        ("return H * D + H * H + 2 * H, O * H + O", "return O * H + O, H * D + H * H + 2 * H", r"order"),
    ],
    "rnn_step": [
        ("x @ weight_ih.T + bias_ih + h", "x @ weight_ih.T + h", r"bias_ih"),
        (
            "np.tanh(x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)",
            "np.maximum(x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh, 0)",
            r"clip|maximum|tanh",
        ),
        ("x @ weight_ih.T + bias_ih", "bias_ih", r"\bx\b|weight_ih"),
        ("+ h @ weight_hh.T", "- h @ weight_hh.T", r"sign|minus|\bh\b|weight_hh"),
        ("x @ weight_ih.T", "weight_ih @ x", r"weight_ih is .* x is|inner sizes"),
    ],
    "first_state": [
        ("+ bias_ih + bias_hh", "+ bias_hh", r"bias_ih"),
        (
            "np.tanh(x @ weight_ih.T + bias_ih + bias_hh)",
            "np.tanh(x @ weight_ih.T) + bias_ih + bias_hh",
            r"tanh\(x @ weight_ih.T|bias",
        ),
    ],
    "rnn_forward": [
        ("x_t @ weight_ih.T + bias_ih + h", "x_t @ weight_ih.T + h", r"bias_ih"),
        ("return np.stack(states), h", "return np.stack(states), np.stack(states)", r"h_n is y|is y"),
        ("return np.stack(states), h", "return np.stack(states[::-1]), h", r"turned round|last stands first"),
        ("h @ weight_hh.T + bias_hh)", "h @ weight_hh + bias_hh)", r"weight_hh"),
        ("+ bias_hh)", ")", r"bias_hh"),
    ],
    "chunk_states": [
        ("+ bias_hh)", ")", r"bias_hh"),
        ("range(0, len(x), size)", "range(0, len(x), size + 1)", r"size"),
        ("h, ends = h0, []", "h, ends = np.zeros_like(h0), []", r"h0"),
    ],
    "softmax_loss": [
        (", -np.take", ", 2 * -np.take", r"2 times|factor"),
        ("return np.exp(log_p), -np", "return log_p, -np", r"exp"),
    ],
    "output_step": [
        ("return h, h @ weight_ho.T + bias_o", "return h, h", r"o_next is h|is h\b"),
        (" + bias_h)", ")", r"bias_h"),
        ("return h, h @", "return h * 2, h @", r"2 times|factor"),
    ],
    "as_elman": [
        ("weight_oh @ weight_ho", "(weight_oh @ weight_ho).T", r"transposed"),
        (" + bias_h", "", r"bias_h"),
    ],
    "per_step_head": [
        ("@ weight_2.T + bias_2", "@ weight_2.T - bias_2", r"bias_2"),
        ("np.tanh(y @ weight_1.T", "np.tanh(y[::-1] @ weight_1.T", r"turned round|last stands first|y"),
    ],
    "context_bias": [
        ("bias_ih + bias_hh +", "bias_hh +", r"bias_ih"),
        ("c @ R.T", "-c @ R.T", r"\bc\b|R|sign"),
        ("return U,", "return R,", r"R"),
    ],
    "elman_step": [
        ("return h_next, h_next @ weight_o.T + bias_o", "return h, h_next @ weight_o.T + bias_o", r"is h\b|as it came"),
        (" + bias_h)", " - bias_h)", r"bias_h"),
    ],
    "stacked_forward": [
        ("+ bias_ih_l1", "", r"bias_ih_l1"),
        ("np.stack([h_1, h_2])", "np.stack([h_2, h_1])", r"turned round|last stands first|h_2, h_1"),
        ("+ bias_hh_l0)", ")", r"bias_hh"),
    ],
    "one_wide_layer": [
        ("[[weight_hh_l0, none]", "[[weight_hh_l0.T, none]", r"weight_hh_l0"),
        ("return weight_ih,", "return -weight_ih,", r"sign|minus"),
    ],
    "heard": [
        ("return s <= t, s >= t,", "return s >= t, s <= t,", r"order"),
        ("s <= t + k", "s <= t - k", r"t - k|k"),
        ("return s <= t,", "return s < t,", r"s < t"),
    ],
    "both_directions": [
        ("return h_forward, h_backward", "return h_backward, h_forward", r"order"),
        ("return h_forward, h_backward", "return h_forward, h_forward", r"h_backward is h_forward|is h_forward"),
    ],
    "merge": [
        ("h_forward * h_backward", "h_forward", r"h_forward"),
    ],
    "reverse_padded": [
        ("x[:n, b][::-1]", "x[:n, b]", r"is x|as it came"),
        ("reversed_x[:n, b] =", "reversed_x[: n - 1, b] =", r"n - 1|inner|shape|size"),
    ],
    "backward_states": [
        ("lengths - 1 - t, t)", "lengths - 1 - t, t * 0)", r"."),
    ],
    "best_forward": [
        ("1 / 4", "1 / 2", r"1 / 2|2"),
    ],
    "shift_inputs": [
        ("return target_in, target,", "return target, target_in,", r"order"),
    ],
    "masked_loss": [
        ("return loss,", "return 2 * loss,", r"2 times|factor"),
    ],
    "decoder_states": [
        ("+ bias)", ")", r"bias|\bb\b"),
        ("np.stack(states)", "np.stack(states[::-1])", r"turned round|last stands first"),
    ],
    "bleu_parts": [
        ("return precision, min", "return precision / 2, min", r"0.5 times|factor"),
    ],
    "linear_backward": [
        ("do @ weight,", "-do @ weight,", r"sign|minus"),
        ("return do @ weight, do.T @ h, do.sum(axis=0)", "return do.T @ h, do @ weight, do.sum(axis=0)", r"order"),
        ("do.sum(axis=0)", "do.sum(axis=0, keepdims=True)", r"shape|axis"),
    ],
    "rnn_step_backward": [
        ("return da @ weight_ih, da @ weight_hh,", "return da @ weight_hh, da @ weight_ih,", r"order"),
        ("1 - h_next**2", "h_next**2 - 1", r"sign|minus|h_next ?\*\* ?2 - 1"),
        ("da.T @ x", "(da.T @ x).T", r"transposed"),
    ],
    "rnn_backward": [
        ("return dx, later,", "return dx, np.zeros_like(later),", r"dh0|h0|later"),
        (
            "return dx, later, dweight_ih, dweight_hh, dbias",
            "return dx, dweight_ih, dweight_hh, dbias, later",
            r"order",
        ),
    ],
    "numerical_gradient": [
        (
            "loss(x, target, weight_ih, up, bias) - loss(x, target, weight_ih, down, bias)",
            "loss(x, target, weight_ih, down, bias) - loss(x, target, weight_ih, up, bias)",
            r"sign|minus",
        ),
        ("return dweight_hh", "return dweight_hh.T", r"transposed"),
    ],
    "chain_gradients": [
        (
            "return dp * w_y * w_h**L, dp * w_y * L * w_h ** (L - 1) * h_0,",
            "return dp * w_y * L * w_h ** (L - 1) * h_0, dp * w_y * w_h**L,",
            r"order",
        ),
        ("dp * w_y * L * w_h", "dp * w_y * w_h", r"divided by L|\bL\b"),
    ],
    "jacobian_norms": [
        ("np.array(norms)", "np.array(norms) ** 2", r"root|square"),
    ],
    "clip_norm": [
        ("scale * dbias, norm", "scale * dbias, norm**2", r"root|square"),
        ("max_norm / norm if", "-max_norm / norm if", r"sign|minus|-max_norm"),
    ],
    "gated_parameters": [
        ("4 * (block + H), 4 * (block + 2 * H), 3", "4 * (block + 2 * H), 4 * (block + H), 3", r"order"),
        ("block = H * (H + D)", "block = D * (H + D)", r"\bD\b|exchanged"),
    ],
    "lstm_step": [
        ("sigmoid(f) * c + sigmoid(i) * np.tanh(g)", "sigmoid(f) * c + np.tanh(g)", r"np.tanh\(g\)|sigmoid\(i\)"),
        ("sigmoid(i) * np.tanh(g)", "sigmoid(i) * g", r"sigmoid\(i\) \* g|`g`|tanh"),
        ("x @ weight_ih.T + bias_ih + h", "x @ weight_ih.T + h", r"bias_ih"),
        ("sigmoid(o) * np.tanh(c_next), c_next", "sigmoid(o) * np.tanh(c_next), c", r"is c\b|as it came"),
    ],
    "lstm_step_backward": [
        ("da @ weight_ih, da @ weight_hh, dc_all * f,", "da @ weight_hh, da @ weight_ih, dc_all * f,", r"order"),
        ("da.T @ x, da.T @ h,", "da.T @ h, da.T @ x,", r"order"),
        ("dc_all * f,", "dc_all,", r"dc_all|\bf\b"),
    ],
    "gru_step": [
        ("np.tanh(a[:, 2 * H :] + past)", "(a[:, 2 * H :] + past)", r"tanh|a\[:, 2 \* H:\] \+ past"),
        ("h @ weight_hh.T + bias_hh", "h @ weight_hh.T", r"bias_hh"),
        ("(1 - z) * n + z * h", "n + z * h", r"n|1 - z"),
    ],
    "write_to_keep": [
        ("weight_ih * sign[:, None],", "weight_ih,", r"is weight_ih|as it came"),
    ],
    "forget_bias": [
        ("np.log(f / (1 - f))", "-np.log(f / (1 - f))", r"sign|minus"),
        ("np.log(f / (1 - f))", "f / (1 - f)", r"log"),
    ],
    "ticks_needed": [
        ("T + L - 1, L * T", "L * T, T + L - 1", r"order"),
    ],
    "hoisted_rnn": [
        ("+ bias_ih + bias_hh", "+ bias_hh", r"bias_ih"),
        ("return a, np.stack(y)", "return np.stack(y), a", r"order"),
    ],
    "gru_hoisted": [
        ("x @ weight_ih.T + bias_ih + early", "x @ weight_ih.T + early", r"bias_ih"),
    ],
    "roofline": [
        ("1e9 * max", "1e6 * max", r"0.001 times|factor|1000000"),
        ("moving > arithmetic", "nbytes > operations", r"."),
    ],
    "enough_rows": [
        ("return math.ceil(", "return 1 + math.ceil(", r"1|one"),
    ],
    "tile_places": [
        ("t * B * H + row", "t * H + row", r"t \* H|\bB\b"),
    ],
    "row_steps": [
        (
            "in_tiles(lengths), in_tiles(np.sort(lengths)[::-1]),",
            "in_tiles(np.sort(lengths)[::-1]), in_tiles(lengths),",
            r"order",
        ),
    ],
    "one_map": [
        ("return A, B", "return B, A", r"order"),
        ("a_t * B + b_t", "a_t * B - b_t", r"\bb\b|b_t"),
    ],
    "scan_gradients": [
        ("return db * before, db, a[0] * db[0]", "return db, db * before, a[0] * db[0]", r"order"),
        ("a[0] * db[0]", "db[0]", r"db\[0\]|\ba\b"),
    ],
    "min_gru": [
        (" + bias_z)", ")", r"bias_z"),
        (" + bias_h\n", "\n", r"bias_h"),
        ("return a, b,", "return b, a,", r"order"),
    ],
    "maps_by_hand": [
        ("hold = 1 - marked, marked * value", "hold = marked * value, 1 - marked", r"order"),
    ],
    "fading_attention": [
        ("S = decay[t] * S + np.outer", "S = S + np.outer", r"`S`|decay"),
        ("return np.stack(y), S,", "return np.stack(y), S.T,", r"transposed"),
    ],
}
