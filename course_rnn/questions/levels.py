"""How hard a question is: whether its answer stands on the page, is a change of what stands there, or is open.

Open is what is built, tuned or repaired: there is a goal to reach or a run that is broken, and no line to copy.
Chapter 08 has no levels yet.
"""

PAGE, CHANGED, OPEN = "from the page", "changed", "open"

#: The questions of each level, in the order of the chapters.
LEVELS = {
    PAGE: (
        *("feed_forward", "split_windows", "pad_names"),
        *("parameter_count", "rnn_step", "rnn_forward", "softmax_loss"),
        *("per_step_head", "last_state_head", "stacked_forward"),
        *("both_directions", "merge", "final_states"),
        *("shift_inputs", "masked_loss", "dot_attention"),
        *("linear_backward", "rnn_step_backward", "clip_norm"),
        *("gated_parameters", "lstm_step", "gru_step"),
        *("one_map", "min_gru"),
    ),
    CHANGED: (
        *("count_windows", "window_losses", "masked_mean"),
        *("first_state", "output_step", "as_elman"),
        *("context_bias", "elman_step", "sample_letters", "one_wide_layer"),
        *("heard", "reverse_padded", "backward_states", "summary"),
        *("decoder_states", "greedy_tokens", "bleu_parts"),
        *("numerical_gradient", "rnn_backward", "chain_gradients", "jacobian_norms"),
        *("from_joined", "lstm_step_backward", "write_to_keep", "forget_bias"),
        *("scan_gradients", "fading_attention"),
    ),
    OPEN: (
        "forecast_errors",
        *("chunk_states", "train_readout", "repair_forecast"),
        *("early_stop", "rate_search", "train_in_torch", "repair_letters"),
        *("best_forward", "repair_evaluation"),
        *("best_by_beam", "repair_generation"),
        *("truncated_gradient", "train_clipped", "repair_pieces"),
        *("log_t_start", "coupled_pointwise", "coupled_pointwise_backward", "repair_in_torch"),
        *("doubling_scan", "maps_by_hand", "repair_memory"),
    ),
}


def level_of(name):
    """The level of a question by its name; "" where it has none.

    Examples
    --------
    >>> level_of("rnn_step"), level_of("train_readout")
    ('from the page', 'open')
    """
    return next((level for level, names in LEVELS.items() if name in names), "")
