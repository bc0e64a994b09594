"""What a right answer must also be: within a number of operations, and open to gradients where it is trained."""

from dataclasses import dataclass

from course_rnn.checking import effort
from course_rnn.checking.compare import alike


@dataclass(frozen=True)
class Budget:
    """How many operations on arrays an answer may take.

    Attributes
    ----------
    case : callable
        ``case()`` makes the arguments of the one case in which they are counted: a long sequence.
    most : int
    counted : str
        As for `effort.operations`.
    message : str
        What to say to an answer that takes more; {count} and {most} stand for the numbers.
    """

    case: callable
    most: int
    message: str
    counted: str = "all"


def finding(question, answer):
    """What is wrong with an answer whose values are right, as a sentence; None where nothing is."""
    found = None
    if question.trained:
        arguments = question.draw(question.seeds[0])
        found = of_gradients(question, arguments, *effort.gradients(answer, arguments, question.returns))
    if found is None and question.budget:
        budget = question.budget
        count = effort.operations(answer, budget.case(), question.library, budget.counted)
        found = of_count(question, count)
    return found


def of_gradients(question, arguments, found, problem):
    """What is wrong with the gradients that `effort.gradients` found on some arguments; None where nothing is."""
    if problem:
        return problem
    wanted, _ = effort.gradients(question.reference, arguments, question.returns)
    for name, got, want in zip(arguments, found, wanted, strict=True):
        if (got is None) != (want is None) or (got is not None and not alike(got, want, question.tolerance)):
            return f"The values are right, but not the gradient of {name}: something on its way is detached or changed."
    return None


def of_count(question, count):
    """What is wrong with a number of operations, None where they cannot be counted; None where nothing is."""
    if count is None or count <= question.budget.most:
        return None
    return question.budget.message.format(count=count, most=question.budget.most)
