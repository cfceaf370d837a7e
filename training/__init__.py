"""Data sets, models, training, evaluation and export; nothing here is imported by the server."""
