// Stands for what docs/mobile.md uses of grpc-swift-nio-transport: a transport by Apple's Network framework.
import GRPCCore

public enum HTTP2ClientTransport {
    public struct TransportServices: ClientTransport {}
}
