"""Plans: engines built for one machine, compared with float32, kept beside the bundle, and chosen from."""
