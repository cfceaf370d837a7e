"""`asksight plan`: reads or measures what one machine does, and says how many of them a load needs, on paper."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ..chart_frame import check_picture
from ..kept_imports import kept_imports
from ..output import to_json

MACHINE, ASKS, MACHINES, REPORT = "Machine", "Asks", "Machines", "Report"
RATES = "1000,10000,100000,1000000"
MEBI = 2**20


def plan(
    measured: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="A report of asksight bench --json; give one for each mix of --follow-ups. Without, it measures here.",
            rich_help_panel=MACHINE,
        ),
    ] = None,
    model: Annotated[
        str, typer.Option(metavar="BUNDLE", help="What is served.", rich_help_panel=MACHINE)
    ] = "scenes",
    cache_mb: Annotated[
        int, typer.Option(min=1, help="MiB for features, as --cache-mb of serve.", rich_help_panel=MACHINE)
    ] = 256,
    price: Annotated[
        float | None,
        typer.Option(
            min=0, max=1e9, help="Of one machine for an hour, in any currency.", rich_help_panel=MACHINE
        ),
    ] = None,
    rates_text: Annotated[
        str, typer.Option("--rate", metavar="N,N,…", help="Asks a second.", rich_help_panel=ASKS)
    ] = RATES,
    photos: Annotated[
        float,
        typer.Option(min=1, max=1e12, help="Photos that several people ask about.", rich_help_panel=ASKS),
    ] = 1e6,
    zipf: Annotated[
        float,
        typer.Option(
            min=0, max=3, help="How uneven: the i-th is asked about i^-ZIPF as often.", rich_help_panel=ASKS
        ),
    ] = 0.8,
    own: Annotated[
        float,
        typer.Option(
            min=0, max=1, help="The share of visits about a photo of one's own.", rich_help_panel=ASKS
        ),
    ] = 0.5,
    follow_ups: Annotated[
        float, typer.Option(min=0, max=1e6, help="Follow-ups of a visit, on average.", rich_help_panel=ASKS)
    ] = 2.0,
    pause: Annotated[
        float,
        typer.Option(min=0.001, max=1e6, help="Seconds between them, on average.", rich_help_panel=ASKS),
    ] = 20.0,
    regions: Annotated[int, typer.Option(min=1, help="Regions, alike.", rich_help_panel=MACHINES)] = 1,
    in_turn: Annotated[
        bool,
        typer.Option("--in-turn", help="Asks go to any machine, not by photo.", rich_help_panel=MACHINES),
    ] = False,
    busiest: Annotated[
        float,
        typer.Option(
            min=1,
            max=1000,
            help="The busiest machine's load beside the mean, by photo.",
            rich_help_panel=MACHINES,
        ),
    ] = 1.25,
    at_most: Annotated[
        float,
        typer.Option(min=0.01, max=0.95, help="How busy a machine may be.", rich_help_panel=MACHINES),
    ] = 0.7,
    p99_ms: Annotated[
        float | None,
        typer.Option(min=0.001, max=1e6, help="What 99 of 100 asks may take.", rich_help_panel=MACHINES),
    ] = None,
    network_ms: Annotated[
        float,
        typer.Option(min=0, max=1e6, help="Of that, on the way there and back.", rich_help_panel=MACHINES),
    ] = 0.0,
    spare: Annotated[
        int, typer.Option(min=0, help="Machines of a region that may be gone.", rich_help_panel=MACHINES)
    ] = 1,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object.", rich_help_panel=REPORT)
    ] = False,
    picture: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.svg",
            help="Write machines against asks a second as SVG, by photo and in turn.",
            rich_help_panel=REPORT,
        ),
    ] = None,
) -> None:
    """Say how many machines so many asks a second need, how long asks take and what it costs: on paper.

    A queueing model of one machine's measured times. What it assumes, and where it is wrong: docs/scale.md.
    """
    from ..bench.load import rates

    try:
        steps = rates(rates_text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--rate") from None
    check_picture(picture)
    with kept_imports():
        from asksight.engine import load_bundle

        from .machines import Demand, need
        from .measured_machine import kept_photos, measure_machine, read_machine
        from .plan_picture import draw_plan
        from .plan_table import fields, lines
        from .popularity import Popularity

    bundle = load_bundle(model, verify=False)
    machine = (
        read_machine(measured)
        if measured
        else measure_machine(model, lambda line: typer.echo(line, err=True))
    )
    demand = Demand(
        popularity=Popularity(photos=photos, zipf=zipf, own=own, follow_ups=follow_ups, pause_s=pause),
        cached_photos=kept_photos(bundle.feature_shape, cache_mb * MEBI),
        by_photo=not in_turn,
        regions=regions,
        busiest=busiest,
        at_most=at_most,
        p99_ms=p99_ms,
        network_ms=network_ms,
        spare=spare,
        price=price,
    )
    needs = [need(machine, demand, step) for step in steps]
    typer.echo(to_json(fields(machine, demand, needs)) if json else "\n".join(lines(machine, demand, needs)))
    if picture is not None:
        ways = {
            name: [need(machine, replace(demand, by_photo=by_photo), step) for step in steps]
            for name, by_photo in (("placed by photo", True), ("in turn", False))
        }
        title = f"Machines for {bundle.name}, {machine.asks_per_s(0.0):,.0f} new photos a second each"
        picture.write_text(draw_plan(ways, title), "utf-8")
