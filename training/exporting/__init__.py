"""From a finished run to a bundle: Keras graphs written as ONNX, compared with Keras, and packed."""
