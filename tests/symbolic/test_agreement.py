import dataclasses
import itertools
import random

import flint
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symjax.symbolic import agreement as module
from symjax.symbolic.agreement import POINTS, Agreement, agrees, checked, compared, satisfies
from symjax.symbolic.canonical import TooLarge, Undefined, add, canonicalise, multiply
from symjax.symbolic.conventions import foreign_form
from symjax.symbolic.derivative import derivative
from symjax.symbolic.digits import PRECISIONS
from symjax.symbolic.expression import ZERO, rational, unchecked
from symjax.symbolic.fingerprint import INTEGRAND_POINTS, of_integrand, of_values
from symjax.symbolic.programs import Program, columns
from symjax.symbolic.tree_sampling import TreeSampler
from symjax.tokenization.prefix import parse

SAMPLER = TreeSampler(
    operators="add:10,sub:3,mul:10,div:5,pow:2,rac:1,sqrt:4,cbrt:1,sq:1,cb:1,inv:1,pow2:2,pow3:1,pow4:1,pow5:1,ln:4,"
    "exp:4,sin:4,cos:4,tan:4,asin:2,acos:2,atan:2,sinh:2,cosh:2,tanh:2,asinh:2,acosh:2,atanh:2,abs:2,"
    "sec:1,csc:1,cot:1,asec:1,acsc:1,acot:1,sech:1,csch:1,coth:1,asech:1,acsch:1,acoth:1"
)


def read(text):
    return parse(text.split())


# (F, F') from tables of integrals, each function of the table at least once
DERIVATIVES = [
    ("x", "INT+ 1"),
    ("INT+ 7", "INT+ 0"),
    ("pow x INT+ 5", "mul INT+ 5 pow x INT+ 4"),
    ("pow x x", "mul pow x x add ln x INT+ 1"),
    ("pow INT+ 2 x", "mul ln INT+ 2 pow INT+ 2 x"),
    ("pow x pi", "mul pi pow x sub pi INT+ 1"),
    ("sqrt x", "div INT+ 1 mul INT+ 2 sqrt x"),
    ("cbrt x", "div INT+ 1 mul INT+ 3 sq cbrt x"),
    ("rac x INT+ 4", "div INT+ 1 mul INT+ 4 pow x div INT+ 3 INT+ 4"),
    ("pow4 x", "mul INT+ 4 cb x"),
    ("pow5 x", "mul INT+ 5 pow4 x"),
    ("pow3 x", "mul INT+ 3 pow2 x"),
    ("inv x", "div INT- 1 sq x"),
    ("exp mul INT+ 2 x", "mul INT+ 2 exp mul INT+ 2 x"),
    ("exp sq x", "mul mul INT+ 2 x exp sq x"),
    ("ln x", "inv x"),
    ("ln mul INT- 3 x", "inv x"),
    ("mul x sub ln x INT+ 1", "ln x"),
    ("sin mul INT+ 3 x", "mul INT+ 3 cos mul INT+ 3 x"),
    ("cos x", "sub INT+ 0 sin x"),
    ("tan x", "sq sec x"),
    ("cot x", "sub INT+ 0 sq csc x"),
    ("sec x", "mul sec x tan x"),
    ("csc x", "sub INT+ 0 mul csc x cot x"),
    ("ln sec x", "tan x"),
    ("asin x", "div INT+ 1 sqrt sub INT+ 1 sq x"),
    ("acos x", "div INT- 1 sqrt sub INT+ 1 sq x"),
    ("atan x", "div INT+ 1 add INT+ 1 sq x"),
    ("acot x", "div INT- 1 add INT+ 1 sq x"),
    ("asec x", "div INT+ 1 mul sq x sqrt sub INT+ 1 inv sq x"),
    ("acsc x", "div INT- 1 mul sq x sqrt sub INT+ 1 inv sq x"),
    ("sinh x", "cosh x"),
    ("cosh x", "sinh x"),
    ("tanh x", "sq sech x"),
    ("coth x", "sub INT+ 0 sq csch x"),
    ("sech x", "sub INT+ 0 mul sech x tanh x"),
    ("csch x", "sub INT+ 0 mul csch x coth x"),
    ("asinh x", "div INT+ 1 sqrt add INT+ 1 sq x"),
    ("acosh x", "div INT+ 1 mul sqrt sub x INT+ 1 sqrt add x INT+ 1"),
    ("atanh x", "div INT+ 1 sub INT+ 1 sq x"),
    ("acoth x", "div INT+ 1 sub INT+ 1 sq x"),
    ("asech x", "div INT- 1 mul x mul sqrt sub inv x INT+ 1 mul sqrt add inv x INT+ 1 x"),
    ("acsch x", "div INT- 1 mul sq x sqrt add INT+ 1 inv sq x"),
    ("abs x", "sign x"),
    ("sign x", "INT+ 0"),
    ("sq abs x", "mul INT+ 2 x"),
    ("abs add sq x INT+ 1", "mul INT+ 2 x"),
    ("mul I sin x", "mul I cos x"),
    ("mul E pow E x", "mul E exp x"),
    ("mul abs sqrt INT- 2 x", "sqrt INT+ 2"),  # the absolute value of a complex constant
    ("add add x ln x sub exp x sin x", "add add INT+ 1 inv x sub exp x cos x"),
]


