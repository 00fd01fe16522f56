import random
import subprocess
import sys

import pytest
import sympy

from symjax.symbolic.expression import X, integer, rational, raw, symbol
from symjax.symbolic.operators import OPERATORS
from symjax.symbolic.sampling import SeedSampler
from symjax.symbolic.sympy_bridge import UnknownToTable, from_sympy, to_sympy
from symjax.tokenization.prefix import parse, write

x = sympy.Symbol("x")


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ("add x INT+ 1", x + 1),
        ("sub x sq x", x - x**2),
        ("div x cb x", x**-2),
        ("div INT+ 1 INT+ 2", sympy.Rational(1, 2)),
        ("pow x x", x**x),
        ("sqrt x", sympy.sqrt(x)),
        ("cbrt x", x ** sympy.Rational(1, 3)),
        ("ln exp x", sympy.log(sympy.exp(x))),
        ("atanh acosh asinh x", sympy.atanh(sympy.acosh(sympy.asinh(x)))),
    ],
)
def test_values_reach_sympy(tokens, expected):
    assert to_sympy(parse(tokens.split())) == expected


def test_every_operator_goes_there_and_back():
    operands = (raw("sin", symbol("y")), X, symbol("z"))
    for name, row in OPERATORS.items():
        expr = raw(name, *operands[: row.arity])
        sympy_expr = to_sympy(expr)
        assert to_sympy(from_sympy(sympy_expr)) == sympy_expr


def foreign_symbols():
    return sympy.Symbol("x", real=True, nonzero=True), sympy.Symbol("a8", real=True)


@pytest.mark.parametrize(
    ("tokens", "written"),
    [
        ("div INT+ 1 x", "pow x INT- 1"),
        ("sub x INT+ 1", "add INT- 1 x"),
        ("inv sqrt x", "pow x div INT- 1 INT+ 2"),
        ("sqrt x", "sqrt x"),
        ("rac x INT+ 3", "pow x div INT+ 1 INT+ 3"),
        ("sq x", "pow x INT+ 2"),
        ("pow5 x", "pow x INT+ 5"),
        ("sub pi div E I", "add pi mul E I"),
        ("sqrt sq x", "abs x"),
        ("sqrt pow2 a8", "abs a8"),
        ("sqrt INT- 4", "mul INT+ 2 I"),
        ("mul INT- 1 x", "mul INT- 1 x"),
        ("div INT- 3 INT+ 7", "div INT- 3 INT+ 7"),
        ("exp INT+ 1", "E"),
        ("mul x mul a0 INT+ 2", "mul INT+ 2 mul a0 x"),
        ("add Y' mul x Y", "add mul x Y Y'"),
        ("sub Y'' Y", "add mul INT- 1 Y Y''"),
        ("derivative f x x", "Y'"),
        ("derivative derivative Y x x", "Y''"),
        ("derivative Y'' x", "derivative Y'' x"),
        ("derivative f y y", "derivative f y y"),
        ("g x h x y z", "g x h x y z"),
        ("sign mul INT- 1 x", "mul INT- 1 sign x"),
        ("sec asech x", "sec asech x"),
    ],
)
def test_foreign_conventions(tokens, written):
    sympy_expr = to_sympy(parse(tokens.split()), foreign=True)
    expr = from_sympy(sympy_expr, foreign=True)
    assert write(expr) == tuple(written.split())
    assert to_sympy(expr, foreign=True) == sympy_expr


def test_foreign_symbols_are_real():
    symbol_x, coefficient = foreign_symbols()
    assert to_sympy(parse(["mul", "x", "a8"]), foreign=True) == symbol_x * coefficient
    assert to_sympy(parse(["mul", "x", "a8"])) != symbol_x * coefficient
    assert to_sympy(parse(["Y'"])) == sympy.Symbol("Y'")
    f = sympy.Function("f", real=True, nonzero=True)
    assert to_sympy(parse(["Y''"]), foreign=True) == f(symbol_x).diff(symbol_x, 2)


