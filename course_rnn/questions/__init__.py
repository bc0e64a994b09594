"""The exercises: one module of questions per chapter, each with check, hint, solution and progress."""
