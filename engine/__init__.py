"""Arrays in, arrays out: engines and the bundle on disk."""
