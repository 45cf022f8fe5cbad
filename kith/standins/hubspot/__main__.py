"""Run the stand-in on loopback."""

import argparse

import uvicorn

from kith.standins.hubspot.app import create_app


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m kith.standins.hubspot")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--failure-rate", type=float, default=0.0)
    chosen = parser.parse_args()
    app = create_app(chosen.seed, chosen.failure_rate, f"127.0.0.1:{chosen.port}")
    uvicorn.run(app, host="127.0.0.1", port=chosen.port, log_level="warning")


if __name__ == "__main__":
    main()
