"""Words and letters: numbers spelled out, dates, family names, and English prose.

Everything comes from installed packages (num2words, Faker, matplotlib); nothing is downloaded.
"""

import ast
import datetime
import importlib
import re
import unicodedata
from collections import Counter
from functools import cache
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path

import numpy as np

from course_rnn.data import checks

NAME_LOCALES = ("it_IT", "es_ES", "nl_NL", "de_AT", "hr_HR", "fi_FI", "fr_FR", "en_GB")


def words(text):
    """Return the words of a text in order, without punctuation; hyphens and apostrophes inside a word stay.

    Examples
    --------
    >>> words("This is a great movie.")
    ['This', 'is', 'a', 'great', 'movie']
    """
    return re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", text)


# Numbers


@cache
def _spell(number, language):
    """Return the words of a number: no comma, no English "and", and a hyphen parts two words."""
    from num2words import num2words

    return tuple(word for word in words(num2words(number, lang=language).replace("-", " ")) if word != "and")


def human_numbers():
    """Return the numbers from 1 to 9999 in English words, one after the other, as one text of 63,095 tokens.

    Returns
    -------
    list of str
        9,998 lines (8000 is left out, so that the count is that of the data set known as Human Numbers) joined by
        the token ``"."``, 30 different tokens in all.

    Notes
    -----
    Best loss: 0, since each line follows from the one before. On the test part of ``split_in_time``, `ngram_loss` is
    2.82 nats a token for n = 1, 3.26 for 2 and 3.59 for 3: longer contexts mislead, as the training part ends after
    7,120 and the test part begins with 8,561. The token most frequent in training, ".", is right 0.152 of the time.

    Source: made with num2words (LGPL), after the fast.ai data set of that name.

    Examples
    --------
    >>> " ".join(human_numbers()[:9]), len(human_numbers()), len(set(human_numbers()))
    ('one . two . three . four . five', 63095, 30)
    """
    first, *others = (_spell(number, "en") for number in range(1, 10_000) if number != 8000)
    return [*first, *(word for line in others for word in (".", *line))]


def english_french():
    """Return the numbers from 0 to 9999 as 10,000 pairs of English and French words, in order.

    Returns
    -------
    list of (tuple of str, tuple of str)
        All English sides differ, and all French ones, so that `split` puts no number in two parts.

    Notes
    -----
    English has 30 words, up to 6 a number, French 27, up to 8. The French side is longer in 2,745 pairs and shorter in
    1,302.

    Source: made with num2words (LGPL).

    Examples
    --------
    >>> english_french()[97]
    (('ninety', 'seven'), ('quatre', 'vingt', 'dix', 'sept'))
    """
    return [(_spell(number, "en"), _spell(number, "fr")) for number in range(10_000)]


def number_lists(lengths, rng):
    """Return one pair for each length k: k numbers from 0 to 99 in English words and the same in French, with commas.

    Returns
    -------
    list of (tuple of str, tuple of str)
        ``","`` stands between two numbers.

    Notes
    -----
    A list of k numbers holds k log(100) nats, which a decoder without attention must find in one context vector. There
    are only 100 lists of one number: draw all lists at once and deal them out by `split`, which keeps copies together.

    Source: made with num2words (LGPL).

    Examples
    --------
    >>> number_lists([2], np.random.default_rng(0))
    [(('eighty', 'five', ',', 'sixty', 'three'), ('quatre', 'vingt', 'cinq', ',', 'soixante', 'trois'))]
    """
    lengths = checks.all_positive("lengths", lengths)
    checks.generator(rng)
    pairs = []
    for k in lengths:
        numbers = rng.integers(100, size=k).tolist()
        pairs.append(tuple(sum([(",", *_spell(n, language)) for n in numbers], ())[1:] for language in ("en", "fr")))
    return pairs


# Dates

_MONTHS = ["January", "February", "March", "April", "May", "June"]
_MONTHS += ["July", "August", "September", "October", "November", "December"]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_FORMATS = (
    "{day} {month} {year}",
    "{month} {day}, {year}",
    "{weekday}, {day} {month} {year}",
    "{day} {month:.3} {year}",
    "{day}.{number}.{year}",
    "{day:02}/{number:02}/{year}",
)


