"""Sources of health answer as the real services do: healthy since when, or what is wrong, in one line."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from mlops_ci.adapters import health_argocd, health_deployments, health_prometheus
from mlops_ci.adapters.health import Asked, Source, moment, together
from mlops_ci.adapters.health_deployments import Event
from mlops_ci.adapters.http_get import Service
from mlops_ci.errors import ConfigError, ToolError
from mlops_ci.promotion.plan import Health

MERGED = datetime(2026, 5, 1, 12, tzinfo=UTC)
NOW = MERGED + timedelta(hours=6)
ASKED = Asked("production", "iris", "sha256:" + "a" * 64, MERGED, NOW)
SECRET = "0123456789topsecret"


def at(hours: float) -> datetime:
    return MERGED + timedelta(hours=hours)


def iso(hours: float) -> str:
    return at(hours).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Answers:
    """A service on loopback: every path has its answer; what was asked is kept."""

    url: str = ""
    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    seen: list[tuple[str, dict[str, list[str]], str]] = field(default_factory=list)


@pytest.fixture
def service() -> Iterator[Answers]:
    answers = Answers()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            answers.seen.append((parts.path, parse_qs(parts.query), self.headers.get("Authorization", "")))
            body = answers.body if isinstance(answers.body, bytes) else json.dumps(answers.body).encode()
            self.send_response(answers.status)
            for name, value in {"Content-Length": str(len(body)), **answers.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        answers.url = f"http://127.0.0.1:{server.server_port}"
        yield answers
        server.shutdown()
        thread.join()


def look(made: tuple[str, Source], asked: Asked = ASKED) -> Health:
    return together(dict([made]), asked)


# ---- Argo CD -------------------------------------------------------------------------------------


def application(
    sync: str = "Synced", health: str = "Healthy", deployed: tuple[float, ...] = (-5, 1, 3), **more: Any
) -> dict[str, Any]:
    """An application as Argo CD's API gives it, without what is not read."""
    return {
        "metadata": {"name": "iris", "namespace": "argocd", "resourceVersion": "1"},
        "spec": {
            "project": "default",
            "source": {"repoURL": "https://example.invalid/deploy", "path": "iris"},
        },
        "status": {
            "sync": {"status": sync, "revision": "f" * 40, "comparedTo": {}},
            "health": {"status": health, **more},
            "history": [
                {
                    "id": number,
                    "revision": str(number) * 40,
                    "deployedAt": iso(hours),
                    "deployStartedAt": iso(hours),
                }
                for number, hours in enumerate(deployed)
            ],
            "operationState": {"phase": "Succeeded", "finishedAt": iso(deployed[-1]) if deployed else None},
            "reconciledAt": iso(5.9),
        },
    }


def argo(service: Answers, path: str = "/applications/iris", token: str = SECRET) -> tuple[str, Source]:
    return health_argocd.source(service.url + path, {"ARGOCD_TOKEN": token})


def test_argo_cd_says_since_when_it_is_live(service: Answers) -> None:
    service.body = application()
    found = look(argo(service))
    assert found == Health("Argo CD's application iris", at(1), "")
    assert service.seen == [("/api/v1/applications/iris", {}, f"Bearer {SECRET}")]


def test_argo_cd_below_a_path_with_a_namespace(service: Answers) -> None:
    service.body = application()
    assert look(argo(service, "/argo/applications/team-a/iris", token="")).since == at(1)
    assert service.seen == [("/argo/api/v1/applications/iris", {"appNamespace": ["team-a"]}, "")]


