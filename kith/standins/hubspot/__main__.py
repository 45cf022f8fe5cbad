"""Run the stand-in on loopback."""

import argparse
import asyncio
import contextlib
from pathlib import Path

import uvicorn

from kith.standins.hubspot.app import create_app
from kith.standins.hubspot.keeping import keep, load


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m kith.standins.hubspot")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--failure-rate", type=float, default=0.0)
    parser.add_argument("--keep", type=Path, help="File that the account survives a restart in.")
    asyncio.run(_serve(parser.parse_args()))


async def _serve(chosen: argparse.Namespace) -> None:
    app = create_app(chosen.seed, chosen.failure_rate, f"127.0.0.1:{chosen.port}")
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=chosen.port, log_level="warning")
    )
    if chosen.keep is None:
        await server.serve()
        return
    portal = app.state.standin.portal
    load(portal, chosen.keep)
    keeping = asyncio.create_task(keep(portal, chosen.keep))
    await server.serve()
    keeping.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await keeping


if __name__ == "__main__":
    main()
