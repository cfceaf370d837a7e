"""A second assistant, which reads: a photo → the text in it, and a question about it → what is said."""
