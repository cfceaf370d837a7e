// Stands for what protoc-gen-grpc-kotlin writes of the contract, and for grpc-kotlin's library: Ask as a suspending call.
package asksight.v1

import asksight.v1.Vqa.AskRequest
import asksight.v1.Vqa.AskResponse
import com.google.common.util.concurrent.FutureCallback
import com.google.common.util.concurrent.Futures
import com.google.common.util.concurrent.MoreExecutors
import io.grpc.CallOptions
import io.grpc.Channel
import io.grpc.StatusException
import io.grpc.StatusRuntimeException
import io.grpc.stub.AbstractStub
import io.grpc.stub.ClientCalls
import kotlin.coroutines.resume
import kotlin.coroutines.resumeWithException
import kotlinx.coroutines.suspendCancellableCoroutine

object VqaServiceGrpcKt {
    class VqaServiceCoroutineStub(channel: Channel, options: CallOptions = CallOptions.DEFAULT) :
        AbstractStub<VqaServiceCoroutineStub>(channel, options) {
        override fun build(channel: Channel, options: CallOptions) = VqaServiceCoroutineStub(channel, options)

        suspend fun ask(request: AskRequest): AskResponse = suspendCancellableCoroutine { waiting ->
            val call = channel.newCall(VqaServiceGrpc.getAskMethod(), callOptions)
            val coming = ClientCalls.futureUnaryCall(call, request)
            waiting.invokeOnCancellation { coming.cancel(true) }
            val told = object : FutureCallback<AskResponse> {
                override fun onSuccess(reply: AskResponse?) = waiting.resume(reply!!)

                override fun onFailure(failure: Throwable) = waiting.resumeWithException(
                    if (failure is StatusRuntimeException) StatusException(failure.status, failure.trailers)
                    else failure
                )
            }
            Futures.addCallback(coming, told, MoreExecutors.directExecutor())
        }
    }
}
