"""What an ask goes through: admission, its photo's features, the engines' batches, and the models that answer."""
