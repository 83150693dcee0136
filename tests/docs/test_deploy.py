"""The files for systemd, containers and Kubernetes agree with the product, each other, and their own tools."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import structlog
import trustme
import typer
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from gateway.app.ending import SECONDS
from gateway.cli import app, run
from gateway.cli.exits import UNSAFE, USAGE
from gateway.serving.auth.needs import FREE
from gateway.serving.guard import OURS
from gateway_binance import coinm, spot, usdm

ROOT = Path(__file__).parents[2]
HERE = ROOT / "docs/examples/deploy"
UNIT = HERE / "systemd/gateway.service"
BASE, LIVE, TOKEN = (HERE / "kustomize" / name for name in ("base", "overlays/live", "overlays/token"))
CONFIGURATIONS = [HERE / "gateway.toml", BASE / "gateway.toml", LIVE / "gateway.toml"]
DOCKERFILE = (HERE / "Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WORST = 2.0
"""What systemd may say of the unit: 0 is shut in, 10 is wide open."""

SYSTEMD = shutil.which("systemd-analyze")
KUBECTL = shutil.which("kubectl")
needs_systemd = pytest.mark.skipif(SYSTEMD is None, reason="systemd-analyze is not here; systemd has it")
needs_kubectl = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not here")


def directives() -> dict[str, list[str]]:
    """Return what each line of the unit says, by its name."""
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def instruction(name: str) -> list[str]:
    """Return what follows each ``name`` of the Dockerfile, lines joined."""
    joined = DOCKERFILE.replace("\\\n", " ")
    return re.findall(rf"^\s*{name} +(.+)$", joined, re.MULTILINE)


def document(path: Path, kind: str) -> Any:
    """Return the manifest of that kind."""
    return next(one for one in yaml.safe_load_all(path.read_text()) if one["kind"] == kind)


def kustomized(directory: Path) -> dict[str, Any]:
    """Return what kubectl makes of it, by kind."""
    done = subprocess.run(
        [str(KUBECTL), "kustomize", str(directory)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return {one["kind"]: one for one in yaml.safe_load_all(done.stdout)}


def check_command(arguments: list[str]) -> None:
    """See that the gateway has this command with these options."""
    command: Any = typer.main.get_command(app)
    assert command.make_context("gateway", list(arguments), resilient_parsing=True) is not None
    name, *rest = arguments
    assert command.commands[name].make_context(name, list(rest)).params["config"] is not None


# --- the unit


@needs_systemd
def test_systemd_understands_the_unit_and_finds_it_shut_in(tmp_path: Path) -> None:
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/opt/gateway/bin/gateway", sys.executable))
    for arguments in (["verify", "--man=no"], ["security", "--offline=true", f"--threshold={WORST * 10:.0f}"]):
        done = subprocess.run(
            [str(SYSTEMD), *arguments, str(copy)], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert not done.stderr, done.stderr


def test_the_unit_starts_what_there_is_and_knows_how_it_ends() -> None:
    unit = directives()
    (start,) = unit["ExecStart"]
    program, *arguments = start.split()
    assert Path(program).name == "gateway" in PROJECT["scripts"]
    check_command(arguments)
    assert unit["RestartPreventExitStatus"] == [f"{USAGE} {UNSAFE}"]
    assert int(unit["TimeoutStopSec"][0]) > SECONDS
    assert unit["Type"] == ["notify"]
    assert unit["ExecReload"] == ["/bin/kill -HUP $MAINPID"]


def test_the_units_only_place_to_write_is_where_its_configuration_keeps_the_store() -> None:
    unit = directives()
    store = Path(tomllib.loads(CONFIGURATIONS[0].read_text())["store"]["path"])
    assert store.parent == Path("/var/lib", unit["StateDirectory"][0])
    assert unit["ProtectSystem"] == ["strict"]
    assert "ReadWritePaths" not in unit
    assert (unit["UMask"], unit["LimitCORE"]) == (["0077"], ["0"])


def test_the_credentials_of_the_unit_are_those_that_the_configuration_names() -> None:
    lines = UNIT.read_text()
    given = re.findall(r"^#LoadCredential=(\w+):", lines, re.MULTILINE)
    assert given == re.findall(r'"systemd:(\w+)"', CONFIGURATIONS[0].read_text())
    compose = (HERE / "compose.yaml").read_text()
    assert given == re.findall(r"source: (\w+), target: /run/credentials/\1\}", compose)
    assert re.findall(r"^#  (\w+): \{file:", compose, re.MULTILINE) == given


# --- the configurations


@pytest.fixture
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the files are given by unit or pod: credentials, a certificate, a place for the store."""
    credentials, state, tls = (tmp_path / name for name in ("credentials", "state", "tls"))
    for directory in (credentials, state, tls):
        directory.mkdir()
    for name in ("binance_key", "binance_secret"):
        (credentials / name).write_text("never-a-real-one")
        (credentials / name).chmod(0o440)  # as the group of a pod has it
    issued = trustme.CA().issue_cert("gateway.gateway.svc")
    (tls / "tls.crt").write_bytes(b"".join(one.bytes() for one in issued.cert_chain_pems))
    (tls / "tls.key").write_bytes(issued.private_key_pem.bytes())
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    return tmp_path


