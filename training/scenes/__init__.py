"""Drawn scenes with questions and answers: a data set that needs no download."""
