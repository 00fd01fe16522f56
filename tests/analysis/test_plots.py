from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET

import pytest

from symjax.analysis.plots import Line, Point, by_name, by_place, curves


def point(place, value, spread=0.1, count=40):
    return Point(place=place, value=value, low=value - spread, high=value + spread, count=count)


def charts():
    line = Line(name="train", points=[(step, 3.0 / step) for step in range(1, 60)])
    short = Line(name="validation <1>", points=[(30, 0.2), (59, 0.1)])
    model = [point("1-4", 0.8), point("5-8", 0.4, count=1234)]
    return {
        "curves": curves([line, short], ylabel="loss (nats)", log=True),
        "place": by_place({"Model": model, "Zeros": [point("5-8", 0.2)]}, xlabel="size", ylabel="exact", percent=True),
        "name": by_name([point("sin", 0.9), point("cos", 0.7)], xlabel="exact", percent=True),
    }


@pytest.mark.parametrize("name", ["curves", "place", "name"])
def test_charts_are_elements_in_the_colours_of_the_page(name):
    text = charts()[name]
    root = ET.fromstring(text)
    assert root.tag.endswith("svg")
    assert "viewBox" in root.attrib
    assert "width" not in root.attrib
    assert "var(--series-1)" in text
    assert set(re.findall(r"#[0-9a-f]{6}\b", text)) <= {"#000000"}
    assert "font-family" not in text
    assert "<style" not in text
    assert charts()[name] == text


def texts(svg):
    return [element.text for element in ET.fromstring(svg).iter() if element.tag.endswith("text")]


def words(svg):
    return " ".join(
        "".join(element.itertext()) for element in ET.fromstring(svg).iter() if element.tag.endswith("text")
    )


def test_counts_stand_beside_places_and_names():
    assert "n=1,234" in words(charts()["place"])
    assert "sin  n=40" in words(charts()["name"]).replace("\u00a0", " ")


def test_axes_are_labelled():
    assert "training step" in words(charts()["curves"])
    assert "loss (nats)" in words(charts()["curves"])
    assert "size" in words(charts()["place"])


def test_a_zero_on_a_logarithmic_axis_is_written():
    points = [Point(place="1", value=0.0, low=0.0, high=0.0, count=3), point("2", 1.0), point("3", 1e-4, spread=1e-5)]
    assert "0" in texts(by_place({"Model": points}, xlabel="size", ylabel="error", log=True))
    assert "0" in texts(by_name(points, xlabel="error", log=True))


def test_infinite_values_and_bounds_do_not_stop_a_chart():
    points = [
        Point(place="a", value=1.0, low=0.5, high=math.inf, count=3),
        Point(place="b", value=math.inf, low=1.0, high=math.inf, count=3),
    ]
    for log in (False, True):
        assert "inf" not in by_place({"Model": points}, xlabel="size", ylabel="error", log=log)
        assert "inf" not in by_name(points, xlabel="error", log=log)
