"""The TLS page, followed word for word: an authority is made, its certificate served with, and asked through."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from peers.processes import free_port
from served import ROOT, shell_environment

PAGE = ROOT / "docs" / "tls.md"
ENVIRONMENT = {**shell_environment(), "no_proxy": "*"}


def run(folder: Path, *command: str) -> str:
    ran = subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_it_works_as_it_is_written(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    text = text.replace("50051", str(free_port())).replace("8080", str(free_port()))
    make, serve, ask = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (python,) = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "cli").symlink_to(ROOT / "cli")
    run(tmp_path, "bash", "-ec", make)
    run(tmp_path, "openssl", "verify", "-x509_strict", "-CAfile", "authority.pem", "server.pem")
    with subprocess.Popen(
        ["bash", "-c", f"exec {serve}"], cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline().startswith("Serving scenes")
            answered = run(tmp_path, "bash", "-ec", ask)
            assert "red" in answered.lower()
            assert '"architecture"' in answered
            assert "red" in run(tmp_path, sys.executable, "-W", "error", "-c", python).lower()
            with pytest.raises(AssertionError, match=r"is not trusted \([^O]"):  # for a reason, not "OK"
                run(tmp_path, "bash", "-ec", ask.replace("--tls-authority authority.pem", "--tls"))
        finally:
            server.kill()
