"""The plain mode and the Textual app: whole conversations, wrong keys included."""

import asyncio
import io

from tests.lab_fixtures import lab
from tui.app import KubedrillApp
from tui.catalogue import CatalogueApp
from tui.plain import Plain
from tui.watch import Watched


def converse(text, name="first-steps", **options):
    out = io.StringIO()
    status = Plain(lab(name), io.StringIO(text), out, out, **options).play()
    return status, out.getvalue()


def test_a_plain_conversation():
    status, said = converse("kubectl get nodes\n:answer 2\n:bogus\n\n:terminal worker\nhostname\ncat <<E\nhello\nE\n")
    assert status == 0 and "done: look" in said and "no lab line :bogus" in said
    assert "[worker] root@node01:~# node01" in said and "> > hello" in said


def test_plain_mode_reloads_a_saved_file(tmp_path):
    from sim.lab.catalogue import find

    path = tmp_path / "lab.yaml"
    text = find("first-steps").read_text()
    path.write_text(text)
    watched, one = Watched(path), lab("first-steps")
    one.go_to("change")
    assert watched.reloaded(one) == (None, "")
    path.write_text(text.replace("First steps", "Second steps!"))
    new, problems = watched.reloaded(one)
    assert not problems and new.title == "Second steps!" and new.task.name == "change"
    path.write_text(text + "  minuts: 3\n")
    assert "unknown key" in watched.reloaded(new)[1]


def test_the_app_takes_lines_keys_and_nonsense():
    async def play():
        app = KubedrillApp(lab("first-steps"))
        async with app.run_test(size=(80, 24)) as pilot:
            async def type_line(text):
                app.query_one("#line").value = text
                await pilot.press("enter")
                await pilot.pause(0.2)

            await type_line("kubectl get nodes")
            await type_line(":answer 7")
            await type_line(":answer 2")
            assert app.lab.task_number == 1
            await pilot.press("f2")
            assert app.lab.paused
            await pilot.press("f2", "f4", "f4", "f3", "f7")
            assert app.lab.rate == 2 and app.lab.chosen == "worker"
            await pilot.press("ctrl+c", "up", "down", "tab", "escape", "f9", "f6")
            assert app.lab.task_number == 0
            await type_line("\u0000\ud7ff 'unfinished")
            await pilot.press("ctrl+c")
            await pilot.resize_terminal(40, 12)
            await pilot.resize_terminal(160, 50)
            await pilot.pause(0.1)

    asyncio.run(play())


def test_the_catalogue_gives_a_name():
    async def choose():
        app = CatalogueApp()
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("enter")
        assert app.return_value == "first-steps"

    asyncio.run(choose())
