"""Forms of output, each checked against the real clients 1.36.3 (`kubectl label --local -o …`) when it was written."""
import pytest

from sim.shell.kubectl.printing import goformat, gotemplate, jsonpath
from sim.shell.kubectl.printing.tables import Columns
from sim.shell.kubectl.printing.yaml import ordered, to_json, to_yaml

OBJECT = {"kind": "Widget", "metadata": {"name": "w", "labels": {"a.b": "c", "app": "web"}}, "spec": {
    "i": 3, "f": 1.5, "e": 1e30, "n": None, "t": True, "l": [1, [2, 3], {"a": "b"}, [], {}, "x"],
    "items": [{"name": "a", "v": 1}, {"name": "b", "v": 2}, {"name": "c"}]}}


@pytest.mark.parametrize("value, text", [
    ("y", '"y"'), ("1e3", '"1e3"'), ("0x1f", '"0x1f"'), ("2020-01-02", '"2020-01-02"'), ("12:30", '"12:30"'), ("~", '"~"'),
    ("", '""'), ("a: b", "'a: b'"), ("a #b", "'a #b'"), ("it's", "it's"), ("- x", "'- x'"), ("*x", "'*x'"), (" x", "' x'"),
    ("a\tb", '"a\\tb"'), ("1.36", '"1.36"'), ("10.0.0.1", "10.0.0.1"), ("010", '"010"'), ("1_000", '"1_000"'),
    ("---", "'---'"), ("...", "'...'"), ("%x", "'%x'"), ("a,b", "a,b"), ("abc:", "'abc:'"), ("한글", "한글"), ("=", "="),
    ("a\nb\n", "|\n  a\n  b"), ("a\nb", "|-\n  a\n  b"), (3, "3"), (True, "true"), (None, "null"), ([], "[]"), ({}, "{}")])
def test_scalars_are_quoted_as_go_yaml_does(value, text):
    assert to_yaml({"k": value}) == f"k: {text}\n"


def test_long_lines_fold_and_lists_are_not_indented():
    text = "0/3 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable."
    assert to_yaml({"c": [{"message": text}]}) == (
        "c:\n- message: '0/3 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated\n    taint(s), 1 node(s) were "
        "unschedulable.'\n")
    assert ordered(["k10", "k2", "k", "K", "_"]) == ["_", "K", "k", "k2", "k10"]
    assert to_json({"b": "<&>", "a": [1]}) == '{"a":[1],"b":"\\u003c\\u0026\\u003e"}'


@pytest.mark.parametrize("template, text", [
    ("{.spec.l[-1]}", "x"), ("{.spec.l[1:3]}", '[2,3] {"a":"b"}'), ("{.spec.l[::2]}", '1 {"a":"b"} {}'), ("{.spec.n}", "null"),
    ("{.spec.e}", "1e+30"), ("{range .spec.items[*]}{.name}={.v}{'\\n'}{end}", "a=1\nb=2\nc=\n"),
    ("{.spec.items[?(@.v>1)].name}", "b"), ("{.spec.items[?(@.v!=1)].name}", "b"), ("{.metadata['name']}", "w"),
    ("{.metadata.labels.a\\.b}", "c"), ("plain", "plain"), ("{..v}", "1 2"), ("{.spec.}", ""), ("{.nosuch}", ""),
    ("{.spec.items[*]['name','v']}", "a b c 1 2"), ("{range .nosuch[*]}{.x}{end}done", "done"),
    ("{.spec.items[?(@.name in 'a')].v}", "1 2"), ("{.spec.l[1:1]}", "")])
def test_jsonpath(template, text):
    assert jsonpath.template(template, OBJECT) == text


@pytest.mark.parametrize("template, text", [
    ("{", "unclosed action"), ("{.spec[}", "unterminated array"), ('{.metadata["name"]}', 'invalid array index "name"'),
    ("{.spec.l[9]}", "array index out of bounds: index 9, length 6"), ("{end}", "not in range, nothing to end"),
    ("{.spec.i[0]}", "int64 is not array or slice"), ("{foo}", "unrecognized identifier foo"), ("{....name}",
                                                                                             "invalid multiple recursive descent"),
    ("{.spec.items[?(@.name==1)].v}", "incompatible types for comparison"),
    ("{.spec.items[?(@.v==1 && @.name)].v}", "unrecognized character in action: U+0026 '&'"),
    ("{#}", "unrecognized character in action: U+0023 '#'"), ("{.spec.l[x]}", "invalid array index x")])
def test_jsonpath_complaints(template, text):
    with pytest.raises(jsonpath.JsonPathError) as caught:
        jsonpath.template(template, OBJECT)
    assert str(caught.value) == text


@pytest.mark.parametrize("template, text", [
    ("{{range $i,$e := .spec.items}}{{$i}}={{$e.name}};{{end}}", "0=a;1=b;2=c;"), ("{{.nosuch.x}}", "<no value>"),
    ('{{if eq .kind "Widget"}}w{{else if .spec}}s{{end}}', "w"), ("{{len .spec.l}}", "6"),
    ('{{printf "%s-%d|%5d|%-3s|" .kind .spec.i .spec.i "x"}}', "Widget-3|    3|x  |"),
    ('{{"YWJj" | base64decode}}', "abc"), ("{{range .nosuch}}x{{else}}none{{end}}", "none"), ("a {{- .kind -}} b", "aWidgetb"),
    ("{{(index .spec.items 0).name}}", "a"), ("{{.spec.l}}", "[1 [2 3] map[a:b] [] map[] x]"),
    ("{{with .metadata}}{{.name}}{{end}}{{/* no */}}", "w")])
def test_go_templates(template, text):
    assert gotemplate.fill(template, OBJECT) == text


@pytest.mark.parametrize("template, text", [
    ("{{foo}}", 'template: output:1: function "foo" not defined'), ("{{.kind", "template: output:1: unclosed action"),
    ("{{$x}}", 'template: output:1: undefined variable "$x"'), ("{{if}}x{{end}}", "template: output:1: missing value for if"),
    ("{{range .x}}", "template: output:1: unexpected EOF")])
def test_go_template_complaints(template, text):
    with pytest.raises(gotemplate.TemplateError) as caught:
        gotemplate.fill(template, OBJECT)
    assert str(caught.value) == text


def test_columns_remember_their_width():
    columns = Columns()
    assert columns.lines([["A", "B"], ["x", "1"]]) == ["A     B", "x     1"]
    assert columns.lines([["longer", "1"]]) == ["longer   1"]
    assert columns.lines([["x", "1"]]) == ["x        1"]


def test_go_syntax():
    assert goformat.syntax({"a": [1, "x\n", None]}) == (
        'map[string]interface {}{"a":[]interface {}{1, "x\\n", interface {}(nil)}}')
