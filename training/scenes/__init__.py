"""Drawn scenes with questions: a data set that can be made anywhere."""
