"""The app's keyboard, screen and clock, at the sizes that terminals have."""

import asyncio
import codecs

import pytest
from textual.events import Paste

from tests.lab_fixtures import lab
from tui.app import KubedrillApp
from tui.driver import tolerant_decoder
from tui.leaving import ASK
from tui.log import Screen
from tui.screens.editor import EditorScreen
from tui.pace import UNATTENDED_SECONDS, Pace


def shown(app):
    return "\n".join(strip.text.rstrip() for strip in app.query_one(Screen).lines)


def with_app(act, size=(80, 24), **options):
    async def play():
        app = KubedrillApp(lab("first-steps"), **options)
        async with app.run_test(size=size) as pilot:
            await act(app, pilot)
        return app

    return asyncio.run(play())


async def until(pilot, holds, seconds=10):
    for _ in range(seconds * 20):
        if holds():
            return
        await pilot.pause(0.05)
    raise AssertionError("it did not come true")


def test_a_paste_of_several_lines_is_typed_line_by_line():
    async def act(app, pilot):
        app.query_one("#line").post_message(Paste("cat > /tmp/a <<E\r\none\ntwo words\rE\nsleep 2\n\n:answer 2\ncat /tmp/a\nhost"))
        await until(pilot, lambda: "\none\ntwo words\nroot" in shown(app) + "\nroot")
        await until(pilot, lambda: not app.lab.busy("main"))
        assert app.query_one("#line").value == "host" and app.lab.task_number == 1
        await pilot.press("n", "a", "m", "e", "enter")
        await until(pilot, lambda: shown(app).endswith("# hostname\ncontrolplane"))

    with_app(act)


def test_what_is_typed_while_a_program_runs_goes_to_it_or_to_bash():
    async def act(app, pilot):
        await pilot.press(*"sleep 1", "enter", *"read x", "ctrl+j", *"hello", "enter", *"echo got $x", "enter")
        await until(pilot, lambda: shown(app).endswith("\ngot hello"))
        replay = app.lab.fork()
        assert replay.run("echo $x").stdout == "hello\n" and not replay.differs
        replay.close()

    with_app(act)


def test_ctrl_d_logs_out_and_f10_asks_before_the_lab_is_left(tmp_path):
    async def act(app, pilot):
        await pilot.press(*"ssh node01", "enter")
        await until(pilot, lambda: "node01" in app.lab.prompt("main"))
        await pilot.press("ctrl+d")
        await until(pilot, lambda: "Connection to node01 closed." in shown(app))
        assert "controlplane" in app.lab.prompt("main") and ASK not in shown(app)
        await pilot.press("ctrl+d")
        assert shown(app).endswith(ASK) and app.is_running
        await pilot.press(*"true", "enter", "f10")
        assert shown(app).count(ASK) == 2 and app.is_running and not list(tmp_path.iterdir())
        await pilot.press("ctrl+q")

    with_app(act, folder=tmp_path)
    assert (tmp_path / "runs" / "first-steps-autosave.run").exists()


def test_quit_leaves_the_app():
    async def act(app, pilot):
        await pilot.press(*":q", "enter")
        await until(pilot, lambda: not app.is_running)

    with_app(act)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (40, 12)])
def test_no_character_is_lost_at_the_right_edge(size):
    async def act(app, pilot):
        line = "".join(chr(ord("a") + number % 26) for number in range(300))
        for _ in range(40):
            app.write_line(line)
        await pilot.pause()
        screen = app.query_one(Screen)
        assert all(strip.cell_length <= screen.scrollable_content_region.width for strip in screen.lines)
        assert "".join(strip.text.rstrip() for strip in screen.lines).count(line) == 40
        await pilot.resize_terminal(70, 30)
        await pilot.pause()
        assert "".join(strip.text.rstrip() for strip in screen.lines).count(line) == 40
        assert all(strip.cell_length <= screen.scrollable_content_region.width for strip in screen.lines)

    with_app(act, size=size)


