"""Where everything of a stranger stays: a sandbox, what is in it, and what may come out of it."""
