"""The HTTP face: the wire contract as JSON and as forms, and a page that asks; behind the same desk as gRPC."""