def test_the_way_out_and_the_whole_task_can_be_reached_at_80_by_24():
    async def act(app, pilot):
        await pilot.pause()
        leave = next(key for key in app.query("FooterKey") if key.description == "Leave")
        assert leave.region.right <= 80
        await pilot.resize_terminal(80, 14)
        await pilot.pause()
        pane, task = app.query_one("#task-pane"), app.query_one("#task")
        assert task.size.height > pane.size.height
        for _ in range(5):
            await pilot.press("ctrl+down")
        await pilot.pause()
        assert pane.scroll_y == pane.max_scroll_y > 0

    with_app(act)


def test_the_clock_shows_the_rate_that_holds_and_obeys_a_chosen_one():
    async def act(app, pilot):
        def clock():
            app.show()
            return str(app.query_one("#clock").render())

        assert clock().endswith("×1")
        await pilot.press(*"sleep 4000", "enter")
        assert "×60 while sleep waits" in clock()
        await pilot.press("f3")
        assert "×30 while sleep waits" in clock()
        await pilot.press(*":speed 7", "enter")
        assert "×7 while sleep waits" in clock()
        await pilot.press(*":speed auto", "enter", "f2")
        assert "paused" in clock()

    with_app(act)


def test_time_stands_still_after_five_minutes_without_a_key_and_at_each_line_of_output():
    one, pace = lab("first-steps"), Pace()
    one.type("echo a; sleep 1; echo b; sleep 4000", sink=lambda data, stream: pace.line())
    began_us = one.now_us
    pace.pass_time(one, "main", 10, 1000)
    assert one.now_us - began_us < 1_000_000
    pace.pass_time(one, "main", 10, 1000)
    assert one.now_us - began_us < 1_000_000, "it rests"
    for _ in range(3):
        pace.go_on()
        pace.pass_time(one, "main", 1000, 1000)
    assert pace.unattended(one) and one.now_us - began_us <= UNATTENDED_SECONDS * 1_000_000 + 1_000_000
    stood_us = one.now_us
    pace.pass_time(one, "main", 1000, 1000)
    assert one.now_us == stood_us
    pace.key()
    pace.pass_time(one, "main", 1, 1000)
    assert one.now_us == stood_us + 60_000_000
    one.close()


def test_a_byte_that_is_no_text_is_replaced():
    assert tolerant_decoder("utf-8")().decode(b"\x80a\xc3") + "" == "\ufffda"
    with pytest.raises(UnicodeDecodeError):
        codecs.getincrementaldecoder("utf-8")().decode(b"\x80")


def test_a_question_stands_before_what_is_typed():
    async def act(app, pilot):
        def prompt():
            app.show()
            return str(app.query_one("#prompt").render())

        await pilot.press(*"read -p 'sure? ' x; echo $x", "enter")
        await until(pilot, lambda: prompt() == "sure? ")
        await pilot.press("y", "enter")
        await until(pilot, lambda: shown(app).endswith("sure? y\ny") and prompt().endswith("# "))

    with_app(act)


def test_a_timer_that_fires_while_the_app_closes_does_nothing():
    """Textual takes the widgets away before it stops the app's timers."""

    async def act(app, pilot):
        await app.screen.remove_children("*")
        await pilot.pause(0.7)

    assert with_app(act).return_code in (None, 0)


def test_an_editor_has_the_whole_screen_until_it_is_left():
    async def act(app, pilot):
        await pilot.press(*"vi /tmp/note", "enter")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen))
        await pilot.press(*"ione", "enter", *"tw", "backspace", *"wo", "escape", "up", "D", *"i1", "escape")
        picture = app.screen.query_one("#picture").render()
        assert "1" in str(picture) and "two" in str(picture) and "~" in str(picture)
        await pilot.press("ctrl+c", *":wq", "enter")
        await until(pilot, lambda: not isinstance(app.screen, EditorScreen))
        await until(pilot, lambda: not app.lab.busy("main"))
        await pilot.press(*"cat /tmp/note", "enter")
        await until(pilot, lambda: shown(app).endswith("# cat /tmp/note\no1n\ntwo"))
        replay = app.lab.fork()
        assert replay.run("cat /tmp/note").stdout == "o1n\ntwo\n" and not replay.differs
        replay.close()

    with_app(act)
