// Stands for what protoc-gen-grpc-swift-2 writes of the contract: a client over any transport, and Ask as it is called.
import GRPCCore

enum Asksight_V1_VqaService {
    struct Client<Transport>: Sendable where Transport: ClientTransport {
        init(wrapping client: GRPCClient<Transport>) {}

        func ask<Result>(
            _ message: Asksight_V1_AskRequest,
            metadata: Metadata = [:],
            options: CallOptions = .defaults,
            onResponse handleResponse: @Sendable @escaping (Asksight_V1_AskResponse) async throws -> Result = { $0 }
        ) async throws -> Result where Result: Sendable {
            try await handleResponse(Asksight_V1_AskResponse())
        }
    }
}
