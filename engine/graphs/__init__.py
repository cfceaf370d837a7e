"""ONNX graphs: read without a library, and rewritten where a builder needs them otherwise."""
