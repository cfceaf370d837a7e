"""Engines: each runs one graph, arrays in and arrays out, and what they need of their libraries and devices."""
