"""The HTTP face: the wire contract as JSON and as forms, and a page that asks; all of it goes to the gRPC server."""
