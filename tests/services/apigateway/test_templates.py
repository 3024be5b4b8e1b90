"""Mapping templates, JSON paths and routes: pure rules."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogbank.services.apigateway.plane.routes import Routes
from fogbank.services.apigateway.vtl import TemplateError, jsonpath, parsed, render


def text(template: str, **variables: object) -> str:
    return render(parsed(template), variables)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("plain $5 and #hash", "plain $5 and #hash"),
        ("$a ${a} $!a $!{a}", "1 1 1 1"),
        ("[$missing]", "[]"),
        ("$m.k ${m.k} $m['k'] $m.get('k')", "v v v v"),
        ("$l[0]$l[1] $l.size() $l.get(1)", "xy 2 y"),
        ("#set($b = $a + 2)$b", "3"),
        ("#set($b = \"$a x\")$b", "1 x"),
        ("#set($b = '$a')$b", "$a"),
        ("#set($m.new = 4)$m.new", "4"),
        ("#if($a == 1)one#elseif($a == 2)two#{else}many#end!", "one!"),
        ("#if($missing)one#elseif($a == 1)two#{else}many#end", "two"),
        ("#if(!$missing && ($a < 2 || false))yes#end", "yes"),
        ("#if($s.contains('ell') and $s.length() eq 5)yes#end", "yes"),
        ("#foreach($i in $l)$i$foreach.index#if($foreach.hasNext),#end#end", "x0,y1"),
        ("#foreach($i in [1..3])$i#if($i == 2)#break#end#end", "12"),
        ("#foreach($k in $m.keySet())$k=$m.get($k);#end", "k=v;"),
        ("a## comment\nb#* more\n *#c", "abc"),
        ("#[[ $a #if ]]#", " $a #if "),
        ("\\$a", "$a"),
        ("$s.toUpperCase() $s.substring(1, 3) $s.replaceAll('l+', 'L')", "HELLO el heLo"),
        ("#set($x = {\"a\": [1, {\"b\": 2}]})$x", '{a=[1,{"b":2}]}'),
        ("#set($d = 7 / 2)$d #set($r = 7 % 4)$r", "3 3"),
        ("before#stop after", "before"),
        ("#set($l2 = [])#set($q = $l2.add('z'))$l2.size()", "1"),
    ],
)
def test_render(template: str, expected: str) -> None:
    assert text(template, a=1, m={"k": "v"}, l=["x", "y"], s="hello") == expected


@pytest.mark.parametrize("template", ["#if(", "#if($a)", "#set($a)", "#foreach($a of $b)#end", "#end", "#set($a = 'x)",
                                      "#if(" + "(" * 5000])
def test_malformed(template: str) -> None:
    with pytest.raises(TemplateError):
        text(template)


@pytest.mark.parametrize(
    "template",
    [
        "#foreach($a in [1..900])#foreach($b in [1..900])#set($c = $a + $b)#end#end",
        "#set($x = 'xxxxxxxxxx')" + "#set($x = $x + $x)" * 40,
        "#set($x = 99999)" + "#set($x = $x * $x)" * 40,
        "#set($l = [1])" + "#set($l2 = $l.addAll($l))" * 30,
        "#set($x = [1])" + "#set($x = [$x, $x])" * 60 + "$x",
        "#set($x = [1])#set($y = [1])" + "#set($x = [$x, $x])#set($y = [$y, $y])" * 30 + "#if($x == $y)#end",
        "#set($x = [])#set($y = $x.add($x))#set($y = $x.add($x))$x",
        "#set($s = '" + "a" * 5000 + "!')$s.matches('(a+)+b')",
    ],
)
def test_hostile_templates_end_soon(template: str) -> None:
    with pytest.raises(TemplateError):
        text(template)


@given(st.text(alphabet="$#{}()[]a.b'\" =,if endsetforachin12\n!&|<>", max_size=60))
def test_any_text_renders_or_is_refused(template: str) -> None:
    with contextlib.suppress(TemplateError):
        assert isinstance(text(template, a={"b": 1}), str)


DOCUMENT = {"a": {"b": [1, {"c": 2}, 3]}, "x y": 4, "n": None}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", DOCUMENT), ("$.a.b[0]", 1), ("$.a.b[-1]", 3), ("$.a.b[1].c", 2), ("$['x y']", 4), ("$.n", None),
        ("$.a.b[*]", [1, {"c": 2}, 3]), ("$..c", [2]), ("$.a.b[0:2]", [1, {"c": 2}]), ("$.no", jsonpath.MISSING),
        ("$.a.b[9]", jsonpath.MISSING), ("$.a[", jsonpath.MISSING), ("a.b[0]", 1),
    ],
)
def test_json_path(path: str, expected: object) -> None:
    assert jsonpath.find(DOCUMENT, path) == expected


def routes(*paths: str) -> Routes[str]:
    made: Routes[str] = Routes()
    for path in paths:
        name, _, method = path.partition(" ")
        made.add(name, {method or "GET": path})
    return made


def test_the_most_specific_route_is_found() -> None:
    table = routes("/", "/a", "/a/{x}", "/a/{x}/c", "/a/b/{y}", "/{proxy+}", "/a/{x}/{rest+}", "/only POST")
    assert table.find("/", "GET") == ("/", {})
    assert table.find("/a/", "GET") == ("/a", {})
    assert table.find("/a/1", "GET") == ("/a/{x}", {"x": "1"})
    assert table.find("/a/b/c", "GET") == ("/a/b/{y}", {"y": "c"})
    assert table.find("/a/1/c", "GET") == ("/a/{x}/c", {"x": "1"})
    assert table.find("/a/1/d/e", "GET") == ("/a/{x}/{rest+}", {"x": "1", "rest": "d/e"})
    assert table.find("/z/y", "GET") == ("/{proxy+}", {"proxy": "z/y"})
    assert table.find("/only", "GET") == ("/{proxy+}", {"proxy": "only"})
    assert table.find("/only", "POST") == ("/only POST", {})
    assert table.find("/a", "POST") is None


@given(st.lists(st.sampled_from(["a", "b", "", "%2F", "{x}"]), max_size=8).map("/".join))
def test_any_path_is_routed_without_harm(path: str) -> None:
    found = routes("/a/{x}", "/{x}/b", "/a/{p+}").find("/" + path, "GET")
    assert found is None or found[0] in ("/a/{x}", "/{x}/b", "/a/{p+}")
