"""The generated gRPC and protobuf code of asksight.v1; made from vqa.proto when the package is built."""
