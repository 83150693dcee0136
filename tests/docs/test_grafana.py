"""The files for Prometheus and Grafana ask for metrics that there are, and Prometheus understands them."""

import json
import re
import shutil
import subprocess
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.telemetry.metrics.catalogue import CATALOGUE

HERE = Path(__file__).parents[2] / "docs/examples/grafana"
PROMTOOL = shutil.which("promtool")
NAMES = {metric.prometheus: metric for metric in CATALOGUE}
EVERYWHERE = {"instance", "job", "le"}
"""Labels that Prometheus adds."""
RULES = {name: yaml.safe_load((HERE / f"{name}.yml").read_text()) for name in ("recording", "alerts")}
RECORDED = {rule["record"]: rule["expr"] for group in RULES["recording"]["groups"] for rule in group["rules"]}
ALERTS = {rule["alert"]: rule for group in RULES["alerts"]["groups"] for rule in group["rules"]}
DASHBOARD: dict[str, Any] = json.loads((HERE / "dashboard.json").read_text())
SHOWN = [(panel["title"], target["expr"]) for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
ASKED = {
    **RECORDED,
    **{name: alert["expr"] for name, alert in ALERTS.items()},
    **{f"{title} {number}": expr for number, (title, expr) in enumerate(SHOWN)},
}
SELECTOR = re.compile(r"\b((?:[a-z]+:)?(?:gateway|process)_\w+(?::\w+)?)(?:\{([^}]*)\})?")

needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is not here; Debian's package prometheus has it"
)


def promtool(*arguments: str) -> str:
    """Run it on files of ours; returns what it says, which must be no complaint."""
    done = subprocess.run(
        [str(PROMTOOL), *arguments], cwd=HERE, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def labels_of(name: str) -> set[str]:
    """Return the labels that a metric, or what is recorded, may have."""
    if name in RECORDED:
        (inner, _), *_ = SELECTOR.findall(RECORDED[name])
        return labels_of(inner)
    metric = NAMES.get(name) or NAMES[re.sub(r"_(bucket|sum|count)$", "", name)]
    assert (name == metric.prometheus) is (metric.kind != "histogram"), f"{name} is no series"
    return {*metric.labels, *EVERYWHERE}


@pytest.mark.parametrize("what", ASKED)
def test_what_is_asked_for_is_measured_and_has_these_labels(what: str) -> None:
    found = SELECTOR.findall(ASKED[what])
    assert found or what == "GatewayDown"
    for name, selectors in found:
        assert set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selectors)) <= labels_of(name)


def test_the_dashboards_variables_are_filled_from_what_is_measured() -> None:
    queries = [one["definition"] for one in DASHBOARD["templating"]["list"] if one["type"] == "query"]
    for query in queries:
        match = re.fullmatch(r"label_values\((\w+)(?:\{.*\})?, (\w+)\)", query)
        assert match is not None
        assert match[2] in labels_of(match[1])


def test_every_alert_says_what_is_wrong_and_how_much_it_matters() -> None:
    assert len(ALERTS) >= 15
    for alert in ALERTS.values():
        assert alert["labels"]["severity"] in {"page", "ticket"}
        assert alert["annotations"]["summary"]


def test_every_rule_is_tested() -> None:
    tests = yaml.safe_load((HERE / "rules.test.yml").read_text())["tests"]
    named = {test["name"] for test in tests}
    assert {f"{alert} {what}" for alert in ALERTS for what in ("fires", "keeps quiet")} <= named
    [recorded] = [test for test in tests if test["name"] == "recorded numbers"]
    for record in RECORDED:
        assert any(record in one["expr"] for one in recorded["promql_expr_test"])


@needs_promtool
def test_promtool_accepts_the_configuration_and_the_rules() -> None:
    told = promtool("check", "config", "prometheus.yml")
    assert "2 rule files found" in told
    assert f"{len(RECORDED)} rules found" in told
    assert f"{len(ALERTS)} rules found" in told


@needs_promtool
def test_promtool_finds_that_the_rules_do_what_their_tests_say() -> None:
    assert "SUCCESS" in promtool("test", "rules", "rules.test.yml")


@needs_promtool
def test_every_expression_of_the_dashboard_is_understood(tmp_path: Path) -> None:
    filled = [
        expr.replace("$__rate_interval", "1m").replace("$exchange", ".*").replace("$instance", ".*")
        for _, expr in SHOWN
    ]
    assert not [expr for expr in filled if "$" in expr]
    rules = [{"record": f"shown_{number}", "expr": expr} for number, expr in enumerate(filled)]
    (tmp_path / "shown.yml").write_text(json.dumps({"groups": [{"name": "shown", "rules": rules}]}))
    assert f"{len(SHOWN)} rules found" in promtool("check", "rules", str(tmp_path / "shown.yml"))


# --- the dashboard


def test_panels_have_numbers_titles_and_places_of_their_own() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["title"] for panel in panels)
    for one, other in combinations([panel["gridPos"] for panel in panels], 2):
        apart = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert apart or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)


# --- the compose file


def compose() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((HERE / "compose.yaml").read_text())
    return read


def test_what_the_compose_file_mounts_is_there_and_nothing_listens_beyond_loopback() -> None:
    services = compose()["services"]
    volumes = compose()["volumes"]
    for service in services.values():
        assert re.fullmatch(r"docker\.io/[\w/]+:v?\d+\.\d+\.\d+", service["image"]), "a version, not the latest"
        for mount in service["volumes"]:
            source = mount.split(":")[0]
            assert (HERE / source).exists() if source.startswith("./") else source in volumes
        assert service["cap_drop"] == ["ALL"]
    assert "--web.listen-address=127.0.0.1:9090" in services["prometheus"]["command"]
    assert services["grafana"]["environment"]["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"


def test_grafana_finds_prometheus_and_the_dashboard() -> None:
    services, provided = compose()["services"], HERE / "provisioning"
    [source] = yaml.safe_load((provided / "datasources/prometheus.yml").read_text())["datasources"]
    assert f"--web.listen-address={source['url'].removeprefix('http://')}" in services["prometheus"]["command"]
    [provider] = yaml.safe_load((provided / "dashboards/gateway.yml").read_text())["providers"]
    mounted = [mount.split(":")[1] for mount in services["grafana"]["volumes"]]
    assert any(path.startswith(provider["options"]["path"] + "/") for path in mounted)


def test_the_page_names_every_file() -> None:
    page = (HERE / "README.md").read_text()
    files = {path.name for path in HERE.iterdir() if path.name != "README.md"}
    assert {name for name in files if f"`{name}" not in page} == set()