@pytest.mark.parametrize(("antiderivative", "integrand"), DERIVATIVES)
def test_derivatives_agree(antiderivative, integrand):
    found = agrees(read(antiderivative), read(integrand))
    assert found.accepted
    assert found.agreeing == 2


@pytest.mark.parametrize(("antiderivative", "integrand"), DERIVATIVES[2:])
def test_near_misses_differ(antiderivative, integrand):
    for wrong in (f"mul add INT+ 1 div INT+ 1 INT+ {' '.join('1' + '0' * 9)} {integrand}", f"add x {integrand}"):
        if antiderivative == "sign x" and wrong.startswith("mul"):
            continue
        found = agrees(read(antiderivative), read(wrong))
        assert not found.accepted
        assert found.differing == 1


def test_an_error_of_1e_25_needs_more_precision_and_is_found():
    tiny = "div INT+ 1 INT+ 1" + " 0" * 25
    assert agrees(read(f"add sin x mul {tiny} x"), read("cos x")).differing == 1
    assert not agrees(read("sub x add x sub sq x sq x"), read(tiny)).accepted
    large = "pow INT+ 3 INT+ 5 5"  # 88 bits, so that 106 bits leave 1 as a ball of 2^-18
    assert agrees(read("x"), read(f"sub add add INT+ 1 inv pow INT+ 1 0 INT+ 7 {large} {large}")).differing == 1
    assert agrees(read("x"), read(f"sub add INT+ 1 {large} {large}")).accepted


def test_digits_that_cancel_are_found_with_more_precision():
    """tanh(60 x) is 1 to 2^-50 and more at every point; its derivative is not 0."""
    wide = "tanh mul INT+ 6 0 x"
    assert agrees(read(wide), read("INT+ 0")).differing == 1
    assert agrees(read(wide), read(f"mul INT+ 6 0 sub INT+ 1 sq {wide}")).accepted


def test_other_symbols_are_constants():
    assert agrees(read("mul a0 sin mul a1 x"), read("mul mul a0 a1 cos mul a1 x")).accepted
    assert agrees(read("mul y mul z pow x t"), read("mul t mul y mul z pow x sub t INT+ 1")).accepted
    assert agrees(read("mul a0 sin mul a1 x"), read("mul mul a0 a0 cos mul a1 x")).differing
    assert agrees(read("mul a7 x"), read("a6")).differing


