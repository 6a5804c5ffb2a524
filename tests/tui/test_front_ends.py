"""The plain mode and the Textual app: whole conversations, wrong keys included."""

import asyncio
import io

from sim.lab.lab import Lab
from tests.lab_fixtures import lab
from tui.app import KubedrillApp
from tui.screens.catalogue import CatalogueApp
from tui.leaving import OWN_SHELL, farewell
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


class Typist(io.StringIO):
    """Lines from a terminal: an empty read is Ctrl-D, and more may come after it."""

    def __init__(self, *lines):
        super().__init__()
        self.left = list(lines)

    def isatty(self):
        return True

    def readline(self):
        return self.left.pop(0)


def typed(*lines):
    out = io.StringIO()
    typist = Typist(*lines)
    assert Plain(lab("first-steps"), typist, out, out).play() == 0
    return out.getvalue(), typist.left


def test_ctrl_d_logs_out_and_leaves_the_lab_only_at_the_first_login_when_pressed_twice():
    said, left = typed("ssh node01\n", "su -\n", "", "", "hostname\n", "", "hostname\n", "", "", "never\n")
    assert "root@node01:~# logout\nroot@node01:~# logout\nConnection to node01 closed.\nroot@controlplane:~# controlplane" in said
    assert said.count("leave the lab? Ctrl-D again, or :quit") == 2 and left == ["never\n"]


def test_exit_and_quit_leave_the_lab_as_ctrl_d_does():
    said, left = typed("bash\n", "exit\n", "exit\n", ":task\n", "exit\n", "", "never\n")
    assert "exit\nroot@" in said and said.count("leave the lab?") == 2 and left == ["never\n"]
    for word in (":quit\n", ":exit\n", ":q\n"):
        assert typed(word, "never\n")[1] == ["never\n"]
    assert "here-document" in typed("cat <<E\n", "hello\n", "", ":q\n")[0]


def test_what_is_left_is_kept_and_said(tmp_path):
    one = lab("first-steps")
    assert OWN_SHELL in farewell(one, tmp_path) and not list(tmp_path.iterdir())
    one.run("touch /tmp/mine")
    said = farewell(one, tmp_path)
    assert "kubedrill play first-steps-autosave resumes it" in said and said.endswith(OWN_SHELL)
    again = Lab.load(tmp_path / "runs" / "first-steps-autosave.run")
    assert again.run("ls /tmp/mine").status == 0 and not again.differs


def test_bytes_that_are_no_text_are_replaced_in_plain_mode():
    assert "\ufffd" in converse("echo a\udc80b\n")[1]


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
