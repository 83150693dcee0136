"""
What telemetry costs: the same messages served to one client, with all of it on and with none, in turns.

``python bench/telemetry.py --help`` lists the options; README.md says how to read it.
"""

import argparse
import json
import sys
import threading
import urllib.request  # noqa: TID251  # a scraper from outside
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import processes
import publishing
from processes import Venue
from results import Run, cost, judge, ratios, spread, values
from table import heading

GOAL: Final = 1.03
SECONDS: Final = 5.0
"""Between two scrapes and two exports: several times as often as is usual."""
OFF: Final = '[log]\nlevel = "error"\n'
ON: Final = '[log]\nlevel = "info"\nformat = "json"\n[telemetry]\ntraces = "otlp"\nmetrics = "otlp"\n'
CASES: Final = ("off", "on")
TAPE: Final = "ticks"


class Collector:
    """Takes what is exported, and reads the page of metrics itself; counts both."""

    def __init__(self) -> None:
        self.exports = 0
        self.scrapes = 0
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                collector.exports += 1
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def environ(self) -> Mapping[str, str]:
        """What makes a gateway export here."""
        place = f"http://127.0.0.1:{self._server.server_port}"
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": place, "OTEL_METRIC_EXPORT_INTERVAL": str(SECONDS * 1000)}

    @contextmanager
    def open(self) -> Iterator[None]:
        """Take exports meanwhile."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    @contextmanager
    def scraping(self, port: str) -> Iterator[None]:
        """Read the metrics of the gateway at ``port`` every so often meanwhile."""
        ended = threading.Event()
        thread = threading.Thread(target=self._scrape, args=(f"http://127.0.0.1:{port}/metrics", ended))
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _scrape(self, url: str, ended: threading.Event) -> None:
        soon = 0.5
        while not ended.wait(soon):
            soon = SECONDS
            with urllib.request.urlopen(url, timeout=5) as reply:  # noqa: TID251  # same
                self.scrapes += reply.status == 200 and len(reply.read()) > 1000


def options() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a look, in less than a minute")
    parser.add_argument("--messages", type=int, metavar="N", help="trades and quotes in a run")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often both are run")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run there")
    given = parser.parse_args()
    for name, size in zip(("messages", "rounds"), (300_000, 3) if given.quick else (2_000_000, 7), strict=True):
        if getattr(given, name) is None:
            setattr(given, name, size)
    return given


def run(case: str, venue: Venue, count: int, collector: Collector) -> Run:
    """Measure one case."""
    venue.hold()
    if case == "off":
        result: dict[str, Any] = processes.served(venue, TAPE, count, more=OFF, launcher="untimed.py")
    else:
        served = processes.served
        result = served(venue, TAPE, count, more=ON, environ=collector.environ, beside=collector.scraping)
    return judge(result, count, venue.proofs[TAPE])


def measure(given: argparse.Namespace, collector: Collector) -> dict[str, list[Run]]:
    """Run both in turns, each first every other time."""
    results: dict[str, list[Run]] = {case: [] for case in CASES}
    with processes.venue(given.messages, 2) as venue, collector.open():
        for number in range(given.rounds):
            for case in CASES if number % 2 else reversed(CASES):
                results[case].append(run(case, venue, given.messages, collector))
                if problem := results[case][-1].problem:
                    print(f"NO RESULT: round {number + 1}, {case}: {problem}")
            print(f"round {number + 1} of {given.rounds} is done", file=sys.stderr)
    return results


def report(results: Mapping[str, Sequence[Run]], collector: Collector) -> None:
    """Say what it cost."""
    for case in CASES:
        print(f"telemetry {case:4} {spread(values(results[case], cost), 3)} us of CPU a message")
    found = ratios(results["on"], results["off"], cost)
    print(f"on / off       {spread(found, 3)}; the goal is {GOAL:g} at most")
    timed, untimed = publishing.least()
    print(f"publishing     {timed:.0f} ns a message, {untimed:.0f} without the comparison: {timed - untimed:+.0f}")
    print(f"{collector.scrapes} scrapes and {collector.exports} exports meanwhile")


def main() -> int:
    """Measure and report; the exit status is 1 if a run was no result."""
    given = options()
    collector = Collector()
    results = measure(given, collector)
    print(heading(given.rounds))
    print(f"\n{given.messages:,} trades and quotes a run, served to one client\n")
    report(results, collector)
    if given.json is not None:
        told = {case: [asdict(one) for one in runs] for case, runs in results.items()}
        given.json.write_text(json.dumps({**told, "scrapes": collector.scrapes, "exports": collector.exports}))
    return int(any(one.problem for runs in results.values() for one in runs))


if __name__ == "__main__":
    sys.exit(main())
