"""
What other people's tools say of the files for containers and Kubernetes; ``tox -e deploy`` brings the tools.

Where one is missing its tests are skipped, and say so. systemd's and kubectl's own words are in
``tests/docs/test_deploy.py``.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).parents[2] / "docs/examples/deploy"
SCHEMAS = "1.37"
"""The version of Kubernetes whose schemas are meant."""
WITHIN = 60
BROUGHT = ("hadolint", "docker-compose", "kubernetes-validate")
COMMENTED = re.compile(r"^( *)#(?=secrets:|  - \{source|  \w+: \{file)", re.MULTILINE)


def tool(name: str, *arguments: str) -> list[str]:
    """Return how ``name`` is called; the test is skipped where it is not installed."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not here" + ("; tox -e deploy brings it" if name in BROUGHT else ""))
    return [found, *arguments]


def said(command: list[str]) -> str:
    """Return what ``command`` says, which must be no complaint."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WITHIN)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_hadolint_has_no_complaint() -> None:
    assert said(tool("hadolint", str(HERE / "Dockerfile"))) == ""


@pytest.mark.parametrize("whole", [False, True], ids=["as it is", "with what is commented out"])
def test_compose_understands_its_file(whole: bool, tmp_path: Path) -> None:
    text = (HERE / "compose.yaml").read_text()
    (file := tmp_path / "compose.yaml").write_text(COMMENTED.sub(r"\1", text) if whole else text)
    made = yaml.safe_load(said(tool("docker-compose", "-f", str(file), "config")))
    gateway = made["services"]["gateway"]
    assert (gateway["network_mode"], gateway["read_only"], gateway["cap_drop"]) == ("host", True, ["ALL"])
    targets = [one["target"] for one in gateway.get("secrets", [])]
    assert targets == [f"/run/credentials/binance_{part}" for part in ("key", "secret") if whole]
    assert made.get("secrets", {}).keys() == ({"binance_key", "binance_secret"} if whole else set())


@pytest.mark.parametrize("directory", ["base", "overlays/live", "overlays/token"])
def test_what_kubectl_builds_is_what_kubernetes_takes(directory: str, tmp_path: Path) -> None:
    built = said(tool("kubectl", "kustomize", str(HERE / "kustomize" / directory)))
    (file := tmp_path / "built.yaml").write_text(built)
    said(tool("kubernetes-validate", "--strict", "-k", SCHEMAS, str(file)))
