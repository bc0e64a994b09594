"""Box-and-arrow diagrams, drawn from nodes and edges.

Every function takes its sizes and returns a `Diagram`, which shows itself in a notebook as SVG, has the words for
somebody who cannot see it in ``.alt``, and what it claims in ``.nodes`` and ``.edges``.

>>> from course_rnn import diagrams
>>> d = diagrams.unrolled_rnn(steps=3)
>>> d.edges[0]
Edge(source='xt', target='ht', label='$W_{ih}$', role='neutral', style='-')

`GALLERY` lists each diagram of the book by name, with a call that draws it.

>>> diagrams.GALLERY["lstm_cell"].draw().nodes["c_next"].label
'$c_t$'
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from course_rnn.diagrams.cells import UGRNN, any_cell, computational_graph, gru_cell, lstm_cell, vanilla_module
from course_rnn.diagrams.deep import bidirectional_rnn, recursive_network, stacked_rnn
from course_rnn.diagrams.draw import Diagram, Edge, Node
from course_rnn.diagrams.feedforward import (
    applications,
    batch_order,
    batch_to_layer,
    feed_forward_layer,
    feed_forward_network,
    mlp_graph,
    video_frames,
    windowing,
    word_order,
)
from course_rnn.diagrams.gradients import backprop_chain, truncated_bptt
from course_rnn.diagrams.heads import (
    classification_net,
    final_state_head,
    five_modes,
    generation_net,
    per_step_heads,
    vector_to_sequence,
)
from course_rnn.diagrams.recurrent import (
    forward_propagation,
    output_recurrence,
    recurrent_network,
    rnn_steps,
    unrolled_rnn,
)
from course_rnn.diagrams.seq2seq import attention, encoder_decoder, encoder_decoder_context
from course_rnn.diagrams.unfolding import (
    delay_circuit,
    dynamical_system,
    expanded_recursion,
    folded_module,
    loop_and_unrolled,
    unrolled_module,
)


class Entry(NamedTuple):
    """A diagram of the gallery: how to draw it, and which figures of the course's sources it stands for."""

    draw: Callable[[], Diagram]
    figures: tuple[str, ...] = ()


