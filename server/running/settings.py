"""Every setting of `asksight serve`: its name, its default, what it may be, and what is said of it."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from asksight.photos.limits import PhotoLimits

from ..limits import MEBI, Limits

HIGHEST_PORT = 65535
LEAST_RECEIVING_MB = 43  # one caller has half; the largest message has 16 MiB, or 21.4 in JSON

MODELS, ACCESS, LOAD, STOPPING, WATCHING = "Models", "Access", "Load", "Stopping", "Watching"


@dataclass(frozen=True, slots=True)
class SettingSpec:
    """What `asksight serve --help` says of a setting, and what it may be."""

    help: str
    group: str = ""
    metavar: str | None = None
    at_least: float | None = None
    at_most: float | None = None
    password: bool = False  # it is an address that may hold one, which is not shown


def setting(
    default: Any,
    help: str,
    group: str = "",
    *,
    metavar: str | None = None,
    at_least: float | None = None,
    at_most: float | None = None,
    password: bool = False,
) -> Any:
    spec = SettingSpec(help, group, metavar, at_least, at_most, password)
    return field(default=default, metadata={"spec": spec})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is in force. The names are those of the flags, with _ for -; they say their units."""

    host: str = setting("127.0.0.1", "The address to listen on; 0.0.0.0 for all.")
    port: int = setting(50051, "The gRPC port; 0 picks a free one.", at_least=0, at_most=HIGHEST_PORT)
    http: int | None = setting(
        None,
        "Serve HTTP and the page on this port too; 0 picks a free one.",
        metavar="PORT",
        at_least=0,
        at_most=HIGHEST_PORT,
    )
    cors: tuple[str, ...] = setting(
        (),
        "Let pages of this origin, as in https://example.org, ask over HTTP; * lets all. Give it again for more.",
        ACCESS,
        metavar="ORIGIN",
    )
    model: tuple[str, ...] = setting(
        ("scenes",),
        "A bundle's folder, or scenes. Give it again, as NAME=BUNDLE, to serve several; the first is the default.",
        MODELS,
        metavar="[NAME=]BUNDLE",
    )
    engine: str = setting(
        "auto",
        "onnxruntime, openvino or tensorrt, perhaps with :PRECISION; auto is the fastest here.",
        MODELS,
    )
    reader: bool = setting(False, "Read text too, with the extra `ocr`.", MODELS)
    threads: int | None = setting(
        None, "Threads of each engine; all cores unless given, shared by the processes.", MODELS, at_least=1
    )
    watch: bool = setting(True, "Serve a bundle anew when its files change. SIGHUP always does.", MODELS)
    hang_after_s: float = setting(
        30.0,
        "Seconds after which an engine that is busy is taken to hang, and opened anew.",
        MODELS,
        at_least=0.1,
    )
    tls_certificate: str = setting("", "The server's certificate with its chain.", ACCESS, metavar="PEM")
    tls_key: str = setting("", "The certificate's key.", ACCESS, metavar="PEM")
    tls_client_authority: str = setting(
        "", "Clients must show a certificate that this authority has signed.", ACCESS, metavar="PEM"
    )
    tokens: str = setting(
        "",
        "A file of tokens, NAME SHA256 [ASKS_PER_SECOND] a line; callers must send one.",
        ACCESS,
        metavar="FILE",
    )
    insecure: bool = setting(False, "Listen to other machines without TLS.", ACCESS)
    calls_per_caller: int = setting(
        128, "Calls that one caller may have under way; 0: as many as there are workers.", ACCESS, at_least=0
    )
    processes: int = setting(1, "Processes that share the ports.", LOAD, at_least=1)
    ray: bool = setting(False, "Serve on a cluster of Ray, with the extra `ray`.", LOAD)
    replicas: str = setting(
        "1", "Of them on Ray: a number, or the least and the most.", LOAD, metavar="MIN:MAX"
    )
    workers: int = setting(256, "Calls that may be under way.", LOAD, at_least=1)
    encoder_batch: int = setting(32, "Photos in one engine run, at most.", LOAD, at_least=1)
    answerer_batch: int = setting(32, "Questions in one engine run, at most.", LOAD, at_least=1)
    longest_wait_s: float = setting(
        2.0, "Seconds for which asks with nearer deadlines may overtake one.", LOAD, at_least=0
    )
    queue: int = setting(1024, "Asks that may be under way.", LOAD, at_least=1)
    queue_mb: int = setting(
        512, "MiB of their photos, as they came, shared by the processes.", LOAD, at_least=1
    )
    decoding_mb: int = setting(
        512, "MiB of photos that are being decoded, shared by the processes.", LOAD, at_least=1
    )
    receiving_mb: int = setting(
        48,
        "MiB of messages that are not whole yet, shared by the processes; one caller may have half.",
        LOAD,
        at_least=LEAST_RECEIVING_MB,
    )
    receive_within: float = setting(60.0, "Seconds for a message to come whole.", LOAD, at_least=0.1)
    connections: int = setting(4096, "gRPC connections at once, of each process.", LOAD, at_least=1)
    http_connections: int = setting(256, "HTTP connections at once, of each process.", LOAD, at_least=1)
    http_connections_per_address: int = setting(
        0, "Those from one address, or /64 of IPv6; 0: half of them.", LOAD, at_least=0
    )
    unshrunk_megapixels: int = setting(
        16, "Megapixels of a PNG, WebP or progressive JPEG, which are decoded in full.", LOAD, at_least=1
    )
    cache_mb: int = setting(
        256, "MiB for the features of photos that were seen, shared by the processes.", LOAD, at_least=0
    )
    features_cache: str = setting(
        "",
        "A Redis in which servers share them, with the extra `redis`: redis://HOST:6379/0, or rediss:// for TLS.",
        LOAD,
        metavar="URL",
        password=True,
    )
    features_cache_keep_s: float = setting(
        86400.0, "Seconds for which a photo's features are kept there.", LOAD, at_least=1
    )
    features_cache_within_ms: float = setting(
        20.0,
        "Milliseconds that a look there may take; what comes later is made here.",
        LOAD,
        at_least=1,
        at_most=1000,
    )
    drain_grace: float = setting(
        5.0,
        "Seconds of answering on after SIGTERM, while load balancers look elsewhere.",
        STOPPING,
        at_least=0,
    )
    finish_within: float = setting(
        30.0, "Seconds for accepted asks to be answered, after that.", STOPPING, at_least=0
    )
    metrics: int | None = setting(
        None,
        "The port of /metrics, /livez and /readyz; 0 picks a free one.",
        WATCHING,
        metavar="PORT",
        at_least=0,
        at_most=HIGHEST_PORT,
    )
    metrics_host: str = setting("127.0.0.1", "The address of that port.", WATCHING)
    log: str = setting("text", "text or json.", WATCHING)
    log_calls: bool = setting(True, "Log a line for each call.", WATCHING)
    log_questions: bool = setting(False, "Log the questions too.", WATCHING)
    tracing: bool = setting(
        False, "Send OpenTelemetry traces to where OTEL_EXPORTER_OTLP_ENDPOINT says.", WATCHING
    )

    def limits(self) -> Limits:
        """The bounds of each assistant."""
        return Limits(
            encoder_batch=self.encoder_batch,
            answerer_batch=self.answerer_batch,
            longest_wait_s=self.longest_wait_s,
            queue_capacity=self.queue,
            queue_bytes=self.queue_mb * MEBI,
            conversation_bytes=max(16, self.queue_mb // 4) * MEBI,
            decoding_bytes=self.decoding_mb * MEBI,
            receiving_bytes=self.receiving_mb * MEBI,
            receiving=16 * self.workers,
            # Each that waits has one of those places; most are left to others.
            conversations=min(1024, 4 * self.workers),
            receive_within_s=self.receive_within,
            cache_bytes=self.cache_mb * MEBI,
            hang_after_s=self.hang_after_s,
            photo=PhotoLimits(max_pixels_unshrunk=self.unshrunk_megapixels * 1_000_000),
        )


SPECS: dict[str, SettingSpec] = {one.name: one.metadata["spec"] for one in fields(Settings)}
KINDS = {one.name: str(one.type) for one in fields(Settings)}
assert all(one.default is not MISSING for one in fields(Settings))
