"""Why an answer is wrong: small rules, of which the first that is certain speaks.

A rule gets the `Evidence` and returns a `Cause` or None. It may only say what holds in every case and for every wrong
value that it speaks of; where two explanations fit, it says neither. A registered mistake that does in everything what
the answer does comes first, as its words were written for it; then what can be seen without knowing any mistake; then
what several steps away from the answer make.
"""

from course_rnn.checking.diagnose import (
    as_if,
    blocks,
    one_edit,
    only,
    overflow,
    pair,
    part,
    registered,
    relations,
    unused,
)
from course_rnn.checking.diagnose.evidence import Cause, Evidence

RULES = (
    registered.of_everything,
    overflow.of_large_numbers,
    relations.order,
    relations.an_input,
    registered.where_there_are_numbers,
    pair.of_mistakes,
    relations.a_row,
    unused.argument,
    relations.of_values,
    as_if.one_argument,
    as_if.a_mask,
    part.of_the_data,
    blocks.of_the_arguments,
    pair.with_an_argument,
    registered.of_some_values,
    relations.other_places,
    one_edit.of_the_answer,
    as_if.two_arguments,
    relations.of_a_block,
    as_if.one_value,
    one_edit.of_a_value,
    only.with_a_setting,
    only.where,
)

__all__ = ["RULES", "Cause", "Evidence", "cause"]


def cause(evidence) -> Cause | None:
    """The first cause that a rule is certain of; None where none is."""
    if not evidence.wrong:  # all values are right: what is wrong has been said
        return None
    return next(filter(None, (rule(evidence) for rule in RULES)), None)