@pytest.mark.parametrize(
    "antiderivative", ["abs mul I x", "abs ln mul INT- 1 sq x", "sign add x I", "ln sub x x", "div x sub x x", "f x"]
)
def test_where_nothing_is_defined_nothing_agrees(antiderivative):
    found = agrees(read(antiderivative), read("x"))
    assert found == Agreement(agreeing=0, differing=0, undefined=len(POINTS), real=False)
    assert not found.accepted


def test_agreement_on_one_side_of_zero_is_not_enough():
    assert agrees(read("abs x"), read("INT+ 1")).differing == 1
    assert agrees(read("abs sub x INT+ 4"), read("INT- 1")).accepted  # both are right up to 4
    assert all(left[0] * right[0] < 0 for left, right in itertools.pairwise(POINTS[:6]))


def test_undefined_points_are_passed_over():
    pole = "inv sub x div INT+ 3 7 9 INT+ 1 0 2 4"
    found = agrees(read("ln sub x div INT+ 3 7 9 INT+ 1 0 2 4"), read(pole))
    assert dataclasses.astuple(found)[:3] == (2, 0, 1)
    assert found.accepted


def test_real_says_whether_the_answer_is_real_somewhere():
    assert agrees(read("sqrt x"), read("div INT+ 1 mul INT+ 2 sqrt x")).real
    assert not agrees(read("sqrt sub INT- 1 sq x"), read("div sub INT+ 0 x sqrt sub INT- 1 sq x")).real
    assert agrees(read("mul sqrt INT- 2 mul x sqrt INT- 3"), read("sub INT+ 0 sqrt INT+ 6")).real


@given(key=st.integers(0, 10**9), operators=st.integers(1, 9))
def test_the_symbolic_derivative_agrees(key, operators):
    """Two ways to differentiate that share no rule."""
    tree = SAMPLER(random.Random(key), operators)
    try:
        canonical = canonicalise(tree)
        slope = derivative(canonical)
        found = agrees(canonical, slope)
    except (TooLarge, Undefined):
        return
    assert not found.differing
    if found.agreeing and slope is not ZERO:
        assert agrees(canonical, multiply(rational(10**9 + 1, 10**9), slope)).differing


def test_the_precision_of_others_is_left_alone():
    before = flint.ctx.prec
    agrees(read("sin x"), read("cos x"))
    satisfies(read("sub Y' Y"), read("mul a8 exp x"))
    assert flint.ctx.prec == before


# (equation, its general solution)
SOLUTIONS = [
    ("sub Y' Y", "mul a8 exp x"),
    ("add Y'' Y", "add mul a8 sin x mul a9 cos x"),
    ("sub Y'' Y", "add mul a8 sinh x mul a9 exp sub INT+ 0 x"),
    ("sub mul x Y' Y", "mul a8 x"),
    ("add mul Y Y' x", "sqrt sub a8 sq x"),
    ("sub Y' add INT+ 1 sq Y", "tan add x a8"),
    ("sub mul Y'' x add Y' sub INT+ 0 INT+ 0", "add a8 mul a9 sq x"),
    ("add mul sq x Y'' sub mul x Y' Y", "add mul a8 x div a9 x"),
    ("sub Y'' INT+ 0", "add a8 mul a9 x"),
    ("sub mul Y Y'' sq Y'", "mul a8 exp mul a9 x"),
]


@pytest.mark.parametrize(("equation", "solution"), SOLUTIONS)
def test_solutions_satisfy_their_equation(equation, solution):
    found = satisfies(read(equation), read(solution))
    assert not found.differing
    assert found.agreeing >= 10
    assert found.share == 1


@pytest.mark.parametrize(("equation", "solution"), SOLUTIONS)
def test_wrong_solutions_do_not(equation, solution):
    found = satisfies(read(equation), read(f"add {solution} mul INT+ 2 pow x INT+ 3"))
    assert found.differing
    assert not found.agreeing


