"""Training runs: their settings, batches, learners and checkpoints."""