def dates(n, rng):
    """Return n days of the years 1950 to 2049 as people write them, each with its ISO form.

    Returns
    -------
    list of (str, str)
        Six formats, drawn uniformly like the days; where only digits stand, the day comes first.

    Notes
    -----
    Best: exact, since every way of writing names one day. Chance: the most frequent character at each of the ten
    places of the ISO form is right 0.456 of the time. To keep a day out of two parts:
    ``split(pairs, rng, by=[iso for _, iso in pairs])``.

    Examples
    --------
    >>> dates(2, np.random.default_rng(0))
    [('24 Jan 2035', '2035-01-24'), ('September 12, 2013', '2013-09-12')]
    """
    checks.positive(n=n)
    checks.generator(rng)
    first, last = datetime.date(1950, 1, 1).toordinal(), datetime.date(2049, 12, 31).toordinal()
    pairs = []
    for ordinal, k in zip(rng.integers(first, last + 1, n).tolist(), rng.integers(len(_FORMATS), size=n), strict=True):
        day = datetime.date.fromordinal(ordinal)
        fields = {"day": day.day, "number": day.month, "year": day.year}
        # not strftime, whose names of months and days depend on the locale of the machine
        human = _FORMATS[k].format(month=_MONTHS[day.month - 1], weekday=_DAYS[day.weekday()], **fields)
        pairs.append((human, day.isoformat()))
    return pairs


# Family names


def _fold(name):
    """Return a name in lower case and without accents: ß becomes ss, đ becomes d."""
    decomposed = unicodedata.normalize("NFKD", name.casefold().replace("đ", "d"))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


@cache
def _names():
    lists = {}
    for locale in NAME_LOCALES:
        provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        lists[locale] = {_fold(name) for name in provider.last_names}
    count = Counter(name for names in lists.values() for name in names)
    pairs = []
    for locale, names in lists.items():
        own = sorted(name for name in names if count[name] == 1 and re.fullmatch("[a-z]+", name))
        chosen = np.linspace(0, len(own) - 1, min(len(own), 400)).round().astype(int)
        pairs += [(own[k], locale) for k in chosen]
    return pairs


def names():
    """Return 3,125 family names, each with the one locale of eight in whose list it stands.

    Returns
    -------
    list of (str, str)
        Name and locale, sorted by locale as in `NAME_LOCALES`, then by name: 400 of each, evenly spaced over the
        alphabet, but 397 for fi_FI and 328 for fr_FR, which have no more. No name occurs twice.

    Notes
    -----
    A label is the name of a list, not an origin: lists of family names mix what history has mixed (Austria's holds
    many Slavic names, Britain's Irish ones), and who bears a name may come from anywhere.

    Names are in lower case without accents, which would give the answer away. Names that stand in two lists,
    and names of several words or with an apostrophe, are left out.

    On the test part of ``split(names(), np.random.default_rng(0))`` the most frequent label is right 0.130
    of the time, `naive_bayes` on letters 0.486, on letters and pairs 0.695, with triples 0.733.

    Source: the lists ``last_names`` of Faker (MIT licence), another choice with another version of Faker.

    Examples
    --------
    >>> names()[0], names()[-1]
    (('abatantuono', 'it_IT'), ('young', 'en_GB'))
    """
    return list(_names())


# English prose

_PLAIN = re.compile(r"``([^`]+)``|\*{1,2}(\w[^*]*?)\*{1,2}")  # ``literal``, *emphasis*, **strong**
_REFERENCE = re.compile(r"(?::[\w:]+:)?`([^`]+)`_{0,2}")  # `.Axes.plot`, :role:`text <target>`, `text <address>`_
_SENTENCE = re.compile(r"[A-Z][A-Za-z0-9 ,.;:'()\"-]+\.")


def _docstrings(node):
    """Yield the docstrings of a module and of the classes and functions in it, in the order of the file."""
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        yield ast.get_docstring(node) or ""
    for child in getattr(node, "body", ()):
        yield from _docstrings(child)


def _shown(reference):
    """Return what the page shows of a matched reference: its text, of ``~.Axes.plot`` the last part alone."""
    text = re.sub(r"\s*<.*>$", "", reference[1])
    return text.rpartition(".")[2].lstrip("~") if text.startswith("~") else text.lstrip(".!")


