"""TensorFlow's lines about itself are not seen; errors are, from the process and from what kills it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

ABOUT_ITSELF = (
    "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
    "I0000 00:00:1795723078.102755   12750 port.cc:153] oneDNN custom operations are on.",
    "W0000 00:00:1795723078.102755   12750 cpu_feature_guard.cc:210] To enable: AVX2",
    "E0000 00:00:1795723078.102755   12750 cuda_dnn.cc:8579] Unable to register cuDNN factory: Attempting to",
    "2026-11-26 20:00:00.102755: I tensorflow/core/util/port.cc:153] oneDNN custom operations are on.",
)
ERRORS = (
    "F0000 00:00:1795723078.102755   12750 cpu_feature_guard.cc:48] TensorFlow was compiled to use AVX",
    "2026-11-26 20:00:00.102755: E external/gpu.cc:15] the driver is too old",
    "Illegal instruction",
)


@pytest.mark.parametrize("ends", ["", "os.abort()"])
def test_only_errors_come_through(ends: str) -> None:
    lines = "".join(f"{line}\n" for line in (*ABOUT_ITSELF, *ERRORS))
    code = (
        "import os\nfrom asksight.cli.tensorflow_start import _passed_on\n"
        f"with _passed_on():\n    os.write(2, {lines.encode()!r})\n    {ends}\nos.write(2, b'afterwards')"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ran.stderr.splitlines() == [*ERRORS, *([] if ends else ["afterwards"])]


def test_starting_it_says_nothing() -> None:
    code = "from asksight.cli.tensorflow_start import start_tensorflow as start; start()"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_ctrl_c_meanwhile_is_told_by_nobody_else() -> None:
    code = (
        "import os, sys\nfrom asksight.cli.tensorflow_start import _passed_on\n"
        "try:\n    with _passed_on():\n        os.write(2, b'begun\\n')\n        sys.stdin.read()\n"
        "except KeyboardInterrupt:\n    os.write(2, b'interrupted\\n')"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        assert running.stderr is not None
        assert running.stderr.readline() == "begun\n"
        os.killpg(running.pid, signal.SIGINT)
        assert running.stderr.read() == "interrupted\n"