def test_argo_cd_health_that_changed_later_counts_from_then(service: Answers) -> None:
    service.body = application(lastTransitionTime=iso(2))
    assert look(argo(service)).since == at(2)
    service.body = application(lastTransitionTime=iso(-9))
    assert look(argo(service)).since == at(1)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (application(sync="OutOfSync"), "it is OutOfSync, not Synced"),
        (application(health="Degraded"), "it is Degraded, not Healthy"),
        (application(health="Progressing"), "it is Progressing, not Healthy"),
        (application(deployed=(-5, -1)), "it has not deployed anything since the promotion was merged"),
        (application(deployed=()), "it has not deployed anything since the promotion was merged"),
        ({"status": {"sync": {}}}, "it is of no known state, not Synced"),
        ({"status": {"sync": {"status": "Synced"}, "health": None}}, "it is of no known health, not Healthy"),
        ([], "it is of no known state, not Synced"),
        ({"status": {**application(deployed=())["status"], "sync": {"status": "Synced", "revisions": 7}}},
         "it has not deployed anything since the promotion was merged"),
        ({"status": {**application()["status"], "history": [{"deployedAt": "soon"}]}},
         "'soon' is no time (check the source's address and version)"),
        ({"status": {**application()["status"], "history": [{"deployedAt": "2026-05-01T10:00:00"}, 7, {}]}},
         "'2026-05-01T10:00:00' is a time without a zone (check the source's version)"),
    ],
)  # fmt: skip
def test_argo_cd_says_what_is_wrong(service: Answers, body: Any, problem: str) -> None:
    service.body = body
    assert look(argo(service)) == Health(
        "Argo CD's application iris", None, f"Argo CD's application iris: {problem}"
    )


def test_argo_cd_at_an_older_commit(service: Answers) -> None:
    service.body = application()
    seen: list[str] = []

    def contains(commit: str) -> bool | None:
        seen.append(commit)
        return False

    found = look(argo(service), replace(ASKED, contains=contains))
    assert found.problem.endswith(": it is at revision ffffffffff, which does not have the promotion yet")
    assert seen == ["f" * 40]
    assert look(argo(service), replace(ASKED, contains=lambda _: True)).since == at(1)
    service.body["status"]["sync"] = {"status": "Synced", "revisions": ["a" * 40, "b" * 40]}
    assert look(argo(service), replace(ASKED, contains=lambda commit: commit[0] == "b")).since == at(1)
    assert look(argo(service), replace(ASKED, contains=lambda _: False)).since is None


@pytest.mark.parametrize(
    "address",
    [
        "https://argo.example",
        "https://argo/applications/",
        "https://argo/applications/a/b/c",
        "/applications/a",
        "https://[argo/applications/a",
    ],
)
def test_addresses_that_are_no_application(address: str) -> None:
    with pytest.raises(ConfigError, match=r"health\.argocd: is no address of an application"):
        health_argocd.source(address, {})


# ---- Prometheus ----------------------------------------------------------------------------------


def matrix(*series: list[tuple[float, str]]) -> dict[str, Any]:
    """An answer to a range query; (hours, value) of every series."""
    result = [
        {"metric": {"pod": str(i)}, "values": [[at(h).timestamp(), v] for h, v in one]}
        for i, one in enumerate(series)
    ]
    return {"status": "success", "data": {"resultType": "matrix", "result": result}}


def every(value: Callable[[float], str | None], step: float = 0.5) -> list[tuple[float, str]]:
    return [(n * step, said) for n in range(int(6 / step) + 1) if (said := value(n * step)) is not None]


def judge(*series: list[tuple[float, str]]) -> Health:
    return health_prometheus.judged(matrix(*series), MERGED, NOW, 1800)


def test_prometheus_is_asked_for_the_time_of_the_soak(service: Answers) -> None:
    step = 6 * 3600 / 720
    service.body = matrix(every(lambda _: "1", step / 3600))
    query = 'up{model="{model}",env="{environment}",digest="{digest}"} == 1'
    made = health_prometheus.source(service.url + "/", query, {"PROMETHEUS_TOKEN": SECRET})
    assert look(made) == Health("the Prometheus query", MERGED, "")
    [(path, asked, token)] = service.seen
    assert (path, token) == ("/api/v1/query_range", f"Bearer {SECRET}")
    assert asked == {
        "query": [f'up{{model="iris",env="production",digest="sha256:{"a" * 64}"}} == 1'],
        "start": [f"{MERGED.timestamp():.3f}"],
        "end": [f"{NOW.timestamp():.3f}"],
        "step": ["30.000"],
    }
    look(made, replace(ASKED, soak=timedelta(hours=1)))
    assert service.seen[1][1]["start"] == [f"{(NOW - timedelta(minutes=65)).timestamp():.3f}"]
    look(made, replace(ASKED, merged=NOW - timedelta(days=30), soak=timedelta(days=30)))
    assert service.seen[2][1]["step"] == ["1296.000"]


