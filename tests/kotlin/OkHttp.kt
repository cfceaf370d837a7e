// Stands for grpc-okhttp, which Debian does not have: the same calls on Netty, and in the clear.
package io.grpc.okhttp

import io.grpc.ForwardingChannelBuilder
import io.grpc.netty.NettyChannelBuilder

object OkHttpChannelBuilder {
    fun forAddress(host: String, port: Int) = InTheClear(NettyChannelBuilder.forAddress(host, port))
}

class InTheClear(private val builder: NettyChannelBuilder) : ForwardingChannelBuilder<InTheClear>() {
    override fun delegate() = builder

    override fun useTransportSecurity(): InTheClear {
        builder.usePlaintext()
        return this
    }
}
