"""A server as a process: its settings, its log, its signals, its models' changes, and its fellow processes."""