def test_derivatives_by_what_is_no_symbol_are_refused():
    with pytest.raises(ValueError, match="which is no symbol"):
        to_sympy(parse(["derivative", "x", "sin", "x"]))
    with pytest.raises(UnknownToTable, match="no number"):
        from_sympy(sympy.Derivative(sympy.Function("f")(x), (x, sympy.Symbol("n"))))


def test_foreign_words_are_those_that_foreign_files_hold():
    """No word of what SymPy says but those that the reference system writes."""
    rng, sampler = random.Random(4), SeedSampler(integers=(1, 2, 3, -1))
    missing = {"sub", "inv", "rac", "pow2", "pow3", "pow4", "pow5", "sq", "cb", "cbrt"}
    compared = 0
    for _ in range(80):
        sympy_expr = to_sympy(sampler(rng), foreign=True)
        if sympy_expr.has(sympy.zoo, sympy.nan, sympy.oo, -sympy.oo, sympy.AccumBounds):
            continue
        expr = from_sympy(sympy_expr, foreign=True)
        assert missing.isdisjoint(write(expr))
        assert to_sympy(expr, foreign=True) == sympy_expr
        compared += 1
    assert compared > 50


def test_the_form_as_written_can_be_kept():
    expr = parse(["mul", "INT+", "2", "add", "x", "sub", "x", "x"])
    assert to_sympy(expr) == 2 * x
    kept = to_sympy(expr, evaluate=False)
    assert kept.is_Mul
    assert kept.args[1].is_Add
    assert to_sympy(parse(["sq", "INT+", "3"]), evaluate=False).is_Pow
    assert to_sympy(parse(["sin", "INT+", "0"]), evaluate=False) != 0


def test_canonical_numbers_and_sums_are_taken():
    expr = raw("add", rational(1, 2), X, raw("mul", integer(3), X, raw("pow", X, rational(1, 2))))
    assert to_sympy(expr) == sympy.Rational(1, 2) + x + 3 * x ** sympy.Rational(3, 2)


@pytest.mark.parametrize(
    ("sympy_expr", "tokens"),
    [
        (x**2 + 1, "add INT+ 1 sq x"),
        (1 / x, "div INT+ 1 x"),
        (x ** sympy.Rational(-1, 2), "pow x div INT- 1 INT+ 2"),
        (-x, "mul INT- 1 x"),
        (2 * x * sympy.sin(x), "mul INT+ 2 mul x sin x"),
        (sympy.E, "exp INT+ 1"),
        (sympy.pi, "acos INT- 1"),
        (sympy.I * x, "mul sqrt INT- 1 x"),
        (sympy.log(x), "ln x"),
    ],
)
def test_sympy_forms_are_written_as_documented(sympy_expr, tokens):
    expr = from_sympy(sympy_expr)
    assert write(expr) == tuple(tokens.split())
    assert to_sympy(expr) == sympy_expr
    assert parse(write(expr)) is expr


@pytest.mark.parametrize(
    "sympy_expr", [sympy.Float("0.5"), sympy.oo, sympy.zoo, sympy.nan, sympy.gamma(x), sympy.atan2(x, 1), sympy.true]
)
def test_what_the_table_lacks_is_refused(sympy_expr):
    with pytest.raises(UnknownToTable, match="not in the operator table"):
        from_sympy(sympy_expr)


def test_random_functions_go_there_and_back():
    rng, sampler = random.Random(3), SeedSampler(integers=(1, 2, 3, -1))
    compared = 0
    for _ in range(150):
        sympy_expr = to_sympy(sampler(rng))
        if sympy_expr.has(sympy.zoo, sympy.nan, sympy.oo, -sympy.oo, sympy.AccumBounds):
            continue
        compared += 1
        assert to_sympy(from_sympy(sympy_expr)) == sympy_expr
    assert compared > 100


def test_deep_nests_are_refused_before_sympy_recurses():
    expr = parse(("sin",) * 100_000 + ("x",))
    with pytest.raises(ValueError, match="at most 200"):
        to_sympy(expr)
    assert to_sympy(parse(("sin",) * 200 + ("x",))).args


def test_importing_the_bridge_does_not_import_sympy():
    code = "import sys, symjax.symbolic.sympy_bridge; sys.exit('sympy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
