"""A page on this machine alone, from which an instructor looks at a graded class and decides what no machine can."""
