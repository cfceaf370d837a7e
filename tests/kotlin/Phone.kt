// A phone's voice and screen, as far as docs/mobile.md uses them, and what it asks: run with a port and a photo.
import asksight.v1.Vqa.Answer
import com.google.protobuf.ByteString
import java.io.File
import kotlinx.coroutines.runBlocking

class TextToSpeech {
    fun speak(text: CharSequence, mode: Int, options: Any?, id: String) =
        println("$text (${if (mode == QUEUE_FLUSH) "now" else "later"}, about ${id.take(8)})")

    companion object {
        const val QUEUE_FLUSH = 0
    }
}

val textToSpeech = TextToSpeech()

fun showAlternatives(answers: List<Answer>) = println("perhaps ${answers.joinToString { it.label }}")

fun showHint(hint: String, severity: Float) = println("$hint $severity")

fun main(arguments: Array<String>) = runBlocking {
    val photo = ByteString.copyFrom(File(arguments[1]).readBytes())
    Sight("127.0.0.1", arguments[0].toInt()).use { sight ->
        val first = sight.ask(photo, "What colour is the circle?", "en")
        val second = sight.ask(photo, "Is there a square?", "de", first.imageId)
        val third = sight.ask(photo, "What time is it?", "en", "0".repeat(64)) // the server does not know that photo
        for (reply in listOf(first, second, third)) {
            told(reply)
            println("cached: ${reply.timings.featuresCached}")
        }
    }
}
