"""What makes pages of the book from the questions, and makes its pages live.

``atlas`` and ``objectives`` write the atlas of mistakes and the tables of objectives, ``live`` gathers the interpreter
that runs cells in a browser, ``slices`` finds what a single cell of a chapter needs.
"""
