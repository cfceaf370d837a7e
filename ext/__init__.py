"""Question text to token rows to padded word vectors."""
