"""One ask from photo to reply, many at once, and who pays for whom when something goes wrong."""

from __future__ import annotations

import hashlib
import math
import time
from pathlib import Path

import pytest
from asking import ask
from bundles import write_random_bundle
from photo_files import photo
from server_rig import NOTHING, WAIT_S, MakeRig, Rig, hold, release, until

from asksight.engine import BundleError, Calibration, EngineError
from asksight.photos.limits import PhotoLimits
from asksight.server.asks import Ask
from asksight.server.errors import (
    AskError,
    DeadlineExceeded,
    ImageNotFound,
    InternalError,
    InvalidAsk,
    Overloaded,
    TooLarge,
    Unavailable,
)
from asksight.server.limits import Limits
from asksight.server.local import LocalAssistant
from asksight.v1 import vqa_pb2

Reply = vqa_pb2.AskResponse


def probabilities(reply: Reply | AskError) -> dict[str, float]:
    assert isinstance(reply, Reply), reply
    return {answer.label: answer.probability for answer in reply.answers}


def same(one: Reply | AskError, other: Reply | AskError) -> bool:
    a, b = probabilities(one), probabilities(other)
    return a.keys() == b.keys() and all(math.isclose(a[label], b[label], abs_tol=1e-4) for label in a)


def test_a_reply_says_everything(rig: Rig) -> None:
    file = photo()
    reply = rig.local.ask(Ask(question="is this red?", photo=file))
    assert len(reply.answers) == 5
    ranked = [answer.probability for answer in reply.answers]
    assert ranked == sorted(ranked, reverse=True)
    assert reply.image_id == hashlib.sha256(file).hexdigest()
    assert reply.model == "random 1"
    assert reply.spoken
    assert reply.verdict != vqa_pb2.VERDICT_UNSPECIFIED
    assert not reply.question_cut
    assert not reply.timings.features_cached
    assert reply.timings.decode_us > 0
    assert reply.timings.encode_us > 0
    assert reply.timings.answer_us > 0
    assert reply.timings.total_us >= reply.timings.decode_us + reply.timings.encode_us


def test_photo_and_question_both_matter(rig: Rig) -> None:
    first = rig.local.ask(ask(0, "what colour is this?"))
    assert not same(first, rig.local.ask(ask(1, "what colour is this?")))
    assert not same(first, rig.local.ask(ask(0, "how many?")))


def test_a_second_question_costs_no_encoder_run(rig: Rig) -> None:
    first = rig.local.ask(ask())
    again = rig.local.ask(ask(question="how many?"))
    by_id = rig.local.ask(Ask(question="how many?", image_id=first.image_id))
    assert rig.encoder.batch_sizes == [1]
    assert again.timings.features_cached
    assert by_id.timings.features_cached
    assert by_id.timings.encode_us == 0
    assert same(again, by_id)


def test_top_k_is_clipped_and_zero_means_five(rig: Rig) -> None:
    counts = [len(rig.local.ask(ask(top_k=top_k)).answers) for top_k in (0, 1, 3, 1000)]
    assert counts == [5, 1, 3, 10]
    assert sum(probabilities(rig.local.ask(ask(top_k=10))).values()) == pytest.approx(1.0)


def test_a_long_question_is_cut_and_says_so(make_rig: MakeRig, tmp_path: Path) -> None:
    rig = make_rig(of=write_random_bundle(tmp_path / "short", max_tokens=4))
    assert not rig.local.ask(ask(question="what is the red")).question_cut
    long = rig.local.ask(ask(question="what is the red and blue thing"))
    assert long.question_cut
    assert same(long, rig.local.ask(ask(question="what is the red")))


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("?!", "did not understand"),
        ("🐶 ?", "did not understand"),
        ("blorf snarf?", "did not understand"),  # ? is in the vocabulary, and is no word
        ("what is the red and blue thing", "too long; I read only its beginning"),
    ],
)
def test_no_question_that_was_not_read_or_known_is_answered(
    make_rig: MakeRig, tmp_path: Path, question: str, said: str
) -> None:
    bold = Calibration(answered_threshold=0.0, unanswerable_threshold=1.0)
    rig = make_rig(of=write_random_bundle(tmp_path / "bold", max_tokens=4, calibration=bold))
    known = {rig.local.ask(ask(seed, "what is blorf?")).verdict for seed in range(8)}
    replies = [rig.local.ask(ask(seed, question)) for seed in range(8)]
    assert vqa_pb2.VERDICT_ANSWERED in known
    assert {reply.verdict for reply in replies} == {vqa_pb2.VERDICT_UNSURE}
    assert all(said in reply.spoken for reply in replies)


