"""The one HTTP app of a service: its routes, health, metrics, problems."""

import hmac
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import JSONResponse, Response
from fastapi_offline import FastAPIOffline

from service_kit import metrics, operating, problems
from service_kit.problems import Problem

if TYPE_CHECKING:
    from service_kit.service import Runtime, Service

_LOOPBACK = {"127.0.0.1", "::1"}


def build_app(service: "Service", runtime: "Runtime") -> FastAPI:
    """Routes find `request.app.state.runtime` and `request.app.state.service_state`."""
    # A service without doors has nothing to document.
    title, docs = f"kith {service.name.replace('_', ' ')}", "/docs" if service.routers else None
    app = FastAPIOffline(docs, None, title=title)
    app.state.runtime = runtime
    app.state.service_state = service.state
    problems.install(app)
    _add_health(app, runtime)
    _add_operating(app, runtime)
    waiting = [Depends(_await_replicas)] if service.replicas else []
    for router in service.routers:
        app.include_router(router, dependencies=waiting)
    return app


async def _await_replicas(request: Request) -> None:
    """What has not been read yet is not absent: a good key must not be called wrong. Raises Problem
    503.
    """
    replicas = request.app.state.runtime.replicas.values()
    if not all(replica.complete.is_set() for replica in replicas):
        told = "The service is starting and does not know all of its settings yet."
        raise Problem(503, "unavailable", told, headers={"Retry-After": "1"})


def require_service_token(request: Request) -> None:
    """Dependency of internal doors. Raises Problem 401."""
    if not _has_service_token(request):
        raise Problem(401, "unauthenticated", "This door needs the service token.")


def _has_service_token(request: Request) -> bool:
    wanted = request.app.state.runtime.settings.service_token.get_secret_value()
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    given = token.strip().encode("utf-8", "surrogateescape")
    return scheme.lower() == "bearer" and hmac.compare_digest(given, wanted.encode())


def _add_health(app: FastAPI, runtime: "Runtime") -> None:
    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> JSONResponse:
        alive = runtime.health.alive
        return JSONResponse({"alive": alive}, 200 if alive else 503)

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> JSONResponse:
        report: dict[str, Any] = await runtime.report()
        return JSONResponse(report, 200 if report["ready"] else 503)

    @app.get("/metrics", include_in_schema=False)
    async def metrics_page(request: Request) -> Response:
        client = request.client.host if request.client else ""
        if client not in _LOOPBACK and not _has_service_token(request):
            raise Problem(401, "unauthenticated", "Metrics need the service token from here.")
        runtime.health.report()
        return Response(metrics.exposition(), media_type="text/plain; version=0.0.4")


def _add_operating(app: FastAPI, runtime: "Runtime") -> None:
    door = APIRouter(
        prefix="/internal/v1",
        dependencies=[Depends(require_service_token)],
        include_in_schema=False,
    )

    @door.get("/streams")
    async def streams() -> dict[str, Any]:
        return await operating.tell(runtime)

    @door.get("/dead-letters")
    async def dead_letters() -> dict[str, Any]:
        return await operating.list_dead_letters(runtime)

    @door.post("/dead-letters/{letter}/redrive")
    async def redrive(letter: str) -> dict[str, Any]:
        return await operating.redrive(runtime, letter)

    app.include_router(door)
