"""Published vision-language models as bundles: their weights read from safetensors, their graphs written as ONNX.

Needs `onnx` alone: neither TensorFlow nor PyTorch, and no pickle is ever opened.
"""
