"""The same asks as tensors, for clients of the Open Inference Protocol: Triton's, KServe's and others."""
