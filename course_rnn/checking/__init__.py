"""The engine of questions: it runs an answer on random cases, judges it, and says what went wrong."""
