"""BLIP's question half as ONNX: question and features -> the likeliest answers, piece by piece.

The question is read with the picture in view; then each of the W likeliest first pieces is continued greedily up to L
pieces, which are unrolled: no loop, so that every engine takes it. Keys and values of earlier pieces are kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from asksight.engine.graphs.half import EXACT

from ..exporting.onnx_layers.graph import ONNX_TYPES, Graph
from ..exporting.onnx_layers.onnx_file import OnnxFile
from .blip_text import TextSizes, look_at_picture, text_layer
from .checkpoint import Checkpoint
from .graph_file import Tensor, finished
from .layers import Layers

QUESTION, ANSWER = "text_encoder", "text_decoder.bert"
HEAD = "text_decoder.cls.predictions"
EMBEDDINGS = (
    f"{QUESTION}.embeddings.word_embeddings.weight"  # of the question's words: they go into vectors.npy
)


def blip_answerer(
    weights: Checkpoint, sizes: TextSizes, *, rows: int, seen: int, beams: int, pieces: int
) -> OnnxFile:
    """question [N,T,width], lengths [N] int32, features [N,rows,seen] -> tokens [N,W,L] int32 and log_probabilities.

    `pieces` L counts the one that ends an answer. Raises CheckpointError.
    """
    layers = Layers(Graph(), weights)
    states, mask = _question(layers, sizes, seen)
    tokens, scores = _Answers(layers, sizes, states, mask).spelled(beams, pieces)
    inputs: list[Tensor] = [
        ("question", "float32", ("N", "T", sizes.width)),
        ("lengths", "int32", ("N",)),
        ("features", "float32", ("N", rows, seen)),
    ]
    shape: tuple[int | str, ...] = ("N", beams, pieces)
    outputs: list[tuple[str, Tensor]] = [
        (tokens, ("tokens", "int32", shape)),
        (scores, ("log_probabilities", "float32", shape)),
    ]
    return finished(layers.graph, "answerer", inputs, outputs)


def _question(layers: Layers, sizes: TextSizes, seen: int) -> tuple[str, str]:
    """The question's states [N,T,width], and the mask of its pieces [N,1,1,T]."""
    steps = layers.steps("question", QUESTION)
    mask = layers.mask(layers.within(steps, "lengths", QUESTION), QUESTION)
    embeddings = f"{QUESTION}.embeddings"
    table = layers.parameter(f"{embeddings}.position_embeddings.weight", (sizes.places, sizes.width))
    x = layers.node("Add", "question", layers.node("Gather", table, steps, at=embeddings), at=embeddings)
    x = layers.normalised(x, f"{embeddings}.LayerNorm", sizes.width, sizes.epsilon)
    turned = layers.node("Transpose", "features", at=QUESTION, perm=[0, 2, 1])

    for depth in range(sizes.depth):
        name = f"{QUESTION}.encoder.layer.{depth}"

        def attend(x: str, name: str = f"{name}.attention.self") -> str:
            q = layers.dense(x, f"{name}.query", sizes.width, sizes.width, factor=sizes.factor)
            k, v = (layers.dense(x, f"{name}.{one}", sizes.width, sizes.width) for one in ("key", "value"))
            found = layers.attended(
                layers.heads(q, sizes.heads, sizes.width, name),
                layers.keys(k, sizes.heads, sizes.width, name),
                layers.heads(v, sizes.heads, sizes.width, name),
                name,
                mask,
            )
            return layers.joined(found, sizes.width, name)

        def cross(x: str, name: str = f"{name}.crossattention.self") -> str:
            return look_at_picture(layers, x, "features", turned, name, sizes, seen)

        x = text_layer(layers, x, name, sizes, attend, cross)
    return x, mask


