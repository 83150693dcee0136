"""An OTLP collector on loopback that keeps what it gets."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue
from typing import Self


class Collector:
    """An OTLP/HTTP collector on loopback; ``deaf`` never answers until released."""

    def __init__(self, *, deaf: bool = False) -> None:
        self.bodies: Queue[tuple[str, bytes]] = Queue()
        self.release = threading.Event()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.bodies.put((self.path, body))
                if deaf:
                    collector.release.wait(20)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    @property
    def environ(self) -> dict[str, str]:
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.server.server_port}/"}
