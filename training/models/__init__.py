"""Keras models, one file each."""
