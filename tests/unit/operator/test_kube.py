"""What the client sends, and what it makes of answers: against a small server of our own that can misbehave."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
import yaml
from aiohttp import web
from unit.operator import raws

from thinksafe_operator.kube import Kube
from thinksafe_operator.metrics import API_CALLS
from thinksafe_operator.refusal import ApiError
from thinksafe_operator.resources import JOBS, PODS, RUNS

NOT_FOUND = {"kind": "Status", "code": 404, "reason": "NotFound", "message": 'jobs "x" not found'}


@asynccontextmanager
async def client(handler, tmp_path):
    """A client of a server that answers everything by `handler`."""
    app = web.Application()
    app.add_routes([web.route("*", "/{path:.*}", handler)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "u", "user": {"token": "secret"}}],
    }
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(config))
    try:
        async with await Kube.connect(str(file)) as kube:
            yield kube
    finally:
        await runner.cleanup()


def with_client(handler, tmp_path, test):
    async def main():
        async with client(handler, tmp_path) as kube:
            return await test(kube)

    return asyncio.run(main())


def answer(body, status=200, **headers):
    async def handler(request):
        return web.json_response(body, status=status, headers=headers)

    return handler


def failure(handler, tmp_path, test=lambda kube: kube.get(JOBS, "ns", "x")):
    with pytest.raises(ApiError) as caught:
        with_client(handler, tmp_path, test)
    return caught.value


def test_addresses():
    assert JOBS.path("ns", "x") == "/apis/batch/v1/namespaces/ns/jobs/x"
    assert PODS.path() == "/api/v1/pods"
    assert RUNS.path("ns", "r", "status") == "/apis/thinksafe.dev/v1alpha1/namespaces/ns/thinksaferuns/r/status"


def test_an_error_says_what_kubernetes_says(tmp_path):
    error = failure(answer(NOT_FOUND, 404), tmp_path)
    assert (error.status, error.reason, error.message) == (404, "NotFound", 'jobs "x" not found')
    assert not error.passing


def test_an_error_may_say_when_to_come_back(tmp_path):
    error = failure(answer({"code": 429, "reason": "TooManyRequests"}, 429, **{"Retry-After": "7"}), tmp_path)
    assert error.retry_after == 7.0 and error.passing
    error = failure(answer({"code": 504, "details": {"retryAfterSeconds": 3}}, 504), tmp_path)
    assert error.retry_after == 3.0 and error.passing


def test_an_error_of_something_in_between_is_not_json(tmp_path):
    async def proxy(request):
        return web.Response(status=502, text="<html>Bad Gateway")

    error = failure(proxy, tmp_path)
    assert error.status == 502 and error.passing and "html" not in str(error)


def test_a_server_that_is_not_there(tmp_path):
    async def hang_up(request):
        request.transport.close()
        return web.Response()

    error = failure(hang_up, tmp_path)
    assert (error.status, error.reason, error.passing) == (0, "Unreachable", True)


def test_calls_are_counted_by_verb_and_code(tmp_path):
    def count():
        return API_CALLS.labels("get", "404")._value.get()

    before = count()
    failure(answer(NOT_FOUND, 404), tmp_path)
    assert count() == before + 1


def test_a_rotated_token_is_read_again(tmp_path):
    told = []

    async def handler(request):
        told.append(request.headers["Authorization"])
        if len(told) == 1:
            file = tmp_path / "kubeconfig"
            file.write_text(file.read_text().replace("secret", "fresh"))
            return web.json_response({"code": 401, "reason": "Unauthorized"}, status=401)
        return web.json_response({})

    with_client(handler, tmp_path, lambda kube: kube.get(JOBS, "ns", "x"))
    assert told == ["Bearer secret", "Bearer fresh"]


def test_lists_go_on_to_their_last_page(tmp_path):
    async def handler(request):
        assert request.query["labelSelector"] == "a=b" and request.query["limit"] == "500"
        first = "continue" not in request.query
        meta = {"resourceVersion": "7", **({"continue": "more"} if first else {})}
        return web.json_response({"metadata": meta, "items": [1] if first else [2]})

    assert with_client(handler, tmp_path, lambda kube: kube.list_all(JOBS, "ns", labels="a=b")) == [1, 2]


def test_a_status_is_applied_as_ours_and_only_to_what_was_read(tmp_path):
    async def handler(request):
        assert request.method == "PATCH" and request.path.endswith("/thinksaferuns/r/status")
        assert request.headers["Content-Type"] == "application/apply-patch+yaml"
        assert dict(request.query) == {"fieldManager": "thinksafe-operator", "force": "true"}
        body = await request.json()
        assert body["metadata"] == {"name": "r", "namespace": "ns", "uid": "run-1", "resourceVersion": "1"}
        return web.json_response(body)

    written = with_client(handler, tmp_path, lambda kube: kube.apply_status(RUNS, raws.run(), {"phase": "x"}))
    assert written["status"] == {"phase": "x"} and "spec" not in written


@pytest.mark.parametrize(("code", "deleted"), [(200, True), (404, False), (409, False)])
def test_exactly_this_object_is_deleted(tmp_path, code, deleted):
    async def handler(request):
        body = await request.json()
        assert body["preconditions"] == {"uid": "u"} and body["propagationPolicy"] == "Foreground"
        return web.json_response({"code": code}, status=code)

    async def test(kube):
        return await kube.delete(JOBS, "ns", "x", uid="u", propagation="Foreground")

    assert with_client(handler, tmp_path, test) is deleted


async def collect(kube, seconds=5.0):
    return [e async for e in kube.watch(JOBS, None, since="5", seconds=seconds, labels="a=b")]


def stream(*pieces, hang=False):
    async def handler(request):
        assert request.query["resourceVersion"] == "5" and request.query["allowWatchBookmarks"] == "true"
        response = web.StreamResponse()
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
            await asyncio.sleep(0.01)
        if hang:
            await asyncio.sleep(60)
        return response

    return handler


def test_events_are_put_together_however_the_network_cuts_them(tmp_path):
    events = [{"type": "ADDED", "object": {"n": n, "big": "x" * 300_000}} for n in range(3)]
    text = "\n".join(json.dumps(e) for e in events).encode() + b"\n"
    cut = [text[i : i + 70_001] for i in range(0, len(text), 70_001)]
    assert with_client(stream(*cut), tmp_path, collect) == events


def test_a_watch_from_too_long_ago_ends_with_410(tmp_path):
    gone = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}}
    assert failure(stream(json.dumps(gone).encode() + b"\n"), tmp_path, collect).status == 410


def test_a_watch_that_falls_silent_ends_with_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr("thinksafe_operator.kube.SLACK_SECONDS", 0.1)
    error = failure(stream(hang=True), tmp_path, lambda kube: collect(kube, seconds=0.2))
    assert (error.status, error.message) == (0, "the API server cannot be reached: no answer in time")


def test_a_group_that_is_not_there_has_no_version(tmp_path):
    assert with_client(answer(NOT_FOUND, 404), tmp_path, lambda kube: kube.version_of("kueue.x-k8s.io")) is None
    there = answer({"preferredVersion": {"version": "v1beta2"}})
    assert with_client(there, tmp_path, lambda kube: kube.version_of("kueue.x-k8s.io")) == "v1beta2"
