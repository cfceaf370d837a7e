"""The two commands, the wheel and the image, each on a Debian that has nothing yet, and timed.

`PYTHONPATH=benchmarks python benchmarks/fresh.py`, or with the names of some of demo, test, wheel and image; as root on
Debian, with debootstrap, git and, for the image, buildah. Each has a root of its own, which debootstrap's smallest set
makes; what it needs is installed there by apt, as the docs say, and all of it is timed, the downloads too. The commit
that is checked out is tried, and nothing else of the tree. Where SSL_CERT_FILE names authorities, they are trusted in
the roots too.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from peers.processes import free_port

from asksight.client import connect

ROOT = Path(__file__).resolve().parent.parent
TRIALS = ("demo", "test", "wheel", "image")
INSTALL = "apt-get update -qq && apt-get install -y -qq --no-install-recommends"
# What the README and docs/install.md say has to be there.
FOR_DEMO = "git make gcc libc6-dev python3-dev python3-venv"
FOR_TEST = "chromium haproxy nginx-light npm prometheus redis-server systemd"
AUTHORITIES = "/etc/authorities-of-the-host.pem"  # apt would write over the usual file
QUESTION, ANSWER = "What colour is the circle?", "red"


class Bare:
    """A root that has nothing yet, and what is done in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LANG": "C.UTF-8",
            "DEBIAN_FRONTEND": "noninteractive",
        }
        if authorities(folder):
            names = ("SSL_CERT_FILE", "PIP_CERT", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE")
            self.environment |= dict.fromkeys(names, AUTHORITIES)

    def do(self, what: str, script: str) -> str:
        """Run a script in it and say how long it took; what it printed."""
        with told(what):
            return run("chroot", self.folder, "bash", "-ec", script, env=self.environment)


def authorities(folder: Path) -> bool:
    """Copy the host's authorities into a root, for everybody there; whether there are any of its own."""
    named = os.environ.get("SSL_CERT_FILE")
    if named is None:
        return False
    shutil.copy(named, folder / AUTHORITIES[1:])
    (folder / "etc/pip.conf").write_text(f"[global]\ncert = {AUTHORITIES}\n", "utf-8")
    return True


def run(*command: object, cwd: Path = ROOT, env: dict[str, str] | None = None) -> str:
    """Run it; its standard output. Where it fails, all that it printed, and an end."""
    words = [str(part) for part in command]
    ran = subprocess.run(words, capture_output=True, text=True, cwd=cwd, env=env, check=False)
    if ran.returncode:
        raise SystemExit(f"{' '.join(words)} failed:\n{ran.stdout[-8000:]}{ran.stderr[-8000:]}")
    return ran.stdout


@contextmanager
def told(what: str) -> Iterator[None]:
    """Say what is done, and how long it took."""
    started = time.monotonic()
    yield
    print(f"{time.monotonic() - started:8.1f} s  {what}", flush=True)


@contextmanager
def bare(base: Path, name: str, work: Path) -> Iterator[Bare]:
    """A copy of the base with file systems of its own for the kernel's folders, for as long as it takes."""
    folder = work / name
    run("cp", "-a", "--reflink=auto", base, folder)
    shutil.copy("/etc/resolv.conf", folder / "etc/resolv.conf")
    with ExitStack() as stack:
        stack.callback(removed, folder)
        for kind, at in (("proc", "proc"), ("sysfs", "sys"), ("tmpfs", "dev/shm")):
            (folder / at).mkdir(exist_ok=True)
            run("mount", "-t", kind, kind, folder / at)
            stack.callback(run, "umount", "--lazy", folder / at)
        print(f"\n{name}", flush=True)
        yield Bare(folder)


def removed(folder: Path) -> None:
    run("rm", "-rf", "--one-file-system", folder)  # whatever may still be mounted in it


def cloned(root: Bare, bundle: Path) -> None:
    shutil.copy(bundle, root.folder / "asksight.bundle")
    root.do("git clone", "cd /root && git clone --quiet -b tried /asksight.bundle asksight")


def try_commands(base: Path, work: Path, bundle: Path, *, arguments: str | None) -> None:
    """`make demo`, and, where its arguments are given, `make test`."""
    with bare(base, "the two commands" if arguments is not None else "make demo", work) as root:
        root.do(f"apt-get install {FOR_DEMO}", f"{INSTALL} {FOR_DEMO}")
        cloned(root, bundle)
        said = root.do("make demo", "cd /root/asksight && make demo")
        assert f"answered: {ANSWER}" in said, said
        root.do("make demo, again", "cd /root/asksight && make demo")
        if arguments is not None:
            root.do(f"apt-get install {FOR_TEST}", f"{INSTALL} {FOR_TEST}")
            called = f"make test PYTEST_ARGUMENTS='{arguments}'" if arguments else "make test"
            print(root.do(called, f"cd /root/asksight && {called}").splitlines()[-1])


def try_wheel(base: Path, work: Path, bundle: Path) -> None:
    """Built in one root, installed in another, which has Python alone."""
    with bare(base, "where the wheel is built", work) as root:
        root.do(f"apt-get install {FOR_DEMO}", f"{INSTALL} {FOR_DEMO}")
        cloned(root, bundle)
        building = (
            "cd /root/asksight && python3 -m venv /v && /v/bin/pip -q install build && /v/bin/python -m build"
        )
        root.do("python -m build", building)
        (wheel,) = (root.folder / "root/asksight/dist").glob("*.whl")
        kept = Path(shutil.copy(wheel, work))
    with bare(base, "where the wheel is installed", work) as root:
        shutil.copy(kept, root.folder / "root")
        root.do("apt-get install python3-venv", f"{INSTALL} python3-venv")
        root.do("pip install the wheel", "python3 -m venv /v && /v/bin/pip install -q /root/*.whl")
        said = root.do("asksight demo --once", "cd /root && /v/bin/asksight demo --once")
        assert f"answered: {ANSWER}" in said, said
        print(f"{run('du', '-sm', root.folder / 'v').split()[0]} MB installed")


def try_image(base: Path, work: Path, bundle: Path) -> None:
    """Built on the base, as a registry's image would be, and asked over gRPC by the client of this checkout."""
    print("\nthe image", flush=True)
    tree = work / "tree"
    run("git", "clone", "--quiet", "-b", "tried", bundle, tree)
    storage = ("--storage-driver", "vfs", "--root", work / "storage", "--runroot", work / "runroot")
    alone = ("--isolation", "chroot", "--network", "host")

    def buildah(*arguments: object) -> str:
        return run("buildah", *storage, *arguments).strip()

    empty = buildah("from", "scratch")
    root = work / "image"
    run("cp", "-a", "--reflink=auto", base, root)
    authorities(root)
    buildah("add", "--quiet", empty, root, "/")
    removed(root)
    buildah("commit", "--quiet", empty, "localhost/bare")
    with told("buildah build"):
        named = ("--build-arg", "BASE=localhost/bare", "--tag", "localhost/asksight")
        buildah("build", *alone, *named, "--file", tree / "deploy/Containerfile", tree)
    container = buildah("from", "localhost/asksight")
    mounted = Path(buildah("mount", container))
    print(
        f"{run('du', '-sm', mounted).split()[0]} MB, {run('du', '-sm', base).split()[0]} of them the base's"
    )
    port = free_port()
    settings = ("--env", "ASKSIGHT_INSECURE=true", "--env", f"ASKSIGHT_PORT={port}")
    serve = ("buildah", *storage, "run", *alone, *settings, container, "--", "asksight", "serve")
    with (
        told("asksight serve, to its first answer"),
        (work / "serve.log").open("wb") as log,
        subprocess.Popen([str(part) for part in serve], stdout=log, stderr=log) as server,
    ):
        try:
            with connect(f"127.0.0.1:{port}", timeout=60) as client:
                reply = client.ask(ROOT / "cli/demo_photos/shapes.jpg", QUESTION)
            assert reply.answer == ANSWER, reply
        except BaseException:
            print((work / "serve.log").read_text("utf-8", errors="replace"))
            raise
        finally:
            server.terminate()


def main() -> None:
    wanted = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    wanted.add_argument("trials", nargs="*", metavar="TRIAL", help=f"of {', '.join(TRIALS)}; all without")
    wanted.add_argument("--base", type=Path, help="a root that debootstrap made already")
    wanted.add_argument("--suite", default="bookworm")
    wanted.add_argument("--mirror", help="where debootstrap fetches from; its own choice without")
    wanted.add_argument("--pytest", default="", metavar="ARGUMENTS", help="what `make test` is told")
    given = wanted.parse_args()
    trials = given.trials or list(TRIALS)
    if unknown := set(trials) - set(TRIALS):
        wanted.error(f"no trial is called {', '.join(unknown)}: {', '.join(TRIALS)}")
    with ExitStack() as stack:
        work, base = Path(tempfile.mkdtemp(prefix="asksight-fresh-")), given.base
        stack.callback(removed, work)
        if base is None:
            base = work / "base"
            with told("debootstrap, which is not counted"):
                mirror = [given.mirror] if given.mirror else []
                run("debootstrap", "--variant=minbase", given.suite, base, *mirror)
        bundle = work / "asksight.bundle"
        run("git", "branch", "--force", "tried", "HEAD")
        run("git", "bundle", "create", "--quiet", bundle, "tried")
        run("git", "branch", "-D", "tried")
        if "demo" in trials or "test" in trials:
            try_commands(base, work, bundle, arguments=given.pytest if "test" in trials else None)
        if "wheel" in trials:
            try_wheel(base, work, bundle)
        if "image" in trials:
            try_image(base, work, bundle)


if __name__ == "__main__":
    main()
