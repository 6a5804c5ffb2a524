"""The command that lets real clients in: serve."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from sim.cli.base import OUT, cli, fail, lab_options, open_lab

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@cli.command()
@click.argument("scenario")
@click.option("--port", default=8001, show_default=True, type=click.IntRange(0, 65535), help="0: any that is free.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--token", default="", help="What clients must say (Authorization: Bearer); needed beyond loopback.")
@click.option("--tls", is_flag=True, help="HTTPS, with client certificates for who asks (extra `tls`).")
@click.option("--speed", default=1.0, show_default=True, type=click.FloatRange(0), help="Simulated seconds a second.")
@click.option("--kubeconfig", type=OUT, help="Write a kubeconfig there.")
@lab_options
def serve(
    scenario: str, port: int, host: str, token: str, tls: bool, speed: float, kubeconfig: str | None, kubernetes: str | None,
    seed: int | None, patience: str,
) -> None:
    """Serve the Kubernetes API of a lab to real clients: kubectl, client libraries, k9s.

    \b
    Example: kubedrill serve os-upgrades --speed 10 --kubeconfig lab.conf
             kubectl --kubeconfig lab.conf drain node01 --ignore-daemonsets
    """
    if host not in LOOPBACK and not token:
        fail(f"listening on {host} lets others in: choose a --token")
    lab = open_lab(scenario, seed=seed, kubernetes=kubernetes, patience=patience)
    from sim.http.serve import CLOCK, forever
    from sim.http.serve import kubeconfig as written
    from sim.http.tls import prepare

    secured, identity = prepare(host) if tls else (None, None)

    def ready(urls: Mapping[str, str]) -> None:
        if kubeconfig:
            Path(kubeconfig).write_text(written(urls, token, identity), encoding="utf-8")
        for name, url in urls.items():
            click.echo(f"{name}: {url}")
        click.echo(f"clock: {next(iter(urls.values()))}{CLOCK}  (Ctrl-C ends)")

    forever(lab, ready, host=host, port=port, speed=speed, token=token, secured=secured)
