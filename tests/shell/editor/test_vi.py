"""vi's and nano's keys, on texts; the core knows neither files nor time."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.shell.editor import nano, vi
from sim.shell.editor.nano import Nano
from sim.shell.editor.text import Place, Text, keys_of, read, written
from sim.shell.editor.view import Window, nano_picture, vi_picture
from sim.shell.editor.vi import Vi

POD = "kind: Pod\nspec:\n  replicas: 3\n  image: nginx:1.27\n"


def after(keys, text=POD, **known):
    state = Vi(Text(read(text.encode())), saved=read(text.encode()), name="f.yaml", **known)
    for key in keys_of(keys):
        state = vi.press(state, key)
    return state


def whole(state):
    return "\n".join(state.text.lines)


@pytest.mark.parametrize(("keys", "text", "wanted"), [
    ("ix\x1b", "ab", "xab"), ("ax\x1b", "ab", "axb"), ("Ax\x1b", "ab", "abx"), ("Ix\x1b", "  ab", "  xab"),
    ("ox\x1b", "a\nb", "a\nx\nb"), ("Ox\x1b", "a\nb", "x\na\nb"), ("3ix\x1b", "", "xxx"), ("2oz\x1b", "a", "a\nz\nz"),
    ("x", "ab", "b"), ("$x", "ab", "a"), ("3x", "abcd", "d"), ("X", "ab", "ab"), ("lX", "ab", "b"), ("2dd", "a\nb\nc", "c"),
    ("jdd", "a\nb", "a"), ("dG", "a\nb\nc", ""), ("jdgg", "a\nb\nc", "c"), ("ddp", "a\nb\nc", "b\na\nc"), ("jddP", "a\nb\nc", "a\nb\nc"),
    ("yyp", "a\nb", "a\na\nb"), ("yy2p", "a", "a\na\na"), ("xp", "ab", "ba"), ("dw", "one two", "two"), ("wdw", "one two\nx", "one \nx"),
    ("d2w", "a b c", "c"), ("de", "one two", " two"), ("wdb", "one two", "two"), ("d0", "ab", "ab"), ("$d0", "abc", "c"), ("D", "abc", ""),
    ("cwx\x1b", "one two", "x two"), ("wcwx\x1b", "a one", "a x"), ("cwx\x1b", "a b", "x b"), ("ccx\x1b", "a\nb", "x\nb"),
    ("Cx\x1b", "abc", "x"), ("sx\x1b", "abc", "xbc"), ("Sx\x1b", "abc", "x"), ("rx", "abc", "xbc"), ("~", "abc", "Abc"), ("J", "a\n  b", "a b"),
    (">>", "a", "\ta"), ("<<", "\ta", "a"), ("2>>", "a\nb", "\ta\n\tb"), ("ciwx\x1b", "one two", "x two"), ('ci"x\x1b', 'a: "b c"', 'a: "x"'),
    ("lldi(", "f(a, b)", "f()"), ("dt:", "key: v", ": v"), ("df:", "key: v", " v"), ("wyiwo\x12\x1bp", "a bc", "a bc\nbc"),
    ("u", "a", "a"), ("ddu", "a\nb", "a\nb"), ("ddu\x12", "a\nb", "b"), ("xxxuu", "abcd", "bcd"), ("ix y\x1bu", "a", "a"),
    ("x..", "abcd", "d"), ("dd.", "a\nb\nc", "c"), ("Ax\x1bj.", "a\nb", "ax\nbx"), ("cwx\x1bw.", "a b", "x x"),
    ("Vjd", "a\nb\nc", "c"), ("vlly", "abc", "abc"), ("vld", "abc", "c"), ("Vj>", "a\nb", "\ta\n\tb"), ("wviwcx\x1b", "a bc d", "a x d"),
    ("G", "a\nb", "a\nb"), ("2Gx", "a\nbc", "a\nc"), ("/b\nx", "a\nb b", "a\n b"), ("/b\nnx", "a\nb b", "a\nb "), ("?b\nx", "a\nbb b", "a\nbb "),
    ("wD", "one two", "one "), ("ea!\x1b", "one two", "one! two"), ("ddGp", "a\nb\nc", "b\nc\na"), ("i\x1b[Cx\x1b", "ab", "axb"),
    ("ixy\x7fz\x1b", "a", "xza"), ("2j", "a\nb\nc", "a\nb\nc"), ("ggdG", "a\nb", ""), ("d}", "a\nb\n\nc", "\nc"), ("gUw", "ab c", "AB c"),
])
def test_keys_do_what_vim_makes_of_them(keys, text, wanted):
    assert whole(after(keys, text)) == wanted


@pytest.mark.parametrize(("line", "text", "wanted", "said"), [
    (":%s/a/b/g", "aa\na", "bb\nb", "3 substitutions on 2 lines"), (":s/a/b/", "aa", "ba", ""), (":2,3s/a/b/", "a\na\na", "a\nb\nb", ""),
    (r":%s/\(a\)\(b\)/\2\1/", "ab", "ba", ""), (":%s#/x#/y#", "/x", "/y", ""), (":%s/no/b/", "a", "a", "E486: Pattern not found: no"),
    (r":%s/nginx:.*/nginx:1.28/", "image: nginx:1.27", "image: nginx:1.28", ""), (":2d", "a\nb\nc", "a\nc", ""), (":2,$d", "a\nb\nc", "a", ""),
    (":g/b/d", "a\nb\nab", "a", ""), (":v/b/d", "a\nb\nab", "b\nab", ""), (":2", "a\nb", "a\nb", ""), (":3m0", "a\nb\nc", "c\na\nb", ""),
    (":1t$", "a\nb", "a\nb\na", ""), (":sort", "b\na", "a\nb", ""), (":foo", "a", "a", "E492: Not an editor command: foo"),
    (":set nu", "a", "a", ""), (":set foo", "a", "a", "E518: Unknown option: foo"), (":.,+1>", "a\nb", "\ta\n\tb", ""),
    (":!ls", "a", "a", "not simulated: vi's :!"), (":/b/d", "a\nb", "a", ""), (":%norm Ax", "a\nb", "ax\nbx", ""), (":d", "a", "", "--No lines in buffer--"), (":9d", "a", "a", "E16: Invalid range"),
])
def test_colon_commands(line, text, wanted, said):
    state = after(line + "\n", text)
    assert (whole(state), state.message) == (wanted, said)


def asked(keys, text="a"):
    return [(ask.kind, ask.path, ask.force) for ask in after(keys, text).asks]


def test_files_are_asked_for_and_never_touched():
    assert asked(":w\n") == [("write", "", False)] and asked(":wq\n") == [("write", "", False), ("quit", "", False)]
    assert asked(":x\n") == [("quit", "", False)] and asked("x:x\n") == [("write", "", False), ("quit", "", False)]
    assert asked("xZZ") == [("write", "", False), ("quit", "", False)] and asked("ZQ") == [("quit", "", True)]
    assert asked("x:q\n") == [] and after("x:q\n").message.startswith("E37") and asked("x:q!\n") == [("quit", "", True)]
    assert after(":2,3w x\n", "a\nb\nc\nd").asks[0].lines == ("b", "c") and asked(":w! /tmp/y\n") == [("write", "/tmp/y", True)]


KEYS = st.text(alphabet="iaoOAIxXdcy>wbeWBEhjklG0^$gnNpPuUrs~J.%fFtT;,{}vVZq\x1b\x12\n\x7f \t\"'(3:/9%sdgmt-+!\x03\x06\x16", max_size=40)
TEXTS = st.text(alphabet="ab (){}\"'\t\n:.", max_size=40)


@settings(max_examples=200, deadline=None)
@given(TEXTS, KEYS)
def test_no_key_breaks_it(text, keys):
    state = after(keys, text)
    assert state.text.lines and 0 <= state.text.at.row < len(state.text.lines) and 0 <= state.text.at.column <= len(state.text.line)
    assert all("\n" not in line for line in state.text.lines)
    picture = vi_picture(state, Window(), 20, 6)
    assert len(picture.rows) == 6 and 0 <= picture.cursor[0] < 6


@settings(max_examples=100, deadline=None)
@given(TEXTS, st.lists(st.sampled_from(["x", "dd", "dw", "cwnew\x1b", "ohi\x1b", "p", "yyp", "J", ">>", "~", "j", "w", "G", ":%s/a/b/g\n", "."]), max_size=12))
def test_u_goes_back_to_the_beginning_and_ctrl_r_to_the_end(text, commands):
    done = after("".join(commands), text)
    back = done
    while back.older:
        back = vi.press(back, "u")
    assert back.text.lines == read(text.encode())
    while back.undone:
        back = vi.press(back, "\x12")
    assert back.text.lines == done.text.lines


@settings(max_examples=100, deadline=None)
@given(TEXTS.filter(bool), st.text(alphabet="abc: -\n", min_size=1, max_size=20))
def test_what_is_typed_stands_where_the_cursor_was(text, typed):
    assert whole(after(f"i{typed}\x1b", text)) == typed + text.removesuffix("\n")
    assert read(written(read(text.encode()))) == read(text.encode())


# ---- nano ----------------------------------------------------------------------------------------------------------
def in_nano(keys, text="one\ntwo\n"):
    state, asks = Nano(Text(read(text.encode())), name="f", saved=read(text.encode())), []
    for key in keys_of(keys):
        state = nano.press(state, key)
        asks += state.asks
    return state, [(ask.kind, ask.path) for ask in asks]


def test_nano_types_cuts_finds_writes_and_leaves():
    assert whole(in_nano("x\n")[0]) == "x\none\ntwo" and whole(in_nano("\x0b")[0]) == "two"
    assert whole(in_nano("\x0b\x15\x15")[0]) == "one\none\ntwo" and in_nano("\x17two\n")[0].text.at == Place(1, 0)
    assert in_nano("\x18")[1] == [("quit", "")] and in_nano("x\x18n")[1] == [("quit", "")] and in_nano("x\x18\x03")[1] == []
    assert in_nano("x\x18y\n")[1] == [("write", "f"), ("quit", "")] and in_nano("x\x0f\n")[1] == [("write", "f")]
    assert in_nano("\x0f2\n")[1] == [("write", "f2")] and in_nano("\x182")[1] == [("quit", "")]
    assert whole(in_nano("xy\x1bu\x1bu\x1be")[0]) == "xone\ntwo" and in_nano("\x1f2\n")[0].text.at.row == 1


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.text(alphabet="ab\n\x7f\x0b\x15\x17\x18\x0f\x1b\x03\x01\x05\x16\x19uewyn \x1f2", max_size=30))
def test_no_key_breaks_nano(text, keys):
    state, _ = in_nano(keys, text)
    assert 0 <= state.text.at.column <= len(state.text.line)
    assert len(nano_picture(state, Window(), 60, 8).rows) == 8