def test_the_verdict_and_the_sentence_come_from_the_bundles_calibration(
    make_rig: MakeRig, tmp_path: Path
) -> None:
    bold = Calibration(answered_threshold=0.0, unanswerable_threshold=1.0)
    shy = Calibration(answered_threshold=1.0, unanswerable_threshold=0.0)
    for name, calibration, allowed in (
        (
            "bold",
            bold,
            {vqa_pb2.VERDICT_ANSWERED, vqa_pb2.VERDICT_UNSURE},
        ),  # unsure only where the best is "unanswerable"
        ("shy", shy, {vqa_pb2.VERDICT_UNANSWERABLE}),
    ):
        rig = make_rig(of=write_random_bundle(tmp_path / name, calibration=calibration))
        replies = [rig.local.ask(ask(seed)) for seed in range(8)]
        assert {reply.verdict for reply in replies} <= allowed
        for reply in replies:
            if reply.verdict == vqa_pb2.VERDICT_ANSWERED:
                assert reply.answers[0].label in reply.spoken


def test_mixed_batches_give_the_answers_of_single_asks(rig: Rig, make_rig: MakeRig) -> None:
    questions = ["what?", "what colour is the red circle?", "how many are there?", "is this blue", "x y z w"]
    asks = [ask(seed % 7, questions[seed % 5], top_k=10) for seed in range(70)]
    together = rig.local.ask_many(asks)
    alone = make_rig().local
    assert all(same(reply, alone.ask(one)) for reply, one in zip(together, asks, strict=True))
    assert max(rig.answerer.batch_sizes) > 1  # or nothing was mixed
    assert rig.encoded_rows == 7


def test_a_bad_ask_fails_alone(rig: Rig) -> None:
    asks = [ask(0), ask(1, ""), Ask(question="q", photo=b"no photo"), Ask(question="q"), ask(2)]
    asks.append(Ask(question="q", image_id="f" * 64))
    results = rig.local.ask_many(asks)
    kinds = [type(result) for result in results]
    assert kinds == [Reply, InvalidAsk, InvalidAsk, InvalidAsk, Reply, ImageNotFound]


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (Ask(question="q"), "image_data"),
        (Ask(question="q", photo=b""), "image_data"),
        (Ask(question="q", photo=photo(), image_id="0" * 64), "image_id"),
        (Ask(question="q", image_id=""), "image_id"),
        (Ask(question="q", image_id="0" * 63), "image_id"),
        (Ask(question="q", image_id="F" * 64), "image_id"),
        (Ask(question="q", image_id="../../etc/passwd"), "image_id"),
        (Ask(question="\0", photo=photo()), "question"),
    ],
)
def test_a_refusal_names_its_field(rig: Rig, bad: Ask, field: str) -> None:
    with pytest.raises(InvalidAsk) as refused:
        rig.local.ask(bad)
    assert refused.value.field == field
    assert rig.encoder.batch_sizes == []


def test_a_photo_over_the_limit_is_refused_with_the_limit(make_rig: MakeRig) -> None:
    with pytest.raises(TooLarge, match="at most 100 are taken"):
        make_rig(Limits(photo=PhotoLimits(max_bytes=100))).local.ask(ask())


def test_a_deadline_that_has_passed_costs_nothing(rig: Rig) -> None:
    with pytest.raises(DeadlineExceeded):
        rig.local.ask(ask(deadline_s=time.monotonic() - 1))
    assert rig.encoder.batch_sizes == []


