import itertools
import random
from functools import cmp_to_key

import sympy

from symjax.symbolic import ordering
from symjax.symbolic.canonical import TooLarge, Undefined, add, apply, canonicalise, multiply
from symjax.symbolic.expression import PI, X, integer, postorder, rational, symbol
from symjax.symbolic.leading_signs import leads_negative
from symjax.symbolic.ordering import in_order
from symjax.symbolic.reader import read_infix
from symjax.symbolic.sympy_bridge import to_sympy
from symjax.symbolic.tree_sampling import TreeSampler

x, y = sympy.symbols("x y", real=True)
F = sympy.Function("f")(x)


def canonical(text):
    return canonicalise(read_infix(text))


PAIRS = [
    *((integer(value), sympy.Integer(value)) for value in (0, 1, -1, 2, -2, 12)),
    *((rational(*value), sympy.Rational(*value)) for value in ((1, 2), (-1, 2), (1, 3), (2, 3))),
    (canonical("exp(1)"), sympy.E),
    (PI, sympy.pi),
    (canonical("sqrt(-1)"), sympy.I),
    (X, x),
    (symbol("y"), y),
    (symbol("Y"), F),
    (symbol("Y'"), sympy.Derivative(F, x)),
    (symbol("Y''"), sympy.Derivative(F, (x, 2))),
    (canonical("x**2"), x**2),
    (canonical("x**y"), x**y),
    (canonical("sqrt(2)"), sympy.sqrt(2)),
    (canonical("2*x"), 2 * x),
    (canonical("x*y"), x * y),
    (canonical("x + y"), x + y),
    (canonical("abs(x)"), sympy.Abs(x)),
    (canonical("sign(x)"), sympy.sign(x)),
    *((apply(name, X), getattr(sympy, name)(x)) for name in ("exp", "sin", "cos", "atan", "acosh", "tanh")),
    (apply("ln", X), sympy.log(x)),
    (apply("sin", symbol("y")), sympy.sin(y)),
]


def test_classes_are_in_sympys_order():
    for pairs in itertools.permutations(PAIRS[10:16]):
        wanted = sorted((theirs for _, theirs in pairs), key=cmp_to_key(sympy.Basic.compare))
        assert [dict(PAIRS)[ours] for ours in in_order([ours for ours, _ in pairs])] == wanted
    for first, second in itertools.combinations(PAIRS, 2):
        found = in_order([first[0], second[0]])
        assert (found[0] is first[0]) == (first[1].compare(second[1]) < 0), (first[1], second[1])


def test_deep_operands_are_ordered_in_the_same_way(monkeypatch):
    sampler, found = TreeSampler(), []
    for seed in range(150):
        rng = random.Random(seed)
        try:
            found += postorder(sampler.canonical(rng, 4 + seed % 8))
        except (TooLarge, Undefined):
            continue
    distinct = list(dict.fromkeys(found))
    random.Random(1).shuffle(distinct)
    plain = in_order(distinct)
    monkeypatch.setattr(ordering, "_MAX_DEPTH", -1)
    assert in_order(distinct) == plain
    assert in_order(distinct[:2]) == [one for one in plain if one in distinct[:2]]


def test_nests_of_hundreds_of_operators_are_compared():
    left, right = X, symbol("y")
    for _ in range(600):
        left, right = apply("sinh", left), apply("sinh", right)
    assert in_order([right, left]) == [left, right]
    assert leads_negative(canonical("x - y")) != leads_negative(canonical("y - x"))


def test_the_sign_that_sympy_pulls_out():
    """Ties of positive and negative terms, among them the ones that need values of constants."""
    for text in (
        *(
            "1 - x",
            "x - 1",
            "x - y",
            "sin(x) - x",
            "exp(x) - sin(x)",
            "x**2 - x",
            "sqrt(x) - x",
            "1 - sqrt(2)",
            "exp(1) - 2*x",
        ),
        *("sqrt(3) - sqrt(2)", "x*sqrt(2) - x", "x*sqrt(2) - 2*x", "exp(2*x) - exp(x)", "x**(3/2) - x", "acos(-1) - 3"),
        *("x*y - x - y + 1", "ln(x) - x*exp(x)", "(x + 1)**2 - x**2", "1/x - x", "x**x - x", "cosh(x) - sin(x)"),
        *("sin(x - 1) - x", "sqrt(2) - exp(1)", "x*exp(x) - exp(2*x)", "tan(x)**3 - tan(x)**2", "acosh(x) - abs(x)"),
    ):
        for sign in ("", "-1*"):
            raw = read_infix(f"{sign}({text})")
            theirs = to_sympy(raw).xreplace({sympy.Symbol("x"): x, sympy.Symbol("y"): y})
            assert leads_negative(canonicalise(raw)) == theirs.could_extract_minus_sign(), (sign, text)


def test_the_sign_that_sympy_pulls_out_of_sums_with_unknowns():
    first, second = sympy.Derivative(F, x), sympy.Derivative(F, (x, 2))
    unknowns = {symbol("Y"): F, symbol("Y'"): first, symbol("Y''"): second}
    others = {X: x, canonical("sin(x)"): sympy.sin(x), canonical("exp(x)"): sympy.exp(x), canonical("2"): 2}
    for (ours, theirs), (other, same) in itertools.permutations((unknowns | others).items(), 2):
        form = add(ours, multiply(integer(-1), other))
        assert leads_negative(form) == (theirs - same).could_extract_minus_sign(), (theirs, same)
