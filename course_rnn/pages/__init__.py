"""What makes pages of the book from the questions: the atlas of mistakes and the tables of objectives."""