GALLERY: dict[str, Entry] = {
    # sequential data
    "batch_to_layer": Entry(partial(batch_to_layer, batch=3), ("S0 batch to layer",)),
    "feed_forward_layer": Entry(partial(feed_forward_layer, inputs=3, outputs=4), ("S0 FF layer",)),
    "feed_forward_network": Entry(partial(feed_forward_network, (3, 4, 4, 2)), ("S2 multi-layer FNN",)),
    "mlp_graph": Entry(partial(mlp_graph, layers=3), ("S1 MLP DAG",)),
    "batch_order": Entry(partial(batch_order, ("cat", "dog", "bird"), (2, 0, 1)), ("S0 cat/dog order",)),
    "word_order": Entry(word_order),
    "video_frames": Entry(partial(video_frames, frames=4), ("S0 video frames",)),
    "applications": Entry(applications, ("S3 four applications",)),
    "windowing_words": Entry(windowing, ("S3 windowing",)),
    "windowing_characters": Entry(
        partial(windowing, "Hello world!", size=3, next_token=True, shown=5), ("S3 windowing",)
    ),
    # simple RNN
    "dynamical_system_cyclic": Entry(partial(dynamical_system, folded=True), ("S1 dynamical system cyclic",)),
    "dynamical_system": Entry(partial(dynamical_system, steps=3), ("S1 dynamical system unfolded",)),
    "dynamical_system_with_input": Entry(
        partial(dynamical_system, steps=3, inputs=True), ("S1 dynamical system with input",)
    ),
    "delay_circuit": Entry(
        partial(delay_circuit, steps=3), ("S1 hidden-layer circuit with delay", "S1 hidden-layer circuit unfolded")
    ),
    "rnn_step_1": Entry(partial(rnn_steps, 1, 1), ("S0 RNN step 1",)),
    "rnn_step_2": Entry(partial(rnn_steps, 2, 2), ("S0 RNN step 2",)),
    "rnn_step_3": Entry(partial(rnn_steps, 3, 3), ("S0 RNN step 3",)),
    "rnn_steps": Entry(partial(rnn_steps, 1, 3), ("S0 RNN whole vertical",)),
    "folded_module": Entry(folded_module, ("S0 folded",)),
    "unrolled_module": Entry(partial(unrolled_module, steps=3), ("S0 horizontal with theta boxes",)),
    "loop_and_unrolled": Entry(
        partial(loop_and_unrolled, steps=3, outputs=False), ("S3 loop vs unrolled, states only",)
    ),
    "loop_and_unrolled_with_outputs": Entry(
        partial(loop_and_unrolled, steps=3), ("S3 loop vs unrolled, with outputs", "S2 unfolded RNN")
    ),
    "expanded_recursion": Entry(partial(expanded_recursion, steps=3), ("S0 expanded recursion",)),
    "unrolled_rnn": Entry(partial(unrolled_rnn, steps=4), ("S4 Fig. 1 folded/unfolded with U, W, V",)),
    "recurrent_network": Entry(partial(recurrent_network, inputs=3, hidden=4, outputs=2), ("S2 RNN",)),
    "computational_graph": Entry(computational_graph, ("S2 equation on the computational graph",)),
    "vanilla_module": Entry(vanilla_module, ("S3 vanilla module",)),
    "forward_propagation": Entry(partial(forward_propagation, steps=3), ("S1 forward prop with o, y-hat, L, y",)),
    "output_recurrence": Entry(partial(output_recurrence, steps=3)),
    # using the states, depth
    "five_modes": Entry(partial(five_modes, steps=3), ("S3 five modes",)),
    "final_state_regression": Entry(partial(final_state_head, steps=4), ("S0 final state to regression",)),
    "final_state_softmax": Entry(partial(final_state_head, steps=4, head="softmax"), ("S0 final to softmax",)),
    "per_step_heads": Entry(partial(per_step_heads, steps=4), ("S0 per-step heads",)),
    "per_step_heads_deep": Entry(partial(per_step_heads, steps=3, depth=2)),
    "per_step_heads_folded": Entry(partial(per_step_heads, folded=True), ("S0 per-step heads folded",)),
    "classification_net": Entry(partial(classification_net, "Sato"), ("S3 classification net",)),
    "generation_net": Entry(partial(generation_net, "Sato"), ("S3 generation net",)),
    "vector_to_sequence": Entry(partial(vector_to_sequence, steps=3), ("S1 vector to sequence",)),
    "stacked_rnn": Entry(partial(stacked_rnn, steps=3, layers=2), ("S0 2-layer unrolled", "S1 stacked")),
    "stacked_rnn_folded": Entry(partial(stacked_rnn, layers=2, folded=True), ("S0 2-layer folded",)),
    "stacked_rnn_three": Entry(partial(stacked_rnn, steps=4, layers=3), ("S3 deep",)),
    "recursive_network": Entry(partial(recursive_network, leaves=4)),
    # bidirectional
    "birnn_forward": Entry(partial(bidirectional_rnn, steps=3, show="forward"), ("S0 BiRNN forward",)),
    "birnn_backward": Entry(partial(bidirectional_rnn, steps=3, show="backward"), ("S0 BiRNN backward",)),
    "birnn_final": Entry(partial(bidirectional_rnn, steps=3, show="final"), ("S0 BiRNN combine-final",)),
    "birnn_each": Entry(
        partial(bidirectional_rnn, steps=4), ("S0 BiRNN combine-per-step", "S1 BiRNN", "S3 bidirectional")
    ),
    "birnn_stacked": Entry(partial(bidirectional_rnn, steps=3, layers=2)),
    # sequence to sequence
    "encoder_decoder": Entry(
        partial(encoder_decoder, source=3, target=4), ("S0 encoder-decoder with red and dotted curves",)
    ),
    "encoder_decoder_teacher": Entry(partial(encoder_decoder, source=3, target=4, teacher_forcing=True)),
    "context_init": Entry(partial(encoder_decoder_context, context="init")),
    "context_every_step": Entry(partial(encoder_decoder_context, context="every_step")),
    "context_both": Entry(partial(encoder_decoder_context, context="both"), ("S1 seq2seq",)),
    "attention": Entry(partial(attention, source=4)),
    # gradients and gates
    "backprop_chain": Entry(partial(backprop_chain, steps=3), ("S3 backprop over the chain",)),
    "truncated_bptt": Entry(partial(truncated_bptt, steps=6, chunk=3)),
    "lstm_cell": Entry(lstm_cell, ("S3 LSTM cell",)),
    "gru_cell": Entry(gru_cell, ("S3 GRU cell",)),
    "any_cell": Entry(partial(any_cell, UGRNN())),
    "gru_cell_reset_before": Entry(partial(gru_cell, reset_after=False), ("S3 GRU cell",)),
}

__all__ = [
    "GALLERY",
    "Diagram",
    "Edge",
    "Entry",
    "Node",
    "any_cell",
    "applications",
    "attention",
    "backprop_chain",
    "batch_order",
    "batch_to_layer",
    "bidirectional_rnn",
    "classification_net",
    "computational_graph",
    "delay_circuit",
    "dynamical_system",
    "encoder_decoder",
    "encoder_decoder_context",
    "expanded_recursion",
    "feed_forward_layer",
    "feed_forward_network",
    "final_state_head",
    "five_modes",
    "folded_module",
    "forward_propagation",
    "generation_net",
    "gru_cell",
    "loop_and_unrolled",
    "lstm_cell",
    "mlp_graph",
    "output_recurrence",
    "per_step_heads",
    "recurrent_network",
    "recursive_network",
    "rnn_steps",
    "stacked_rnn",
    "truncated_bptt",
    "unrolled_module",
    "unrolled_rnn",
    "vanilla_module",
    "vector_to_sequence",
    "video_frames",
    "windowing",
    "word_order",
]