def test_a_full_queue_refuses_at_once_and_decodes_nothing(
    make_rig: MakeRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = make_rig(Limits(queue_capacity=3))
    hold(rig.encoder)
    busy = [rig.local.start(ask(9))]
    assert rig.encoder.entered.wait(WAIT_S)
    busy += [rig.local.start(ask(seed)) for seed in (10, 11)]
    until(lambda: rig.waiting_photos == 2)
    with monkeypatch.context() as patch:
        patch.setattr(
            "asksight.server.core.photo_features.open_photo", lambda *_, **__: pytest.fail("decoded in vain")
        )
        with pytest.raises(Overloaded) as refused:
            rig.local.ask(ask(0))
    assert refused.value.retry_after_s is not None
    release(rig.encoder)
    assert all(future.result(WAIT_S).answers for future in busy)


def test_more_bytes_than_the_queue_takes_are_refused_with_a_delay(make_rig: MakeRig) -> None:
    size = len(photo(seed=0))
    rig = make_rig(Limits(queue_bytes=2 * size + size // 2))
    asks = [ask(0, f"what is number {n}?") for n in range(4)]
    results = rig.local.ask_many(asks)
    assert [type(result) for result in results] == [Reply, Reply, Overloaded, Overloaded]
    assert isinstance(results[3], Overloaded)
    assert results[3].retry_after_s is not None
    assert results[3].retry_after_s > 0
    assert rig.left == NOTHING
    assert make_rig(Limits(queue_bytes=1)).local.ask(ask()).answers  # alone, it is let in


def test_the_cache_is_bounded_and_what_left_it_is_not_found(make_rig: MakeRig) -> None:
    rig = make_rig(Limits(cache_bytes=2000))  # two photos' worth
    ids = [rig.local.ask(ask(seed)).image_id for seed in range(4)]
    with pytest.raises(ImageNotFound) as missing:
        rig.local.ask(Ask(question="how many?", image_id=ids[0]))
    assert missing.value.field == "image_id"
    assert rig.local.ask(Ask(question="how many?", image_id=ids[3])).answers


def test_without_a_cache_runs_are_still_shared(make_rig: MakeRig) -> None:
    rig = make_rig(Limits(cache_bytes=0))
    results = rig.local.ask_many([ask(0, f"what is number {n}?") for n in range(5)])
    assert all(isinstance(result, Reply) for result in results)
    assert rig.encoded_rows == 1


def test_after_closing_asks_are_unavailable_and_the_engines_closed(rig: Rig) -> None:
    rig.local.close()
    with pytest.raises(Unavailable):
        rig.local.ask(ask())
    assert rig.encoder.closed
    assert rig.answerer.closed
    assert not rig.local.healthy


def test_an_unexpected_failure_is_logged_and_tells_nothing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("/srv/secret")

    monkeypatch.setattr("asksight.server.core.photo_features.find_flaws", broken)
    results = rig.local.ask_many([ask(0), ask(1)])
    assert [type(result) for result in results] == [InternalError, InternalError]
    assert "secret" not in str(results[0])
    assert "KeyError" in caplog.text
    monkeypatch.undo()
    assert rig.local.ask(ask(0)).answers


def test_opening_says_what_is_wrong(tmp_path: Path) -> None:
    write_random_bundle(tmp_path / "random")
    with pytest.raises(EngineError, match="magic"):
        LocalAssistant.open(tmp_path / "random", engine="magic")
    with pytest.raises(BundleError):
        LocalAssistant.open(tmp_path / "missing")


def test_an_opened_bundle_answers_and_says_what_it_is(tmp_path: Path) -> None:
    write_random_bundle(tmp_path / "random")
    with LocalAssistant.open(tmp_path / "random", threads=1) as local:
        assert local.ask(ask()).answers
        model = local.model()
        assert (model.name, model.version, model.engine, model.precision) == (
            "random",
            "1",
            "onnxruntime",
            "float32",
        )
        assert len(model.answers) == 10