@pytest.fixture(autouse=True)
def logs() -> Any:
    """What a command sets up for its process is not for the others' tests."""
    import logging

    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.parent.name)
@pytest.mark.parametrize("whole", [False, True], ids=["as it is", "with what is commented out"])
def test_every_configuration_is_good_where_it_is_meant_to_be(
    path: Path, whole: bool, surroundings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = path.read_text()
    text = re.sub(r"^#(\[|\w+ = )", r"\1", text, flags=re.MULTILINE) if whole else text
    text = text.replace("/var/lib/gateway", str(surroundings / "state")).replace(
        "/run/tls", str(surroundings / "tls")
    )
    (file := surroundings / "gateway.toml").write_text(text)
    exposed = '"0.0.0.0' in text
    assert run(["check-config", "--config", str(file)]) == (UNSAFE if exposed else 0)
    assert run(["token", "create", "--scope", "market:read", "--config", str(file)]) == 0
    capsys.readouterr()
    assert run(["check-config", "--config", str(file)]) == 0
    out, err = capsys.readouterr()
    assert "no effect" not in out + err
    assert json.loads(out)["store"]["path"] == str(surroundings / "state/gateway.sqlite")
    assert ("main" in json.loads(out)["accounts"]) is ("\n[accounts.main]" in text)


# --- the image


def test_the_image_runs_what_there_is_as_nobody_in_particular() -> None:
    (entry,), arguments = json.loads(instruction("ENTRYPOINT")[0]), json.loads(instruction("CMD")[-1])
    assert entry in PROJECT["scripts"]
    check_command(arguments)
    assert instruction("USER") == ["65532:65532"]
    (health,) = re.findall(r"CMD (\[.*healthcheck.*\])", DOCKERFILE)
    assert json.loads(health)[-1] == instruction("COPY")[-1].split()[-1]
    python = re.search(r"^ARG PYTHON=.*python:([\d.]+)-", DOCKERFILE, re.MULTILINE)
    assert python
    assert f"Programming Language :: Python :: {python[1]}" in PROJECT["classifiers"]


def test_everything_that_the_image_copies_is_there_and_not_ignored() -> None:
    let_through = {
        line[1:] for line in (HERE / "Dockerfile.dockerignore").read_text().splitlines() if line[0] == "!"
    }
    copied = {source for line in instruction("COPY") if "--from" not in line for source in line.split()[:-1]}
    assert copied == let_through
    assert all((ROOT / source).exists() for source in copied)


def pins() -> dict[str, tuple[str, str]]:
    """Return the version of each package of the lock, and what is said beside it: a marker, and hashes."""
    joined = (HERE / "requirements.txt").read_text().replace("\\\n", " ")
    lines = [line for line in joined.splitlines() if line and not line.lstrip().startswith("#")]
    found = (re.match(r"([\w.-]+)==(\S+)(.*)$", line) for line in lines)
    return {one[1].lower(): (one[2], one[3]) for one in found if one is not None}


def test_the_lock_has_every_package_that_the_gateway_needs_with_its_hashes() -> None:
    locked = pins()
    waiting, seen = [Requirement(one) for one in PROJECT["dependencies"]], set()
    while waiting:
        one = waiting.pop()
        name = re.sub(r"[-_.]+", "-", one.name).lower()
        if one.marker is not None and not one.marker.evaluate({"extra": ""}):
            continue
        assert name in locked, f"{name} is not locked: tox -e lock"
        assert one.specifier.contains(Version(locked[name][0])), f"{one} is locked at {locked[name][0]}"
        if name not in seen:
            seen.add(name)
            waiting += [Requirement(text) for text in metadata.requires(name) or ()]
    assert len(seen) > 20
    assert all("--hash=sha256:" in beside for _, beside in locked.values())


# --- compose


def test_what_compose_mounts_is_there_and_what_it_runs_is_shut_in() -> None:
    compose = yaml.safe_load((HERE / "compose.yaml").read_text())
    gateway = compose["services"]["gateway"]
    assert (HERE / gateway["build"]["context"]).resolve() == ROOT
    assert (ROOT / gateway["build"]["dockerfile"]).resolve() == HERE / "Dockerfile"
    configuration, state = (one.split(":") for one in gateway["volumes"])
    assert (HERE / configuration[0]).is_file()
    assert configuration[1] == json.loads(instruction("CMD")[-1])[-1]
    assert state[0] in compose["volumes"]
    assert [state[1]] == instruction("VOLUME")
    assert gateway["read_only"] is True
    assert gateway["cap_drop"] == ["ALL"]
    assert gateway["image"].endswith(f":{PROJECT['version']}")
    assert gateway["network_mode"] == "host", "published ports would need an address that others can reach"
    assert int(gateway["stop_grace_period"].removesuffix("s")) > SECONDS


# --- Kubernetes


def pods() -> list[Any]:
    deployment = document(BASE / "deployment.yaml", "Deployment")["spec"]
    assert (deployment["replicas"], deployment["strategy"]) == (1, {"type": "Recreate"})
    return [deployment["template"]["spec"], document(TOKEN / "pod.yaml", "Pod")["spec"]]


def test_every_pod_is_as_restricted_as_the_namespace_demands() -> None:
    for pod in pods():
        security = pod["securityContext"]
        assert security["runAsNonRoot"] is True
        assert [f"{security['runAsUser']}:{security['runAsGroup']}"] == instruction("USER")
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }


def test_probes_ask_what_needs_no_token_under_a_name_that_is_ours() -> None:
    (container,) = pods()[0]["containers"]
    port = tomllib.loads((BASE / "gateway.toml").read_text())["server"]["listen"].rpartition(":")[2]
    assert container["ports"] == [{"name": "stream", "containerPort": int(port)}]
    assert instruction("EXPOSE") == [port]
    asked = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}
    assert [one["path"] for one in asked.values()] == ["/livez", "/livez", "/readyz"]
    for one in asked.values():
        assert one["path"] in FREE
        assert one["scheme"] == "HTTPS"
        assert one["httpHeaders"][0]["name"] == "Host"
        assert one["httpHeaders"][0]["value"] in OURS
    check_command(container["args"])
    assert pods()[0]["terminationGracePeriodSeconds"] > SECONDS


@pytest.mark.parametrize("path", CONFIGURATIONS[1:], ids=lambda path: path.parent.name)
def test_whatever_a_configuration_reads_is_mounted(path: Path) -> None:
    (container,) = pods()[0]["containers"]
    places = {Path(one["mountPath"]) for one in container["volumeMounts"]}
    settings = tomllib.loads(path.read_text())
    named = [*settings["server"]["tls"].values(), settings["store"]["path"], container["args"][-1]]
    assert {Path(one).parent for one in named} <= places
    credentials = re.search(r"CREDENTIALS_DIRECTORY=(\S+)", DOCKERFILE)
    assert credentials
    assert Path(credentials[1]) in places
    assert {one["name"] for one in container["volumeMounts"]} == {one["name"] for one in pods()[0]["volumes"]}


def test_the_network_lets_through_what_binance_needs() -> None:
    (_, world) = document(BASE / "network.yaml", "NetworkPolicy")["spec"]["egress"]
    ports = {one["port"] for one in world["ports"]}
    endpoints = [one for plugin in (spot, usdm, coinm) for one in plugin.plugin.gateway_exchange_info().endpoints]
    assert {urlsplit(one.urls["live"]).port or 443 for one in endpoints} == ports
    assert "169.254.0.0/16" in world["to"][0]["ipBlock"]["except"]
    assert "169.254.0.0/16" in directives()["IPAddressDeny"][0]


@needs_kubectl
@pytest.mark.parametrize("directory", [BASE, LIVE, TOKEN], ids=lambda path: path.name)
def test_kubectl_builds_every_kustomization_and_its_names_agree(directory: Path) -> None:
    made = kustomized(directory)
    template = made["Deployment"]["spec"]["template"]
    labels = template["metadata"]["labels"]
    for selector in (
        made["Deployment"]["spec"]["selector"]["matchLabels"],
        made["Service"]["spec"]["selector"],
        made["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    ):
        assert selector.items() <= labels.items()
        assert selector
    _, guests = made["NetworkPolicy"]["spec"]["ingress"][0]["from"]
    assert [*guests["podSelector"]] == ["matchExpressions"], "clients need not be gateways"
    kept = [template["spec"], *([made["Pod"]["spec"]] if "Pod" in made else [])]
    for pod in kept:
        volumes = {one["name"]: one for one in pod["volumes"]}
        assert volumes["config"]["configMap"]["name"] == made["ConfigMap"]["metadata"]["name"]
        claim = volumes["state"]["persistentVolumeClaim"]["claimName"]
        assert claim == made["PersistentVolumeClaim"]["metadata"]["name"]
        assert pod["containers"][0]["image"].endswith(f":{PROJECT['version']}")
    assert made["Deployment"]["spec"]["replicas"] == (0 if directory == TOKEN else 1)
    (name,) = made["ConfigMap"]["data"]
    assert f"/etc/gateway/{name}" == template["spec"]["containers"][0]["args"][-1]


# --- the check of health


def healthy(url: str | None, **more: str) -> bool:
    environ = {"PATH": os.environ["PATH"], **more} | ({} if url is None else {"GATEWAY_HEALTH_URL": url})
    done = subprocess.run(
        [sys.executable, "-I", str(HERE / "healthcheck.py")],
        env=environ,
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert not done.stderr
    return done.returncode == 0


def test_only_this_machine_is_asked_whether_it_is_healthy() -> None:
    assert not healthy("http://example.com/livez")
    assert not healthy("http://127.0.0.1:1/livez")
