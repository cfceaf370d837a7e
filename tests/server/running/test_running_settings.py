"""Settings: which source wins, what is refused, and that every flag of the command is one."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from asksight.cli.main import main
from asksight.cli.serve import serve
from asksight.server.errors import ServerError
from asksight.server.running.checks import WrongSettingsError
from asksight.server.running.setting_sources import as_toml, read_settings
from asksight.server.running.settings import KINDS, SPECS, Settings


def test_flags_win_over_the_environment_over_the_file_over_defaults(tmp_path: Path) -> None:
    file = tmp_path / "asksight.toml"
    file.write_text('port = 1\nqueue = 1\nworkers = 1\nmodel = ["a=b"]\nwatch = false\n')
    environment = {"ASKSIGHT_PORT": "2", "ASKSIGHT_QUEUE": "2", "ASKSIGHT_INSECURE": "true", "HOME": "x"}
    settings, sources = read_settings({"port": 3, "queue": None}, environment, file)
    assert (settings.port, settings.queue, settings.workers, settings.cache_mb) == (3, 2, 1, 256)
    assert settings.model == ("a=b",)
    assert settings.insecure
    assert not settings.watch
    assert sources["port"] == "--port"
    assert sources["queue"] == "ASKSIGHT_QUEUE"
    assert sources["workers"] == str(file)
    assert sources["cache_mb"] == "default"


def test_what_is_printed_can_be_read_again(tmp_path: Path) -> None:
    settings, sources = read_settings(
        {"model": ["a=b", 'c"d'], "http": 0, "tracing": True, "drain_grace": 1.5}, {}, None
    )
    file = tmp_path / "again.toml"
    file.write_text(as_toml(settings, sources))
    assert read_settings({}, {}, file)[0] == settings


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prot = 1", "no setting 'prot'"),
        ('port = "many"', "no int for port"),
        ("port = true", "no int for port"),
        ("model = 3", "for model"),
        ("log = 'xml'", "choose text or json"),
        ("workers = 0", "at least 1"),
        ("port = 99999", "at most 65535"),
        ("drain_grace = nan", "finite"),
        ("drain_grace = -1.0", "at least 0"),
        ("tls_key = 'a'", "belong together"),
        ("tls_client_authority = 'a'", "needs tls_certificate"),
        ("model = []", "no model"),
        ("host = '0.0.0.0'", "--insecure"),
        ("http = 1\ncors = ['https://example.org/']", "write an origin as"),
        ("cors = ['https://example.org']", "cors needs http"),
        ("replicas = '2'", "replicas needs ray"),
        ("replicas = 'many'\nray = true\nhost = '0.0.0.0'\ninsecure = true", "as in 1:4"),
        ("ray = true", "open at all addresses"),
        ("ray = true\nhost = '0.0.0.0'\ninsecure = true\nport = 0", "the same on every machine"),
        ("ray = true\nhost = '0.0.0.0'\ninsecure = true\nprocesses = 2", "processes does nothing with ray"),
        ("ray = true\nhost = '0.0.0.0'\ninsecure = true\nhttp = 1", "http does nothing with ray"),
        ("ray = true\nhost = '0.0.0.0'\ninsecure = true\ntracing = true", "tracing does nothing with ray"),
        ("port = ", "cannot be used"),
        ("port = " + "[" * 10_000, "cannot be used"),
        ("port = 1.5", "no int for port"),
        ("queue = 1e400", "no int for queue"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(text)
    with pytest.raises(ServerError, match=words) as refused:
        read_settings({}, {}, file)
    assert "\n" not in str(refused.value)


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "windows.toml"
    file.write_bytes(b"\xef\xbb\xbfport = 7\r\n")
    assert read_settings({}, {}, file)[0].port == 7


def test_all_that_is_wrong_is_named_at_once(tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text("prot = 1\nprots = 2\nqueue = 'x'")
    with pytest.raises(WrongSettingsError) as refused:
        read_settings({"workers": 0}, {"ASKSIGHT_QUEU": "1", "ASKSIGHT_THREADS": "many"}, file)
    words = ("'prot'", "'prots'", "ASKSIGHT_QUEU:", "'x'", "ASKSIGHT_THREADS", "workers is 0")
    assert len(refused.value.lines) == len(words)
    assert all(word in str(refused.value) for word in words)


def test_what_kubernetes_says_of_a_service_is_no_setting() -> None:
    said = {
        "ASKSIGHT_PORT": "tcp://10.0.0.1:50051",
        "ASKSIGHT_SERVICE_HOST": "10.0.0.1",
        "ASKSIGHT_SERVICE_PORT": "50051",
        "ASKSIGHT_SERVICE_PORT_GRPC": "50051",
        "ASKSIGHT_PORT_50051_TCP": "tcp://10.0.0.1:50051",
        "ASKSIGHT_PORT_50051_TCP_PROTO": "tcp",
        "ASKSIGHT_PORT_50051_TCP_PORT": "50051",
        "ASKSIGHT_PORT_50051_TCP_ADDR": "10.0.0.1",
        "ASKSIGHT_METRICS_SERVICE_HOST": "10.0.0.2",
        "ASKSIGHT_METRICS_PORT": "tcp://10.0.0.2:9090",
    }
    settings, sources = read_settings({}, said, None)
    assert settings == read_settings({}, {}, None)[0]
    assert set(sources.values()) == {"default"}


def test_what_docker_says_of_a_link_is_no_setting() -> None:
    said = {
        "ASKSIGHT_NAME": "/web/asksight",
        "ASKSIGHT_1_NAME": "/shop_web_1/asksight_1",
        "ASKSIGHT_ENV_PATH": "/usr/bin",
        "ASKSIGHT_ENV_ASKSIGHT_TOKENS": "/run/tokens",  # the other container's own, not this one's
        "ASKSIGHT_1_ENV_GPG_KEY": "E3FF",
        "ASKSIGHT_PORT": "udp://172.17.0.5:50051",
        "ASKSIGHT_PORT_50051_TCP": "tcp://172.17.0.5:50051",
        "ASKSIGHT_PORT_50051_TCP_ADDR": "172.17.0.5",
        "ASKSIGHT_PORT_50051_TCP_START": "tcp://172.17.0.5:50051",  # of published ports in a row
        "ASKSIGHT_PORT_50051_TCP_PORT_START": "50051",
        "ASKSIGHT_PORT_50051_TCP_END": "tcp://172.17.0.5:50053",
        "ASKSIGHT_PORT_50051_TCP_PORT_END": "50053",
    }
    settings, sources = read_settings({}, said, None)
    assert settings == read_settings({}, {}, None)[0]
    assert set(sources.values()) == {"default"}


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ASKSIGHT_NAME", "photos"),
        ("ASKSIGHT_MODEL_NAME", "/models"),
        ("ASKSIGHT_PORTS", "50051"),
        ("ASKSIGHT_PORT_TCP", "50051"),
        ("ASKSIGHT_SERVICE_PORTS", "50051"),
        ("ASKSIGHT_ENVIRONMENT", "test"),
        ("ASKSIGHT_port", "1"),
    ],
)
def test_what_is_like_a_platforms_variable_and_is_none_is_refused(variable: str, value: str) -> None:
    with pytest.raises(WrongSettingsError, match=variable):
        read_settings({}, {variable: value}, None)


def test_an_empty_variable_is_not_set(tmp_path: Path) -> None:
    file = tmp_path / "file.toml"
    file.write_text("port = 7")
    settings, sources = read_settings({}, {"ASKSIGHT_PORT": "", "ASKSIGHT_TOKENS": " "}, file)
    assert settings == read_settings({}, {}, file)[0]
    assert sources["port"] == str(file)


def test_what_is_overridden_is_not_judged(tmp_path: Path) -> None:
    file = tmp_path / "file.toml"
    file.write_text('workers = "x"')
    given = {"workers": 3, "port": 1}
    assert read_settings(given, {"ASKSIGHT_PORT": "many"}, file)[0].port == 1


def test_check_names_all_that_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    none = str(tmp_path / "none")
    files = ["--tls-certificate", none, "--tls-key", none, "--tokens", none + "-tokens"]
    with pytest.raises(SystemExit) as ended:
        main(["serve", "--check", "--model", none + "-bundle", "--engine", "magic", *files])
    assert ended.value.code == 1
    said = capsys.readouterr()
    assert said.out == ""
    lines = said.err.splitlines()
    assert len(lines) == len(words := ("magic", "-bundle", "-tokens", "TLS"))
    assert all(word in line for word, line in zip(words, lines, strict=True))


def test_every_setting_is_a_flag_with_a_text() -> None:
    assert set(inspect.signature(serve).parameters) - {"config", "check", "print_config"} == set(KINDS)
    assert all(spec.help.endswith(".") for spec in SPECS.values())


def test_flags_reach_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    """Of every kind, given through the command line as a person does."""
    arguments = ["--queue-mb", "7", "--hang-after-s", "1.5", "--metrics-host", "::1", "--no-log-calls"]
    with pytest.raises(SystemExit) as ended:
        main(["serve", *arguments, "--model", "a=scenes", "--model", "c=scenes", "--threads", "2", "--check"])
    assert not ended.value.code
    lines = capsys.readouterr().out.splitlines()
    given = {line.split(" #")[0].rstrip() for line in lines if line.split(" # ")[1].startswith("--")}
    assert given == {
        "queue_mb = 7",
        "hang_after_s = 1.5",
        'metrics_host = "::1"',
        "log_calls = false",
        'model = ["a=scenes", "c=scenes"]',
        "threads = 2",
    }


@pytest.mark.parametrize("workers", [1, 16, 256, 1000])
def test_conversations_that_wait_leave_most_places_of_messages_to_others(workers: int) -> None:
    limits = Settings(workers=workers).limits()
    assert limits.conversations <= limits.receiving // 4
