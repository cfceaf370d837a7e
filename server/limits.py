"""What the server takes and holds, each number with its reason."""

from __future__ import annotations

from dataclasses import dataclass, field

from asksight.photos.limits import PhotoLimits

from .core.batching import BatchLimits

MEBI = 2**20


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """The bounds of one assistant and the server in front of it."""

    max_message_bytes: int = 16 * MEBI  # gRPC's own default of 4 MiB refuses ordinary phone photos
    receiving_bytes: int = 48 * MEBI  # of messages that are not whole yet; one caller may have half
    receiving: int = 4096  # messages that are not whole yet; one caller may have a quarter
    receive_within_s: float = 60.0  # 16 MiB at 2.2 Mbit/s; a message that stalls ends
    max_asks_per_batch: int = 256
    conversations: int = 1024  # open at once; one caller may have half
    conversation_questions: int = 8  # of one, under way; what else is asked in it waits with the sender
    conversation_idle_s: float = 300.0  # without a question or an answer that is taken; then it ends
    conversation_s: float = 3600.0  # then it ends, once what was asked is answered
    conversation_bytes: int = (
        128 * MEBI
    )  # of their photos, that are kept for later questions; the oldest goes first
    max_question_chars: int = 1000  # a long paragraph; the models read some thirty words of it
    photo: PhotoLimits = field(default_factory=PhotoLimits)
    decoding_bytes: int = 512 * MEBI  # of pixels being decoded at once; a larger photo goes in alone
    cache_bytes: int = 256 * MEBI  # encoder features of past photos
    text_cache_bytes: int = 16 * MEBI  # texts of past photos, of half a kilobyte a line
    reads: int = 32  # photos whose text is being found; each takes some 20 MiB, and two cores half a second
    encoder_batch: int = 32  # photos in one engine call
    answerer_batch: int = 32  # questions in one engine call
    longest_wait_s: float = 2.0  # how long asks with nearer deadlines may overtake one
    queue_capacity: int = 1024  # asks under way; beyond it: Overloaded at once, with a retry delay
    queue_bytes: int = 512 * MEBI  # of photos under way, as they came; likewise
    hang_after_s: float = (
        30.0  # an engine that is busy for longer is opened anew; the slowest batch takes a second
    )

    def batches(self, max_batch: int) -> BatchLimits:
        """The limits of one engine's queue."""
        return BatchLimits(
            max_batch=max_batch, queue_capacity=self.queue_capacity, longest_wait_s=self.longest_wait_s
        )
