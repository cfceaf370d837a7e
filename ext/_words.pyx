"""Placeholder until the fast path lands."""
