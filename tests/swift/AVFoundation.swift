// Stands for what docs/mobile.md uses of Apple's speech.
public final class AVSpeechSynthesisVoice {
    public init?(language: String?) {}
}

public final class AVSpeechUtterance {
    public var voice: AVSpeechSynthesisVoice?

    public init(string: String) {}
}

public final class AVSpeechSynthesizer {
    public func speak(_ utterance: AVSpeechUtterance) {}
}
