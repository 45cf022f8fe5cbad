"""Every page with the least role that may open it; the router is made from this table."""

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from contacts_api.dashboard import (
    contact_pages,
    edit_pages,
    erase_pages,
    list_pages,
    merge_pages,
    ops_pages,
    sign_in_pages,
)
from contacts_api.dashboard.assets import Assets, load_assets
from contacts_api.dashboard.gate import Route, guarded
from contacts_api.dashboard.rendering import Pages
from contacts_api.dashboard.security import Csrf
from contacts_api.dashboard.visit import Desk, Visit
from service_kit.problems import Problem

A: Final = "/a/{agent}"
C: Final = A + "/contacts/{contact}"


async def nothing_here(visit: Visit) -> Response:
    raise Problem(404, "not-found", "There is no such page.")


ROUTES: Final = (
    Route("GET", "/login", None, sign_in_pages.show_sign_in),
    Route("POST", "/login", None, sign_in_pages.sign_in),
    Route("POST", "/logout", None, sign_in_pages.sign_out),
    Route("GET", "/", "viewer", sign_in_pages.show_start),
    Route("GET", A + "/contacts", "viewer", list_pages.show_list),
    Route("GET", A + "/contacts/new", "agent", edit_pages.show_new),
    Route("POST", A + "/contacts/new", "agent", edit_pages.create),
    Route("GET", C, "viewer", contact_pages.show_contact),
    Route("GET", C + "/edit", "agent", edit_pages.show_edit),
    Route("POST", C + "/edit", "agent", edit_pages.save),
    Route("POST", C + "/tags", "agent", contact_pages.change_tags),
    Route("POST", C + "/audience", "agent", contact_pages.change_audience),
    Route("POST", C + "/notes", "agent", contact_pages.add_note),
    Route("POST", C + "/notes/{note}/delete", "agent", contact_pages.delete_note),
    Route("GET", C + "/merge", "agent", merge_pages.show_merge),
    Route("POST", C + "/merge", "agent", merge_pages.merge),
    Route("POST", A + "/merges/{merge}/undo", "agent", merge_pages.undo),
    Route("GET", C + "/erase", "admin", erase_pages.show_erase),
    Route("POST", C + "/erase", "admin", erase_pages.erase),
    Route("GET", A + "/erasures/{erasure}", "admin", erase_pages.show_erasure),
    Route("GET", "/ops", "agent", ops_pages.show_ops),
    Route("POST", "/ops/dead-letters/{letter}/redrive", "admin", ops_pages.redrive),
    Route("GET", "/a/{rest:path}", "viewer", nothing_here),
)


def build_router(secret: bytes, public_url: str = "") -> APIRouter:
    """All pages and their files. ``public_url`` is where people reach the dashboard: https makes
    the cookie secure.
    """
    assets = load_assets()
    desk = Desk(Pages(assets.addresses), assets, Csrf(secret), public_url)
    router = APIRouter(include_in_schema=False)
    for route in ROUTES:
        router.add_api_route(
            route.path, guarded(route, desk), methods=[route.method], response_model=None,
            name=f"page {route.method} {route.path}",
        )  # fmt: skip
    router.add_api_route(
        "/static/{version}/{name}", _static(assets), methods=["GET"], response_model=None
    )
    return router


def _static(assets: Assets) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        asset = assets.find(request.path_params["version"], request.path_params["name"])
        if asset is None:
            raise Problem(404, "not-found", "There is no such file.")
        return asset.response("gzip" in request.headers.get("accept-encoding", ""))

    return serve