def _indent(line):
    """Return how far a line is indented, None for one that is empty or underlines a heading."""
    return len(line) - len(line.lstrip()) if line.strip(" -=~") else None


def _paragraphs(docstring):
    """Yield the runs of lines that are equally far indented, each as one line without markup."""
    for indent, run in groupby(docstring.splitlines(), key=_indent):
        run = [line.strip() for line in run]
        if indent is not None and not any("   " in line for line in run):  # three spaces inside a line: a table
            text = _PLAIN.sub(lambda match: match[1] or match[2], " ".join(" ".join(run).split()))
            yield _REFERENCE.sub(_shown, text)


@cache
def _sentences():
    root = Path(find_spec("matplotlib").origin).parent
    topic_of = {}
    for topic, path in sorted((path.relative_to(root).as_posix(), path) for path in root.rglob("*.py")):
        if topic.startswith("tests/"):
            continue  # not every installation has them
        for docstring in _docstrings(ast.parse(path.read_text(encoding="utf-8"))):
            for paragraph in _paragraphs(docstring):
                for sentence in re.split(r"(?<=\.)\s+(?=[A-Z])", paragraph):
                    if _SENTENCE.fullmatch(sentence) and sentence.count(" ") >= 4:
                        topic_of.setdefault(sentence, topic)
    return topic_of


def english():
    """Return 7,333 sentences of English prose (510,297 characters), and the topic of each.

    Returns
    -------
    sentences, topics : list of str
        No sentence occurs twice; it belongs to the first file that holds it. A topic is a file of matplotlib, one of
        130; ``split(sentences, rng, by=topics)`` keeps the wording of one file in one part.

    Notes
    -----
    The prose is that of the docstrings of matplotlib (its licence is like that of Python), read with `ast`: no module
    is imported, and every Python reads the same. Kept are whole sentences: they begin with a capital, end in a full
    stop, have five words or more, and hold letters, digits and ordinary punctuation only, 72 characters in all. So
    headings, lists of parameters, tables, code, formulas and sentences about ``names_like_this`` fall away; of markup
    the text that a reader would see stays. The choice changes with the version of matplotlib.

    On the test part of ``split(sentences, np.random.default_rng(0), by=topics)``, joined by spaces, `ngram_loss`
    gives, in nats a character, 3.079 for n = 1, 1.895 for 3 and 1.349 for 6.

    Source: docstrings of matplotlib.

    Examples
    --------
    >>> sentences, topics = english()
    >>> sentences[2], topics[2]
    ('Most pyplot functions are wrappers for Axes methods.', '__init__.py')
    """
    return list(_sentences()), list(_sentences().values())


def articles(width=24):
    """Return every place of `english` where "a" or "an" stands, with the article hidden.

    Returns
    -------
    contexts : list of str
        `width` characters before, ``"_"`` for the article, `width` characters after, filled up with spaces where the
        sentence begins or ends. No context occurs twice.
    labels : ndarray of int64
        0 for "a", 1 for "an".
    topics : list of str
        As in `english`: ``split(range(len(contexts)), rng, by=topics)``.

    Notes
    -----
    2,879 contexts, 2,419 of them "a". On the test part of ``split(range(2879), np.random.default_rng(0), by=topics)``
    "a" is right 0.796 of the time, `majority` by the word before 0.786, by the first letter after 0.974. The letter A
    as a name ("A and B") is left out where "and" or "or" follows; the mistakes of the authors stand.

    Source: docstrings of matplotlib, as for `english`.

    Examples
    --------
    >>> contexts, labels, topics = articles(width=12)
    >>> contexts[5], int(labels[5])
    (' is called, _ additional ', 1)
    """
    checks.positive(width=width)
    found = {}
    for sentence, topic in _sentences().items():
        for match in re.finditer(r"\b[Aa]n?(?= (?!(?:and|or)\b)[A-Za-z])", sentence):
            before, after = sentence[: match.start()][-width:], sentence[match.end() :][:width]
            found.setdefault(f"{before:>{width}}_{after:<{width}}", (len(match.group()) - 1, topic))
    labels, topics = zip(*found.values(), strict=True)
    return list(found), np.array(labels), list(topics)
