"""A search ends in complete or says what is missing; a real HTTP server answers."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import fhirtab
import pytest
from conftest import PATIENTS, patient


class Server(BaseHTTPRequestHandler):
    pages, broken = 4, None

    def do_GET(self):
        number = int(self.path.split("page=")[1]) if "page=" in self.path else 1
        if number == self.broken:
            self.send_error(404)
            return
        entries = [
            {"resource": patient(number * 10 + n), "search": {"mode": "match"}} for n in range(10)
        ]
        page = {"resourceType": "Bundle", "type": "searchset", "total": self.pages * 10, "entry": entries}
        if number < self.pages:
            base = f"http://127.0.0.1:{self.server.server_port}/fhir"
            page["link"] = [{"relation": "next", "url": f"{base}/Patient?page={number + 1}"}]
        body = json.dumps(page).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/fhir+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    handler = type("Handler", (Server,), {})
    running = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    running.handler = handler
    yield running
    running.shutdown()


def base(server) -> str:
    return f"http://127.0.0.1:{server.server_port}/fhir"


def test_complete(server):
    pages = fhirtab.search(base(server), "Patient", {"name": "MARKER"}, count=10)
    assert pages.complete is None
    tables = fhirtab.flatten(pages, PATIENTS, mode="child")
    assert len(tables["patient"]) == 40
    assert pages.complete["pages"] == 4 and pages.complete["matches"] == 40


def test_missing(server):
    server.handler.broken = 3
    pages = fhirtab.search(base(server), "Patient", {"name": "MARKER"})
    with pytest.raises(fhirtab.SearchError) as raised:
        for _ in pages:
            pass
    assert pages.complete is None
    assert raised.value.pages >= 2 and "MARKER" not in str(raised.value)


def test_cut_short(server):
    pages = fhirtab.search(base(server), "Patient", max_pages=2)
    with pytest.raises(fhirtab.SearchError):
        fhirtab.flatten(pages, PATIENTS)
    # Whoever leaves early does so without harm.
    pages = fhirtab.search(base(server), "Patient")
    next(pages)
    del pages


def test_no_server():
    with pytest.raises(fhirtab.SearchError):
        fhirtab.search("not a url", "Patient")
