"""`asksight compile --reader`: the graphs that read text, built and compared as a bundle's are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asksight.engine.plans.together import AgreedPlans


def build_reader(
    bundle: str, *, engine: str, precision: str | None, min_agreement: float, threads: int | None
) -> AgreedPlans:
    """Build the three graphs into the bundle's folder, saying on stderr what is being done.

    Raises EngineError where that engine, or the extra `ocr`, cannot be had here; what else failed is in `failures`.
    """
    from asksight.engine import EngineError, load_bundle
    from asksight.engine.plans.compile import compile_stage
    from asksight.engine.plans.makers import check_precision, maker
    from asksight.engine.plans.text_baseline import TextBaseline
    from asksight.engine.plans.together import AgreedPlans
    from asksight.engine.text_models import TextStage, find_text_models, narrowest
    from asksight.server.reading.drawn import drawn_samples
    from asksight.server.reading.reader import LINES_AT_ONCE

    from .compile_progress import compile_progress

    chosen = maker(engine)
    wanted = precision or (narrowest() if engine == "openvino" else chosen.precisions[1])
    check_precision(chosen, wanted)
    if wanted == "int8":
        raise EngineError("The reader's graphs are not built in int8, which drawn text is too little for.")
    chosen.machine()  # says at once what is missing
    opened = load_bundle(bundle)
    models = find_text_models()
    progress = compile_progress()
    samples = drawn_samples(models.characters)
    progress.say("drawn pages and lines to compare on")
    with progress.step("reader: onnxruntime float32: running and timing"):
        baseline = TextBaseline(models, samples, root=opened.path, max_batch=LINES_AT_ONCE, threads=threads)
    compiled, failures = {}, []
    for stage in TextStage:
        try:
            compiled[str(stage)] = compile_stage(
                baseline, stage, engine, wanted, min_agreement=min_agreement, progress=progress
            )
        except EngineError as error:
            failures.append(str(error))
    return AgreedPlans(compiled=compiled, pairs=(), failures=tuple(failures))
