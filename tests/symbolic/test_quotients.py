import random
from fractions import Fraction

import pytest

from symjax.symbolic.factored import NOTHING, UNIT, GaveUp, Quotient, power_of, product_of
from symjax.symbolic.quotients import MAX_EXPONENT, MAX_GENERATORS, Field


def value(field, quotient, point):
    """The exact value of a quotient where generator i is point[i]."""
    found = Fraction(quotient.top, quotient.bottom)
    for index, exponent in quotient.powers.items():
        polynomial = field.polynomial(index)
        total = Fraction(0)
        for coefficient, powers in field.terms(polynomial):
            term = Fraction(coefficient)
            for generator, power in powers.items():
                term *= point[generator] ** power
            total += term
        found *= total**exponent
    return found


def test_random_arithmetic_is_exact():
    rng, compared = random.Random(1), 0
    point = (Fraction(3, 7), Fraction(-5, 2), Fraction(11, 3))
    for _ in range(60):
        field = Field(3)
        pool = [(Quotient(1, 1, {index: 1}), point[index]) for index in range(3)]
        pool += [(Quotient(number, 2, {}), Fraction(number, 2)) for number in (-3, 1, 5)]
        try:
            for _ in range(12):
                (left, first), (right, second) = rng.choice(pool), rng.choice(pool)
                kind = rng.randrange(3)
                if kind == 0:
                    made, wanted = field.add([left, right, left]), 2 * first + second
                elif kind == 1:
                    made, wanted = field.multiply([left, right]), first * second
                else:
                    exponent = rng.choice((-2, -1, 2))
                    if not first:
                        continue
                    made, wanted = field.power(left, exponent), first**exponent
                pool.append((made, wanted))
                assert value(field, made, point) == wanted
                compared += 1
        except GaveUp:
            continue
    assert compared > 300


def test_sums_cancel_what_they_share_with_the_denominator():
    field = Field(1)
    x = Quotient(1, 1, {0: 1})
    minus_one, plus_one = (field.add([x, Quotient(sign, 1, {})]) for sign in (-1, 1))
    both = field.add([field.power(minus_one, -1), field.power(plus_one, -1)])  # 2x / (x^2 - 1)
    assert both.top == 2
    assert both.powers[0] == 1
    square = field.add([field.power(x, 2), Quotient(-1, 1, {})])
    assert field.add([field.multiply([square, field.power(plus_one, -1)]), UNIT]) == x
    assert field.add([x, Quotient(-1, 1, {0: 1})]) is NOTHING


def test_a_root_squared_is_its_base():
    field = Field(2)  # root, x: root^2 = x + 1
    x, root = Quotient(1, 1, {1: 1}), Quotient(1, 1, {0: 1})
    base = field.add([x, UNIT])
    field.relate(0, 2, base)
    square = field.add([field.power(root, 2), Quotient(-1, 1, {1: 1})])
    assert square == UNIT
    assert field.add([x, UNIT]) == Quotient(1, 1, {0: 2})


def test_limits_are_counts():
    with pytest.raises(GaveUp, match="generators"):
        Field(MAX_GENERATORS + 1)
    field = Field(2)
    x, y = Quotient(1, 1, {0: 1}), Quotient(1, 1, {1: 1})
    with pytest.raises(GaveUp, match="exponent"):
        field.add([field.power(x, MAX_EXPONENT + 1), y])
    with pytest.raises(GaveUp, match="division by zero"):
        power_of(NOTHING, -1)
    with pytest.raises(GaveUp, match="bits"):
        power_of(Quotient(7, 1, {}), 10**6)
    with pytest.raises(GaveUp, match="terms"):
        field.add([field.power(field.add([x, y, UNIT]), 30), x])


def test_products_are_in_lowest_terms():
    found = product_of([Quotient(6, 5, {0: 1, 1: -2}), Quotient(-10, 9, {0: -1, 2: 3})])
    assert found == Quotient(-4, 3, {1: -2, 2: 3})
    assert power_of(Quotient(-2, 3, {0: 2}), -3) == Quotient(-27, 8, {0: -6})