@given(key=st.integers(0, 10**9), operators=st.integers(1, 6))
def test_second_derivatives_agree_with_the_symbolic_ones(key, operators):
    tree = SAMPLER(random.Random(key), operators)
    try:
        canonical = canonicalise(tree)
        slope = derivative(canonical)
        for unknown, found in (("Y'", slope), ("Y''", derivative(slope))):
            equation = add(read(unknown), multiply(rational(-1, 1), found))
            assert not satisfies(equation, canonical).differing
    except (TooLarge, Undefined):
        return


def test_a_solution_that_holds_on_one_branch_agrees_in_part():
    """The square root of x^2 is x for positive x only."""
    found = satisfies(read("sub Y' INT+ 1"), read("add a8 sqrt sq x"))
    assert 0 < found.share < 1
    assert not found.accepted


def test_the_values_of_the_check_are_those_of_the_fingerprint():
    """Bit for bit, so that it makes no difference who computes them."""
    sampler, rng, shared = TreeSampler(), random.Random(3), 0
    for _ in range(400):
        try:
            canonical = sampler.canonical(rng, 3 + int(rng.random() * 8))
            sides = [foreign_form(side) for side in (canonical, derivative(canonical))]
        except (TooLarge, Undefined):
            continue
        _, values = compared(*sides)
        if values:
            shared += 1
            before, flint.ctx.prec = flint.ctx.prec, PRECISIONS[0]
            try:
                alone = Program(sides[1])(columns([{"x": point} for point in INTEGRAND_POINTS[:3]]))[-1]
            finally:
                flint.ctx.prec = before
            assert [value.repr() for value in values] == [value.repr() for value in alone]
            assert of_values(values) in (None, of_integrand(sides[1]))
    assert shared > 200


def test_the_key_found_by_the_check_is_that_of_the_integrand_as_it_is_written():
    sampler, rng, shared = TreeSampler(), random.Random(4), 0
    for _ in range(400):
        try:
            canonical = sampler.canonical(rng, 3 + int(rng.random() * 8))
            slope = derivative(canonical)
        except (TooLarge, Undefined):
            continue
        values = compared(canonical, slope)[1]
        key = of_values(values) if values else None
        shared += key is not None
        assert key in (None, of_integrand(foreign_form(slope)))
    assert shared > 200


def test_no_values_are_kept_of_a_root_that_has_none_where_it_is_written_as_one():
    """exp(exp(9)) is beyond the bound on arguments of functions, and `sqrt` is one where `pow` is none."""
    inner = canonicalise(read("add x exp exp INT+ 9"))
    answer = canonicalise(unchecked("pow", (inner, rational(3, 2))))
    found, values = compared(answer, derivative(answer))
    assert found.accepted
    assert values == []


def test_verdicts_do_not_depend_on_what_was_checked_before():
    """What is remembered of small nodes is what would be found again, bit for bit, also where others have no value."""
    nowhere = "mul sin x div INT+ 1 sub x x"  # its program comes to sin(x) when it has lost all points
    rng, pairs = random.Random(5), [(read(f"add Y' {nowhere}"), read(f"add a8 {nowhere}"))]
    pairs.append((read("sub mul sin x Y' mul cos x Y"), read("mul a8 sin x")))
    while len(pairs) < 120:
        try:
            family = SAMPLER.canonical(rng, 3 + int(rng.random() * 6), ("x", "a8"))
            pairs.append((add(read("Y'"), multiply(rational(-1, 1), derivative(family))), family))
            pairs.append((add(read("Y''"), multiply(rational(-1, 1), derivative(derivative(family)))), family))
        except (TooLarge, Undefined):
            continue
    memos = (module._VALUES, *module._JETS.values(), *module._JETS_OF_CONSTANTS.values())

    def found(pair):
        agreement, prepared = checked(*pair)
        return agreement, [[value.repr() for value in column] for column in prepared.early]

    alone = []
    for pair in pairs:
        for memo in memos:
            memo.clear()
        alone.append(found(pair))
    assert module._VALUES
    assert [found(pair) for pair in pairs] == alone
    assert [found(pair) for pair in pairs[::-1]] == alone[::-1]
    assert any(agreement.undefined for agreement, _ in alone)
