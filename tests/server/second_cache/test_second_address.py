"""Addresses of a Redis: what is one, and that no password is ever shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from asksight.server.running.checks import WrongSettingsError
from asksight.server.running.setting_sources import as_toml, read_settings
from asksight.server.second_cache.address import fault, shown

PASSWORD = "s3cret"


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("redis://localhost", "redis://localhost"),
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        (f"redis://:{PASSWORD}@[::1]:6379/15", "redis://:***@[::1]:6379/15"),
        (
            f"rediss://me:{PASSWORD}@cache.example/?ssl_ca_certs=ca.pem",
            "rediss://me:***@cache.example/?ssl_ca_certs=ca.pem",
        ),
        (f"redis://me:{PASSWORD}%40@h", "redis://me:***@h"),
    ],
)
def test_addresses(url: str, seen: str) -> None:
    assert fault(url) is None
    assert shown(url) == seen


@pytest.mark.parametrize(
    "url",
    [
        "localhost:6379",
        "http://localhost",
        "redis://",
        "redis://localhost:port",
        "redis://localhost:0",
        "redis://localhost:99999",
        "redis://localhost/first",
        "redis://localhost/0?db=1",
        "redis://localhost/0?ssl_ca_certs=ca.pem",
        "rediss://localhost/0?ssl_cert_reqs=none",
        f"redis://:{PASSWORD}@[::1/0",
        f"redis://:{PASSWORD}@localhost:port",
        f"memcached://:{PASSWORD}@localhost",
    ],
)
def test_what_is_none_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(WrongSettingsError) as refused:
        read_settings({"features_cache": url}, {}, None)
    (line,) = refused.value.lines
    assert "features_cache" in line
    assert "write redis://" in line
    assert PASSWORD not in line


def test_the_printed_configuration_has_no_password_and_says_that_it_is_missing(tmp_path: Path) -> None:
    environment = {"ASKSIGHT_FEATURES_CACHE": f"redis://:{PASSWORD}@localhost/0"}
    printed = as_toml(*read_settings({}, environment, None))
    assert PASSWORD not in printed
    assert '# features_cache = "redis://:***@localhost/0", with its password' in printed
    file = tmp_path / "again.toml"
    file.write_text(printed)
    assert read_settings({}, {}, file)[0].features_cache == ""
    open_one = {"features_cache": "redis://localhost/0"}
    file.write_text(as_toml(*read_settings(open_one, {}, None)))
    assert read_settings({}, {}, file)[0].features_cache == "redis://localhost/0"
