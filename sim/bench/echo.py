"""How long a key takes to show in the terminal UI, while a lab runs fast. Needs textual; the only part that knows it."""

from __future__ import annotations

import asyncio
import time

from sim.lab.lab import Lab

KEYS = "echo the quick brown fox jumps over the lazy dog 0123456789"
RATE = 60.0


def echo_p95_ms(lab: Lab) -> float:
    """Type a line into the app at ×60 and give the 95th percentile of processor milliseconds from key to echo."""
    return asyncio.run(_type(lab))


async def _type(lab: Lab) -> float:
    from textual.widgets import Input

    from tui.app import KubedrillApp

    lab.rate = RATE
    app, taken = KubedrillApp(lab), []
    async with app.run_test(size=(120, 40)) as pilot:
        line = app.query_one("#line", Input)
        await pilot.pause(0.2)
        for at, key in enumerate(KEYS):
            began = time.process_time()
            await pilot.press("space" if key == " " else key)
            while len(line.value) <= at:
                await pilot.pause(0.001)
            taken.append(time.process_time() - began)
    return 1000 * sorted(taken)[len(taken) * 95 // 100]
