"""Sequences to learn from, real and generated, and what turns them into batches.

=============  =======================================================================================
series         an EEG, share prices
text           numbers in words, dates, family names, English prose, "a" or "an"
tasks          echo, recall, adding, binary addition, parity, a^n b^n, copying and reversing
prepare        Vocabulary, windows, pad, batches, splits that do not leak
baselines      what an RNN has to beat: linear, n-gram, majority, naive Bayes
recorded       the results of the experiments and benchmarks that pages quote
=============  =======================================================================================

Nothing is downloaded, nothing reads or sets a global seed, and nothing is read before it is asked for.
"""

from course_rnn.data.baselines import linear_forecast, majority, naive_bayes, ngram_loss, ngram_losses
from course_rnn.data.prepare import (
    BOS,
    EOS,
    PAD,
    UNK,
    Vocabulary,
    batches,
    next_windows,
    pad,
    split,
    split_in_time,
    standardise,
    windows,
)
from course_rnn.data.recorded import results
from course_rnn.data.series import EEG_CHANNELS, eeg, google_prices, stock_prices
from course_rnn.data.tasks import (
    LETTERS,
    adding,
    anbn,
    binary_addition,
    binary_addition_optimum,
    copying,
    delayed_recall,
    echo,
    marked_recall,
    parity,
    reversing,
)
from course_rnn.data.text import (
    NAME_LOCALES,
    articles,
    dates,
    english,
    english_french,
    human_numbers,
    names,
    number_lists,
    words,
)

__all__ = [
    "BOS",
    "EEG_CHANNELS",
    "EOS",
    "LETTERS",
    "NAME_LOCALES",
    "PAD",
    "UNK",
    "Vocabulary",
    "adding",
    "anbn",
    "articles",
    "batches",
    "binary_addition",
    "binary_addition_optimum",
    "copying",
    "dates",
    "delayed_recall",
    "echo",
    "eeg",
    "english",
    "english_french",
    "google_prices",
    "human_numbers",
    "linear_forecast",
    "majority",
    "marked_recall",
    "naive_bayes",
    "names",
    "next_windows",
    "ngram_loss",
    "ngram_losses",
    "number_lists",
    "pad",
    "parity",
    "results",
    "reversing",
    "split",
    "split_in_time",
    "standardise",
    "stock_prices",
    "windows",
    "words",
]