def test_prometheus_is_well_since_the_last_bad_sample() -> None:
    assert judge(every(lambda _: "1")) == Health(since=MERGED)
    assert judge(every(lambda h: "0" if h == 2 else "1.5")) == Health(since=at(2.5))
    assert judge(every(lambda h: None if h == 3 else "1")) == Health(since=at(3.5)), "a gap is not well"
    assert judge(every(lambda h: "NaN" if h == 4 else "1")) == Health(since=at(4.5))


def test_prometheus_all_series_must_be_well() -> None:
    assert judge(every(lambda _: "1"), every(lambda h: "0" if h == 5 else "7")).since == at(5.5)
    assert judge(every(lambda _: "1"), every(lambda _: "NaN")) == Health(
        problem="it gives nan now, which is not 1 or more"
    )
    assert judge(every(lambda _: "1"), every(lambda _: "0.5")) == Health(
        problem="it gives 0.5 now, which is not 1 or more"
    )


def test_prometheus_that_is_stale() -> None:
    assert judge(every(lambda h: "1" if h < 6 else None)) == Health(problem="it gives nothing now")
    assert judge() == Health(problem="it gives nothing now")


@pytest.mark.parametrize(
    "told",
    [{}, [], {"data": {"resultType": "vector", "result": []}}, matrix([(0, "x")]),
     {"data": {"resultType": "matrix", "result": [{"values": [["NaN", "1"]]}]}},
     {"data": {"resultType": "matrix", "result": [{"values": [[0, 10**400]]}]}},
     {"data": {"resultType": "matrix", "result": [{"histograms": []}]}}],
)  # fmt: skip
def test_prometheus_answers_that_are_none(told: Any) -> None:
    with pytest.raises(ToolError, match="the Prometheus query: ") as found:
        health_prometheus.judged(told, MERGED, NOW, 1800)
    assert found.value.hint


def test_prometheus_says_why_a_query_is_wrong(service: Answers) -> None:
    service.status = 400
    service.body = {"status": "error", "errorType": "bad_data", "error": "1:3: parse error:\n unexpected end"}
    found = look(health_prometheus.source(service.url, "up{", {}))
    assert found.problem == (
        "the Prometheus query: the Prometheus query answers with 400: 1:3: parse error: unexpected end (check its address)"
    )


# ---- the way there -------------------------------------------------------------------------------


def asked(service: Answers, token: str = SECRET) -> Service:
    return Service("the service", service.url, "TOKEN", {"TOKEN": token})


@pytest.mark.parametrize(
    ("status", "token", "message", "hint"),
    [
        (401, SECRET, "the service refuses the request (401: no session for ***)", "check TOKEN"),
        (403, "", "the service refuses the request (403: no session for 0123456789topsecret)", "set TOKEN to a token that may read it"),
        (404, SECRET, "the service answers with 404: no session for ***", "check its address"),
        (302, SECRET, "the service is elsewhere (302)", "write the address it leads to"),
    ],
)  # fmt: skip
def test_refusals(service: Answers, status: int, token: str, message: str, hint: str) -> None:
    service.status, service.body = status, {"message": f"no session for {SECRET}"}
    service.headers = {"Location": service.url + "/elsewhere"} if status == 302 else {}
    with pytest.raises(ToolError) as found:
        asked(service, token).get("/x")
    assert (found.value.message, found.value.hint) == (message, hint)
    assert [path for path, _, _ in service.seen] == ["/x"], "no redirect is followed"


