// Stands for what docs/mobile.md uses of grpc-swift-2, with the names and types that its version 2 has; it sends nothing.
public protocol ClientTransport: Sendable {}

public final class GRPCClient<Transport: ClientTransport>: Sendable {}

public struct Status: Sendable {
    public struct Code: Hashable, Sendable {
        public static let unavailable = Code()
    }
}

public struct RPCError: Error, Sendable {
    public struct Code: Hashable, Sendable {
        public static let notFound = Code()
    }

    public var code: Code
}

public struct RetryPolicy: Hashable, Sendable {
    public init(
        maxAttempts: Int, initialBackoff: Duration, maxBackoff: Duration, backoffMultiplier: Double,
        retryableStatusCodes: Set<Status.Code>
    ) {}
}

public struct RPCExecutionPolicy: Hashable, Sendable {
    public static func retry(_ policy: RetryPolicy) -> Self { Self() }
}

public struct CallOptions: Sendable {
    public var timeout: Duration?
    public var executionPolicy: RPCExecutionPolicy?

    public static var defaults: Self { Self() }
}

public typealias Metadata = [String: String]
