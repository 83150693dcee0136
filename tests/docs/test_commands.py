"""Every command that the documentation shows is run by a test, or says that it is an illustration."""

import re
import tomllib
from configparser import ConfigParser
from pathlib import Path

import pytest
import typer

from gateway.cli import app

ROOT = Path(__file__).parents[2]
FILES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("[a-zA-Z0-9]*.md")]
PAGES = {
    str(path.relative_to(ROOT)): path.read_text() for path in FILES if "/." not in str(path.relative_to(ROOT))
}
EXERCISED = {
    "README.md": [
        "python3 -m venv .venv && .venv/bin/pip install -q .",  # tests/integration/test_third_party.py
        "python3 -m venv .venv && .venv/bin/pip install -q tox",  # .ci/run
        ".venv/bin/python -m gateway subscribe",  # tests/integration/test_third_party.py
    ],
    "docs/examples/gateway-acme/README.md": [
        ".venv/bin/pip install -q docs/examples/gateway-acme",  # tests/integration/test_third_party.py
        ".venv/bin/python -m gateway serve",  # same
    ],
    "docs/real-input.md": [".venv/bin/python -m gateway simulate binance"],  # tests/integration/test_real_input.py
    "docs/recording.md": [
        ".venv/bin/python -m gateway record",  # tests/docs/test_recording.py
        ".venv/bin/python -m gateway replay",  # same
    ],
    "docs/simulating.md": [".venv/bin/python -m gateway simulate mock"],  # tests/docs/test_simulating.py
    "docs/simulating-binance.md": [
        ".venv/bin/python -m gateway simulate binance",  # tests/docs/test_simulating_binance.py
    ],
    "docs/clients.md": ["wscat -c", "curl -sf"],  # tests/docs/test_clients.py
    "docs/configuration.md": ["GATEWAY_SERVER__LISTEN="],  # tests/docs/test_configuration.py
}
"""How the blocks of commands begin that a test takes from the page and runs."""


def tox_environments() -> set[str]:
    parser = ConfigParser(interpolation=None)
    parser.read(ROOT / "tox.ini")
    return set(parser["tox"]["env_list"].split(", "))


def test_the_first_commands_of_the_readme_install_and_test():
    first, second, *_ = re.findall(r"```sh\n(.*?)```", PAGES["README.md"], re.DOTALL)
    assert first.endswith("&& .venv/bin/python -m gateway serve --demo\n")
    assert "\n" + second in (ROOT / ".ci/run").read_text()


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_commands_is_run_or_an_illustration(page):
    for before, block in re.findall(r"([^\n]*)\n+```sh\n(.*?)```", PAGES[page], re.DOTALL):
        begins = [known for known in EXERCISED.get(page, []) if block.startswith(known)]
        assert begins or "an illustration" in before, block


def test_every_command_that_is_mentioned_exists():
    known = typer.main.get_command(app).commands
    for page, text in PAGES.items():
        for command in re.findall(r"(?:`|-m )gateway ([a-z-]+)", text):
            assert command in known, f"{page}: gateway {command}"


def test_the_environments_that_contributors_read_of_are_those_of_tox():
    table = PAGES["CONTRIBUTING.md"].split("| environment |")[1].split("\n\n")[0]
    told = {name for name in re.findall(r"`([a-z0-9]+)`", table) if name in tox_environments()}
    assert told | {"py312", "py313"} == tox_environments()


def test_every_environment_is_told_to_contributors():
    table = PAGES["CONTRIBUTING.md"].split("| environment |")[1].split("\n\n")[0]
    named = set(re.findall(r"^\[testenv:([a-z]+)\]$", (ROOT / "tox.ini").read_text(), re.MULTILINE))
    assert named - set(re.findall(r"`([a-z]+)`", table)) == set()


def test_every_hook_of_pre_commit_is_an_environment_of_tox():
    entries = re.findall(
        r"entry: tox run -q -e (\w+)$", (ROOT / ".pre-commit-config.yaml").read_text(), re.MULTILINE
    )
    assert set(entries) == {"lint", "imports", "types", "docs"} <= tox_environments()


def test_the_required_python_is_the_oldest_that_is_tested():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=3.11"
    assert min(name for name in tox_environments() if name.startswith("py")) == "py311"
    assert "Python 3.11 or later" in PAGES["README.md"]


# --- what a stranger finds


def slug(heading: str) -> str:
    """Return the anchor that a heading has on the web."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)]+)\)", PAGES[page]):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        found = (ROOT / page).parent / path if path else ROOT / page
        assert found.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", found.read_text(), re.MULTILINE)
            assert anchor in {slug(heading) for heading in headings}, target


def test_every_page_can_be_reached_from_the_readme():
    seen, waiting = set(), ["README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page not in PAGES:
            continue
        seen.add(page)
        targets = re.findall(r"\]\(([^)#:]+\.md)", PAGES[page])
        waiting += [str(((ROOT / page).parent / target).resolve().relative_to(ROOT)) for target in targets]
    assert set(PAGES) <= seen


def test_every_decision_is_listed_and_has_its_parts():
    listed = re.findall(r"\[(\d{4})\]\((\d{4}-[a-z-]+\.md)\) \| (.+) \|", PAGES["docs/decisions/README.md"])
    files = sorted(path.name for path in (ROOT / "docs/decisions").glob("0*.md"))
    assert [name for _, name, _ in listed] == files
    for number, name, title in listed:
        text = PAGES[f"docs/decisions/{name}"]
        assert text.startswith(f"# {number}: {title}\n")
        assert all(part in text for part in ("**Context.**", "**Decision.**", "**Consequences.**"))


@pytest.mark.parametrize("page", PAGES)
def test_no_page_names_a_place_of_one_machine(page):
    assert not re.search(r"(?<![\w.])/(?:root|home|tmp|work|opt|mnt|var)/", PAGES[page])
