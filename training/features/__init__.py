"""Photos as features: pretrained encoders, and the store that keeps what they saw."""
