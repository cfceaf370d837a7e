"""The `asksight` command, one module a verb."""
