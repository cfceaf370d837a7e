"""The assistant, its batching, and the gRPC service."""
