import random
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given

from symjax.symbolic.expression import X, integer, rational, raw, symbol
from symjax.symbolic.operators import OPERATORS
from symjax.symbolic.printing import read_latex, to_infix, to_latex, to_mathml
from symjax.symbolic.reader import Limits, ReadError, read_infix
from symjax.symbolic.sampling import LengthSampler, SeedSampler
from symjax.tokenization.prefix import parse
from tests.tokenization.test_prefix import raw_expressions


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
        ("sq pow2 x", "sq(pow2(x))", r"{\left({x}^{2{}}\right)}^{2}"),
        ("cb pow3 x", "cb(pow3(x))", r"{\left({x}^{3{}}\right)}^{3}"),
        ("pow5 pow4 x", "pow5(pow4(x))", r"{\left({x}^{4}\right)}^{5}"),
        ("div INT+ 1 inv x", "1/inv(x)", r"\frac{1}{{x}^{-1}}"),
        ("pow x INT- 1", "x**(-1)", "{x}^{{-1}}"),
        ("rac add x y INT+ 3", "rac(x + y, 3)", r"\sqrt[{3}]{x + y}"),
        ("abs sub x pi", "abs(x - pi)", r"\left|x - \pi\right|"),
        (
            "sec asec acoth x",
            "sec(asec(acoth(x)))",
            r"\sec\left(\operatorname{arcsec}\left(\operatorname{acoth}\left(x\right)\right)\right)",
        ),
        ("mul E mul I a7", "E*(I*a7)", r"e \cdot \left(i \cdot a_{7}\right)"),
        ("sub sq Y' derivative Y x", "sq(Y') - derivative(Y, x)", r"{Y'}^{2} - \frac{d}{d x}\left(Y\right)"),
        ("h f x g y z Y''", "h(f(x), g(y, z), Y'')", r"h\left(f\left(x\right), g\left(y, z\right), Y''\right)"),
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


@given(raw_expressions)
def test_every_word_reads_back_from_latex_and_infix(expr):
    assert read_latex(to_latex(expr)) is expr
    assert read_infix(to_infix(expr), limits=Limits(pieces=10_000, nesting=1000)) is expr
    ElementTree.fromstring(to_mathml(expr))


def test_different_operators_never_print_the_same():
    """One expression for each operator, with operands that look alike, in each notation."""
    x, y, z = (symbol(name) for name in "xyz")
    operands = [(x, y, z), (x, integer(3), z), (x, integer(2), z), (integer(1), x, z), (x, integer(-1), z)]
    exprs = {raw(name, *chosen[: row.arity]) for name, row in OPERATORS.items() for chosen in operands}
    for notation in (to_infix, to_latex):
        assert len({notation(expr) for expr in exprs}) == len(exprs)


def test_names_have_their_own_mathml():
    assert "<msub><mi>a</mi><mn>4</mn></msub>" in to_mathml(parse(["sin", "a4"]))
    assert "<msup><mi>Y</mi><mo>&#x2033;</mo></msup>" in to_mathml(parse(["Y''"]))
    assert "<mi>&#x3C0;</mi>" in to_mathml(parse(["pi"]))
    assert "<mroot><mrow><mi>x</mi></mrow><mrow><mi>y</mi></mrow></mroot>" in to_mathml(parse(["rac", "x", "y"]))
    assert "<mi>&lt;</mi>" in to_mathml(symbol("<"))


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
        ("{x}^{6}", "-1, 2 to 5, or a group, found '6'"),
        ("{x}^{-2}", "-1, 2 to 5, or a group, found '2'"),
        ("{x}^{4{}}", "'}' as the end of the exponent"),
        ("{x}^{2{x}}", "expected '}'"),
        (r"g\left(x\right)", "expected ','"),
        (r"\sin\left(x, x\right)", "expected"),
        (r"\left|x\right)", "expected"),
        (r"\frac{d}{x}", "expected 'd'"),
        (r"\sqrt[{3}{x}", "expected ']'"),
        ("Y' '", "is not LaTeX"),
        ("a_{10}", "is not LaTeX"),
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
