"""Reports: the milestone's outline, self-contained, the same figures everywhere."""

import http.server
import json
import re
import threading
import zipfile

import pypdf
import pytest

from baseline.cli import main
from baseline.report import write_report
from scripts import generate_performance_report
from tests.unit.baseline.folders import Faults, make

OUTLINE = [
    "Executive Summary",
    "Current State Assessment",
    "Key Metrics Summary",
    "Critical Findings",
    "Optimization Roadmap",
    "Detailed Analysis",
    "API Performance",
    "Database Performance",
    "Frontend Performance",
    "Infrastructure",
    "Recommendations",
    "Hand-off Lists",
    "Appendices",
    "A: Raw Data",
    "B: Test Configurations",
    "C: Methodology",
]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = make(
        tmp_path_factory.mktemp("runs") / "run",
        Faults(lighthouse=0.5, lcp=4000.0, n_plus_one=True, index=True),
    )
    finding = path / "profiler" / "findings.json"
    finding.write_text(finding.read_text().replace("_compute_yield", "<script>x"))
    write_report(path)
    return path


def in_order(names, text):
    place = 0
    for name in names:
        place = text.find(name, place)
        assert place >= 0, name


def test_markdown_has_the_outline(run):
    text = (run / "report" / "report.md").read_text()
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    in_order(OUTLINE, "\n".join(headings))
    for row in ("Page Load (P95)", "API Response (P95)", "DB Query (P90)"):
        assert f"| {row} |" in text
    assert "| Lighthouse Score | 50 | > 90 | Not met |" in text


def test_html_has_the_outline_and_loads_nothing(run):
    text = (run / "report" / "report.html").read_text()
    in_order(OUTLINE, text)
    assert text.count("<svg") >= 5
    assert "<script" not in text
    assert not re.search(r'(?:src|href)="(?!#)', text)
    assert "@import" not in text
    assert "url(http" not in text


def test_pdf_has_the_outline(run):
    reader = pypdf.PdfReader(run / "report" / "report.pdf")
    assert 4 <= len(reader.pages) <= 20
    in_order(OUTLINE[:4], "\n".join(page.extract_text() for page in reader.pages))
    assert len(reader.outline) > 0


def test_slides_are_few_and_wide(run):
    pages = pypdf.PdfReader(run / "report" / "slides.pdf").pages
    assert len(pages) == 6
    assert all(page.mediabox.width > page.mediabox.height for page in pages)
    assert "What to do" in pages[-1].extract_text()


def test_roadmap_has_phases(run):
    text = (run / "report" / "roadmap.md").read_text()
    in_order(["# Optimization Roadmap", "## Now", "## Next"], text)
    assert "LCP 4000 ms exceeds 2500 ms" in text


def test_upload_holds_the_report(run):
    with zipfile.ZipFile(run / "report" / "report.zip") as archive:
        names = archive.namelist()
    assert sorted(names) == ["document.json", "report.html", "report.pdf"]


def test_partial_run_says_what_is_missing(tmp_path, capsys):
    (tmp_path / "run").mkdir()
    assert main(["report", str(tmp_path / "run")]) == 0
    assert "missing  k6: there are no samples of k6" in capsys.readouterr().out
    text = (tmp_path / "run" / "report" / "report.md").read_text()
    assert "This report is partial" in text
    assert "| API Response (P95) | – | < 200 ms | No data |" in text
    assert "**Overall Health**: Unknown" in text
    html = (tmp_path / "run" / "report" / "report.html").read_text()
    assert "This report is partial" in html
    assert "nan" not in re.sub(r"<style.*?</style>", "", html, flags=re.DOTALL).lower()


@pytest.mark.parametrize(
    ("name", "begins"),
    [("x.md", b"# Perf"), ("x.html", b"<!DOCTYPE")],
)
def test_the_milestones_command(run, tmp_path, name, begins):
    output = tmp_path / "out" / name
    code = generate_performance_report.main(
        ["--input", str(run), "--output", str(output)]
    )
    assert code == 0
    assert output.read_bytes().startswith(begins)


class Odoo(http.server.BaseHTTPRequestHandler):
    """Answers as the addon's endpoint; what was sent stays in ``sent``."""

    sent: list[tuple[str, str, bytes]] = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.sent.append((self.path, self.headers["Content-Type"], body[:2]))
        good = self.headers["Authorization"] == "Bearer right"
        answer = {"id": 7, "name": "run"} if good else {"error": "This is no API key."}
        self.send_response(201 if good else 403)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_args):
        pass


def test_upload(run, monkeypatch, capsys):
    server = http.server.HTTPServer(("127.0.0.1", 0), Odoo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        for key, code in (("right", 0), ("wrong", 1)):
            monkeypatch.setenv("BASELINE_API_KEY", key)
            assert main(["upload", str(run), "--url", url]) == code
    finally:
        server.shutdown()
        server.server_close()
    shown = capsys.readouterr()
    assert "imported  run" in shown.out
    assert "refused it: This is no API key." in shown.err
    assert Odoo.sent[0] == ("/api/v1/performance/baselines", "application/zip", b"PK")
    monkeypatch.delenv("BASELINE_API_KEY")
    assert main(["upload", str(run), "--url", url]) == 1
    assert "BASELINE_API_KEY are needed" in capsys.readouterr().err
