"""The gRPC face: messages in, messages and statuses out, health, and the server that listens."""
