import random
import xml.etree.ElementTree as ElementTree

import pytest

from symjax.symbolic.expression import X, integer, rational, raw
from symjax.symbolic.printing import read_latex, to_infix, to_latex, to_mathml
from symjax.symbolic.reader import ReadError
from symjax.symbolic.sampling import LengthSampler, SeedSampler
from symjax.tokenization.prefix import parse


@pytest.mark.parametrize(
    ("tokens", "infix", "latex"),
    [
        ("add x sub x x", "x + (x - x)", r"x + \left(x - x\right)"),
        ("sub sub x x x", "x - x - x", "x - x - x"),
        ("mul add x INT+ 1 x", "(x + 1)*x", r"\left(x + 1\right) \cdot x"),
        ("mul x div x x", "x*(x/x)", r"x \cdot \frac{x}{x}"),
        ("div mul x x x", "x*x/x", r"\frac{x \cdot x}{x}"),
        ("pow x INT+ 2", "x**2", "{x}^{{2}}"),
        ("sq x", "sq(x)", "{x}^{2}"),
        ("pow pow x x x", "(x**x)**x", r"{\left({x}^{{x}}\right)}^{{x}}"),
        ("pow x pow x x", "x**x**x", r"{x}^{{{x}^{{x}}}}"),
        ("cb add x x", "cb(x + x)", r"{\left(x + x\right)}^{3}"),
        ("sq sqrt x", "sq(sqrt(x))", r"{\sqrt{x}}^{2}"),
        ("cbrt sin x", "cbrt(sin(x))", r"\sqrt[3]{\sin\left(x\right)}"),
        ("pow INT- 2 x", "(-2)**x", r"{\left(-2\right)}^{{x}}"),
        ("sub INT- 2 INT- 3", "-2 - (-3)", r"-2 - \left(-3\right)"),
        ("sub x mul INT- 2 x", "x - (-2)*x", r"x - \left(-2\right) \cdot x"),
        ("sin INT- 2", "sin(-2)", r"\sin\left(-2\right)"),
        ("div INT- 1 INT- 2", "-1/(-2)", r"\frac{-1}{-2}"),
        ("asinh acos x", "asinh(acos(x))", r"\operatorname{asinh}\left(\arccos\left(x\right)\right)"),
    ],
)
def test_expressions_print_as_expected(tokens, infix, latex):
    expr = parse(tokens.split())
    assert to_infix(expr) == infix
    assert to_latex(expr) == latex


def test_canonical_forms_print():
    total = raw("add", X, rational(-1, 2), raw("mul", rational(1, 3), X, X))
    assert to_infix(total) == "x + (-1/2) + 1/3*x*x"
    assert to_latex(raw("pow", X, rational(1, 2))) == r"{x}^{{\tfrac{1}{2}}}"
    assert to_infix(raw("pow", rational(1, 2), X)) == "(1/2)**x"
    assert read_latex(to_latex(raw("sin", rational(-3, 7)))) is raw("sin", rational(-3, 7))


@pytest.mark.parametrize("sampler", [SeedSampler(5, False, (0, 1, -2, 13)), LengthSampler(1, 15, integers=(2, -3))])
def test_latex_reads_back(sampler):
    rng = random.Random(7)
    for _ in range(1500):
        expr = sampler(rng)
        latex = to_latex(expr)
        assert read_latex(latex) is expr
        assert read_latex(latex.replace(" ", "  ")) is expr


@pytest.mark.parametrize("sampler", [SeedSampler(4, False, (0, 1, -2, 13)), LengthSampler(1, 15)])
def test_mathml_is_well_formed_and_holds_every_leaf(sampler):
    rng = random.Random(7)
    namespace = "{http://www.w3.org/1998/Math/MathML}"
    children = {"mfrac": 2, "msup": 2, "mroot": 2}
    for _ in range(300):
        expr = sampler(rng)
        root = ElementTree.fromstring(to_mathml(expr))
        assert root.tag == namespace + "math"
        names = [element.tag.removeprefix(namespace) for element in root.iter()]
        assert set(names) <= {"math", "mrow", "mi", "mn", "mo", "mfrac", "msup", "msqrt", "mroot"}
        for element in root.iter():
            wanted = children.get(element.tag.removeprefix(namespace))
            assert wanted is None or len(element) == wanted
        assert sum(element.text == "x" for element in root.iter(namespace + "mi")) == to_infix(expr).replace(
            "exp", ""
        ).count("x")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "found the end"),
        ("x +", "found the end"),
        ("x x", "expected the end"),
        (r"\frac{x}", "expected '{'"),
        (r"\sin x", "expected"),
        (r"\input{file}", "expected an expression"),
        ("x^2", "expected the end"),
        ("{x}^{4}", "2, 3 or a group"),
        ("-x", "number"),
        ("007", "number"),
        (r"\tfrac{1}{0}", "denominator"),
        ("x $", "is not LaTeX"),
        (r"\left(" * 101, "100 groups"),
        ("x" * 100_001, "100000"),
        ("1" * 1001, "1000 digits"),
    ],
)
def test_other_latex_is_refused(text, reason):
    with pytest.raises(ReadError, match=reason):
        read_latex(text)


def test_deep_nests_print():
    expr = parse(("sin",) * 100_000 + ("x",))
    assert to_infix(expr).startswith("sin(sin(")
    assert to_infix(expr).endswith("x" + ")" * 100_000)
    assert len(to_latex(expr)) > 100_000
    assert len(to_mathml(expr)) > 100_000


def test_shared_subtrees_are_not_printed_without_limit():
    expr = integer(2)
    for _ in range(40):
        expr = raw("mul", expr, expr)
    with pytest.raises(ValueError, match="at most"):
        to_infix(expr)
