"""How right a model is, and how sure it may be: evaluation, the official metrics, calibration."""
