"""What the reference and its torch twin have in common and what touches no array.

=========  ================================================================================
cell       what a cell says of itself: gates, states, shapes of its weights
search     decoding: choices and their sentences, where a sequence ends
train      what a training run leaves behind, and how a long sequence is cut into chunks
=========  ================================================================================

Nothing here imports numpy or torch, so either side may import it and neither needs the other.
"""