def test_of_a_token_that_is_told_back_no_part_is_shown(service: Answers) -> None:
    service.status, service.body = 500, {"message": f"{'x' * 190} {SECRET}"}
    with pytest.raises(ToolError) as found:
        asked(service).get("/x")
    assert found.value.message == f"the service answers with 500: {'x' * 190} ***"


def test_a_service_that_is_overloaded_is_asked_twice(service: Answers) -> None:
    service.status, service.body = 503, b"busy"
    with pytest.raises(ToolError, match="the service answers with 503"):
        asked(service).get("/x")
    assert len(service.seen) == 2


def test_an_answer_that_is_no_json(service: Answers) -> None:
    service.body = b"<html>"
    with pytest.raises(ToolError, match="the service does not answer with JSON"):
        asked(service).get("/x")


def test_a_service_that_is_down() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    found = look(health_prometheus.source(f"http://127.0.0.1:{port}", "up", {}))
    assert found.since is None
    assert "does not answer (connect: Connection refused)" in found.problem


@pytest.mark.parametrize(
    ("address", "token", "message"),
    [
        ("http://prometheus.example", SECRET, "TOKEN travels by https only"),
        ("https://user:pw@prometheus.example", "", "its address is none"),
        ("ftp://prometheus.example", "", "its address is none"),
        ("prometheus", "", "its address is none"),
        ("https://[prometheus", "", "its address is none"),
        ("https://prometheus.example", "two words", "TOKEN holds blanks"),
    ],
)
def test_a_token_goes_to_no_other_place(address: str, token: str, message: str) -> None:
    one = Service("the service", address, "TOKEN", {"TOKEN": token})
    with pytest.raises(ConfigError) as found:
        one.get("/x")
    assert message in found.value.message
    assert "pw" not in found.value.message
    assert SECRET not in repr(one)


# ---- several sources -----------------------------------------------------------------------------


def test_several_sources_must_all_be_well() -> None:
    well: Source = lambda _: Health(since=at(1))  # noqa: E731
    later: Source = lambda _: Health(since=at(2))  # noqa: E731
    bad: Source = lambda _: Health(problem="it is Degraded")  # noqa: E731
    assert together({"one": well, "two": later}, ASKED) == Health("one and two", at(2), "")
    assert together({"one": well, "two": bad}, ASKED) == Health("one and two", None, "two: it is Degraded")
    assert together({}, ASKED) == Health()


def test_times() -> None:
    assert moment("2026-05-01T12:00:00Z") == MERGED
    assert moment("2026-05-01T14:00:00.5+02:00") == MERGED + timedelta(seconds=0.5)
    assert moment(None) is None


# ---- GitHub's deployments ------------------------------------------------------------------------


def test_deployments_as_their_statuses_go_by() -> None:
    def state(*events: tuple[float, str]) -> tuple[float | None, str]:
        found = health_deployments.judged(Event(at(hours), name, "") for hours, name in events)
        return (found.since - MERGED).total_seconds() / 3600 if found.since else None, found.problem

    assert state() == (None, "none that has the promotion was made yet")
    assert state((1, "pending")) == (None, "the last one is pending")
    assert state((1, "pending"), (2, "in_progress")) == (None, "the last one is in progress")
    assert state((1, "pending"), (2, "success")) == (2, "")
    assert state((2, "success"), (1, "pending"), (3, "in_progress"), (4, "success")) == (2, "")
    assert state((2, "success"), (3, "inactive"), (4, "success")) == (2, "")
    assert state((2, "success"), (3, "failure")) == (None, "the last one is a failure")
    assert state((2, "success"), (3, "error"), (4, "success")) == (4, "")
    assert state((3, "failure"), (4, "inactive")) == (None, "the last one is a failure")
    failed = health_deployments.judged([Event(MERGED, "failure", "no memory")])
    assert failed.problem == "the last one is a failure: no memory"
