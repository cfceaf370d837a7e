"""Ask a server, or a bundle in this process, through one interface."""
