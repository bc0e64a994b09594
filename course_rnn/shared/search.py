"""What greedy decoding and beam search check and cut, whatever the library of their arrays."""

from itertools import takewhile


def until_eos(columns, eos):
    """Cut each list of tokens before its first EOS."""
    return [list(takewhile(lambda token: token != eos, column)) for column in columns]


def check_choice(name, value, choices):
    """Refuse a value that is none of the choices."""
    if value not in choices:
        raise ValueError(f"{name} is {value!r}, expected one of {', '.join(map(repr, choices))}")


def check_search(vocab_size, bos, eos, **counts):
    """Refuse tokens that are not in the vocabulary, and counts below 1."""
    for name, token in (("bos", bos), ("eos", eos)):
        if not 0 <= token < vocab_size:
            raise ValueError(f"{name} is {token}, expected a token of the decoder, 0 to {vocab_size - 1}")
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"{name} is {count}, expected at least 1")
