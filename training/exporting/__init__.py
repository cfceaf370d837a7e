"""Turns a finished run into a bundle: writes its Keras models as ONNX and checks that both give the same answers."""