@dataclass
class _Answers:
    """The answers' pieces of one question each, B side by side: B is 1 for the first piece and W from then on."""

    layers: Layers
    sizes: TextSizes
    states: str  # of the question, [N,T,width]
    mask: str  # of its pieces
    kept: dict[str, tuple[str, str]] = field(
        default_factory=dict
    )  # keys and values [N,B,heads,s,d] of each layer

    def spelled(self, beams: int, pieces: int) -> tuple[str, str]:
        """tokens [N,W,L] int32 and log_probabilities [N,W,L]; after the stop piece, that piece and 0."""
        layers, begin = self.layers, self.layers.whole(self.sizes.begin)
        # [1,1] pieces for a batch of N: the question's own size makes them N
        first = self._first(begin)
        logits = self._logits(self._step(first, 0))  # [N,words]
        best = layers.graph.nodes_of(
            "TopK", [logits, layers.whole(beams)], f"{HEAD}.0", 2, axis=-1, largest=1, sorted=1
        )
        most, total = self._largest_and_total(logits)
        scores = self._exact("Sub", self._exact("Sub", best[0], most), total)  # [N,W]
        for name, (keys, values) in self.kept.items():
            self.kept[name] = self._side_by_side(keys, beams), self._side_by_side(values, beams)
        all_tokens, all_scores, tokens, ended = [best[1]], [scores], best[1], None
        for piece in range(1, pieces):
            stopped = layers.node("Equal", tokens, self._stop(), at=HEAD)
            ended = stopped if ended is None else layers.node("Or", ended, stopped, at=HEAD)
            tokens, scores = self._next(self._step(self._embedded(tokens, piece), piece), beams)
            tokens = layers.node("Where", ended, self._stop(), tokens, at=HEAD)
            scores = layers.node("Where", ended, layers.graph.constant(0.0), scores, at=HEAD)
            all_tokens.append(tokens)
            all_scores.append(scores)
        return (
            layers.node("Cast", self._stacked(all_tokens), at=HEAD, to=ONNX_TYPES["int32"]),
            self._stacked(all_scores),
        )

    def _side_by_side(self, kept: str, beams: int) -> str:
        """[N,1,...] -> [N,W,...]: what all answers of a question begin with."""
        return self.layers.node("Concat", *[kept] * beams, at=ANSWER, axis=1)

    def _stop(self) -> str:
        return self.layers.graph.constant(self.sizes.stop, "int64")

    def _stacked(self, parts: list[str]) -> str:
        last = self.layers.whole(2)
        each = [self.layers.node("Unsqueeze", part, last, at=HEAD) for part in parts]
        return self.layers.node("Concat", *each, at=HEAD, axis=2)

    def _first(self, begin: str) -> str:
        """The piece before an answer for each question: [N,1,width]."""
        size = self.layers.node("Shape", "lengths", at=ANSWER)
        rows = self.layers.node(
            "Unsqueeze", self.layers.node("Expand", begin, size, at=ANSWER), self.layers.whole(1), at=ANSWER
        )
        return self._embedded(rows, 0)

    def _embedded(self, tokens: str, place: int) -> str:
        """[N,B] int64 -> [N,B,width]"""
        layers, sizes, name = self.layers, self.sizes, f"{ANSWER}.embeddings"
        words = layers.parameter(f"{name}.word_embeddings.weight", (sizes.words, sizes.width))
        places = layers.parameter(f"{name}.position_embeddings.weight", (sizes.places, sizes.width))
        x = layers.node("Gather", words, tokens, at=name)
        x = layers.node("Add", x, layers.node("Gather", places, layers.whole(place), at=name), at=name)
        return layers.normalised(x, f"{name}.LayerNorm", sizes.width, sizes.epsilon)

    def _step(self, x: str, piece: int) -> str:
        """[N,B,width] of the pieces at one place -> what follows from them, [N,B,width]."""
        for depth in range(self.sizes.depth):
            name = f"{ANSWER}.encoder.layer.{depth}"

            def attend(x: str, name: str = f"{name}.attention.self") -> str:
                return self._own_pieces(x, name)

            def cross(x: str, name: str = f"{name}.crossattention.self") -> str:
                return self._question_pieces(x, name)

            x = text_layer(self.layers, x, name, self.sizes, attend, cross)
        return x

    def _own_pieces(self, x: str, name: str) -> str:
        """Attention of each piece to those before it in its own answer, which are kept."""
        layers, width, heads = self.layers, self.sizes.width, self.sizes.heads
        shape = layers.whole(0, 0, heads, 1, width // heads)
        q, k, v = (
            layers.node(
                "Reshape", layers.dense(x, f"{name}.{one}", width, width, factor=factor), shape, at=name
            )
            for one, factor in (("query", self.sizes.factor), ("key", 1.0), ("value", 1.0))
        )
        if name in self.kept:
            before = self.kept[name]
            k, v = (
                layers.node("Concat", old, new, at=name, axis=3)
                for old, new in zip(before, (k, v), strict=True)
            )
        self.kept[name] = k, v
        found = layers.attended(q, layers.node("Transpose", k, at=name, perm=[0, 1, 2, 4, 3]), v, name)
        return layers.node("Reshape", found, layers.whole(0, 0, width), at=name)

    def _question_pieces(self, x: str, name: str) -> str:
        """Attention to the question's states, whose keys and values are made once."""
        layers, width, heads = self.layers, self.sizes.width, self.sizes.heads
        q = layers.dense(x, f"{name}.query", width, width, factor=self.sizes.factor)
        keys, values = self._of_question(name)
        found = layers.attended(layers.heads(q, heads, width, name), keys, values, name, self.mask)
        return layers.joined(found, width, name)

    def _of_question(self, name: str) -> tuple[str, str]:
        if name not in self._question_keys:
            layers, width, heads = self.layers, self.sizes.width, self.sizes.heads
            k, v = (layers.dense(self.states, f"{name}.{one}", width, width) for one in ("key", "value"))
            self._question_keys[name] = (
                layers.keys(k, heads, width, name),
                layers.heads(v, heads, width, name),
            )
        return self._question_keys[name]

    def _logits(self, x: str) -> str:
        """[N,B,width] -> [N*B,words]"""
        layers, sizes = self.layers, self.sizes
        x = layers.gelu(
            layers.dense(x, f"{HEAD}.transform.dense", sizes.width, sizes.width), f"{HEAD}.transform"
        )
        x = layers.normalised(x, f"{HEAD}.transform.LayerNorm", sizes.width, sizes.epsilon)
        x = layers.node("Reshape", x, layers.whole(-1, sizes.width), at=HEAD)
        return layers.node("Gemm", x, *_head_weights(layers, sizes), at=HEAD, transB=1)

    def _exact(self, op: str, *inputs: str, **attributes: object) -> str:
        """A node that stays float32 where others become float16: a sum of 30,000 terms needs the digits."""
        return self.layers.node(op, *inputs, at=HEAD, doc_string=EXACT, **attributes)

    def _largest_and_total(self, logits: str) -> tuple[str, str]:
        """[M,words] -> the largest [M,1], and the logarithm of the sum of exponentials above it [M,1]."""
        most = self._exact("ReduceMax", logits, axes=[-1], keepdims=1)
        grown = self._exact("Exp", self._exact("Sub", logits, most))
        return most, self._exact("Log", self._exact("ReduceSum", grown, self.layers.whole(-1), keepdims=1))

    def _next(self, x: str, beams: int) -> tuple[str, str]:
        """The likeliest piece of each answer [N,W] int64, and its log-probability."""
        layers, logits = self.layers, self._logits(x)
        tokens = layers.node("ArgMax", logits, at=HEAD, axis=-1, keepdims=0)
        _, total = self._largest_and_total(logits)
        scores = self._exact("Neg", total)
        shape = layers.whole(-1, beams)
        return layers.node("Reshape", tokens, shape, at=HEAD), layers.node("Reshape", scores, shape, at=HEAD)

    def __post_init__(self) -> None:
        self._question_keys: dict[str, tuple[str, str]] = {}


def _head_weights(layers: Layers, sizes: TextSizes) -> tuple[str, str]:
    """The last layer's, which published files hold under one of two names: they are tied to the embeddings."""
    weight, bias = f"{HEAD}.decoder.weight", f"{HEAD}.decoder.bias"
    words = f"{ANSWER}.embeddings.word_embeddings.weight"
    if weight not in layers.weights or layers.weights.equal(weight, words):
        weight = words
    if bias not in layers.weights:
        bias = f"{HEAD}.bias"
    return layers.parameter(weight, (sizes.words, sizes.width)), layers.parameter(bias, (sizes.words,))


def may_be_left(name: str) -> bool:
    """Whether a tensor of a BLIP checkpoint is none that answers need: tables of 0, 1, 2 ..., and twins."""
    return name.endswith("embeddings.position_ids") or name in (f"{HEAD}.bias", f"{HEAD}.decoder.weight")
