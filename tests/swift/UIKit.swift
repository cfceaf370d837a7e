// Stands for what docs/mobile.md uses of Apple's interface: a notice for VoiceOver.
public enum UIAccessibility {
    public enum Notification { case announcement }

    public static func post(notification: Notification, argument: Any?) {}
}
