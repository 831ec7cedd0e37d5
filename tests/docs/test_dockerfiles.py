"""Steps of the Dockerfiles, run in an empty virtual environment without a container engine."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@dataclass
class Dockerfile:
    """The instructions of a Dockerfile that are tested here."""

    copies: list[tuple[list[str], str]] = field(default_factory=list)
    installs: list[str] = field(default_factory=list)
    entrypoint: list[str] = field(default_factory=list)


def parse_dockerfile(path: Path) -> Dockerfile:
    file = Dockerfile()
    for line in path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        instruction, _, rest = line.partition(" ")
        if instruction == "COPY":
            *sources, target = rest.split()
            file.copies.append((sources, target))
        elif instruction == "RUN" and rest.startswith("pip "):
            file.installs.append(rest)
        elif instruction == "ENTRYPOINT":
            file.entrypoint = json.loads(rest)
    return file


def copy_sources(file: Dockerfile, image: Path) -> None:
    """Copy files as COPY does; .dockerignore is not applied."""
    for sources, target in file.copies:
        folder = image / target.lstrip("/")
        for source in sources:
            path = ROOT / source
            assert path.exists(), f"{source} is copied but missing"
            if path.is_dir():
                shutil.copytree(path, folder, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                folder.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, folder)


def is_ignored(source: str) -> bool:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    return lines[0] == "*" and f"!{source}" not in lines


@pytest.mark.parametrize("name", ["cli", "web"])
def test_copied_files_are_in_the_build_context(name: str) -> None:
    sources = [
        source for group, _ in parse_dockerfile(ROOT / f"docker/{name}.Dockerfile").copies for source in group
    ]
    assert sources
    assert not [source for source in sources if is_ignored(source)]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "options"), [("cli", ["--version"]), ("web", ["--help"])])
def test_the_install_steps_work_in_an_empty_environment(
    name: str, options: list[str], tmp_path: Path
) -> None:
    file = parse_dockerfile(ROOT / f"docker/{name}.Dockerfile")
    copy_sources(file, tmp_path)
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "env")], check=True)
    path = f"{tmp_path / 'env' / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin"
    clean = {"PATH": path, "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    clean |= {key: value for key, value in os.environ.items() if key.startswith(("PIP_", "SSL_", "HTTP"))}
    assert file.installs
    for step in file.installs:
        command = [word.replace("/src", str(tmp_path / "src")) for word in shlex.split(step)]
        subprocess.run(command, check=True, env=clean, cwd=tmp_path, stdout=subprocess.DEVNULL)
    done = subprocess.run(
        [*file.entrypoint, *options], env=clean, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip()
