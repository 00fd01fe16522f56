import random
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symjax.symbolic.printing import to_infix
from symjax.symbolic.reader import MAX_NESTING, Limits, ReadError, read_infix
from symjax.symbolic.sampling import LengthSampler, SeedSampler
from symjax.tokenization.prefix import write


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("x", "x"),
        (" x +\n1 ", "add x INT+ 1"),
        ("x-x-x", "sub sub x x x"),
        ("x^2", "pow x INT+ 2"),
        ("x**x**x", "pow x pow x x"),
        ("2*x/3", "div mul INT+ 2 x INT+ 3"),
        ("sin(cos(x))", "sin cos x"),
        ("sq(x)+cb(x)", "add sq x cb x"),
        ("log(x)", "ln x"),
        ("arcsin(x)*arctanh(x)", "mul asin x atanh x"),
        ("-2", "INT- 2"),
        ("-(2)", "INT- 2"),
        ("-0", "INT+ 0"),
        ("+x", "x"),
        ("-x", "mul INT- 1 x"),
        ("--2", "mul INT- 1 INT- 2"),
        ("-2**2", "mul INT- 1 pow INT+ 2 INT+ 2"),
        ("(-2)**2", "pow INT- 2 INT+ 2"),
        ("x**-2", "pow x INT- 2"),
        ("2.50", "div INT+ 5 INT+ 2"),
        ("-0.5", "div INT- 1 INT+ 2"),
        (".5*x", "mul div INT+ 1 INT+ 2 x"),
        ("3.", "INT+ 3"),
        ("007", "INT+ 7"),
        ("1/0", "div INT+ 1 INT+ 0"),
        ("2**-x**2", "pow INT+ 2 mul INT- 1 pow x INT+ 2"),
        ("2**-x*3", "mul pow INT+ 2 mul INT- 1 x INT+ 3"),
        ("-x*2", "mul mul INT- 1 x INT+ 2"),
        ("x--2", "sub x INT- 2"),
        ("-+2", "mul INT- 1 INT+ 2"),
        ("x/2*3-1", "sub mul div x INT+ 2 INT+ 3 INT+ 1"),
        ("a0*y + Y' - Y''*Y", "sub add mul a0 y Y' mul Y'' Y"),
        ("pi*E/I", "div mul pi E I"),
        ("Abs(x)*sgn(x)/arcsec(x)", "div mul abs x sign x asec x"),
        ("rac(x+1, 3)", "rac add x INT+ 1 INT+ 3"),
        ("h(x, g(y, (z)), -1)", "h x g y z INT- 1"),
        ("Derivative(f(x), x)", "derivative f x x"),
        ("(x)**2", "pow x INT+ 2"),
        ("1/(x)", "div INT+ 1 x"),
    ],
)
def test_text_reads_as_documented(text, tokens):
    assert write(read_infix(text)) == tuple(tokens.split())


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("", 0, "no expression"),
        ("   ", 0, "no expression"),
        ("(", 1, "ends early"),
        ("(x", 2, "1 closing parenthesis is missing"),
        ("((x", 3, "2 closing parentheses are missing"),
        ("x)", 1, "closes nothing"),
        ("()", 1, "operand is missing"),
        ("sin()", 4, "operand is missing"),
        ("x+", 2, "ends early"),
        ("x+*2", 2, "operand is missing before"),
        ("*x", 0, "operand is missing before"),
        ("x//2", 2, "operand is missing before"),
        ("2x", 1, "write \\* for a product"),
        ("x x", 2, "write \\* for a product"),
        ("x(2)", 1, "write \\* for a product"),
        ("(x)(x)", 3, "write \\* for a product"),
        ("2 3", 2, "write \\* for a product"),
        ("sin x", 4, "sin\\(x\\)"),
        ("sin", 3, "in parentheses"),
        ("sin+x", 3, "in parentheses"),
        ("foo(1)", 0, "unknown name 'foo'"),
        ("x + w", 4, "unknown name 'w'"),
        ("1e5", 1, "unknown name 'e5'"),
        ("lambda: x", 0, "unknown name 'lambda'"),
        ("__import__('os').system('true')", 0, "unknown name"),
        ("x if x else x", 2, "unknown name 'if'"),
        ("x.real", 1, "does not belong"),
        ("x=1", 1, "does not belong"),
        ("x;x", 1, "does not belong"),
        ("sin(x,x)", 5, "does not belong"),
        ("x,x", 1, "does not belong"),
        ("rac((x,x),x)", 6, "does not belong"),
        ("rac(x)", 5, "rac takes 2 operands, got 1"),
        ("rac(x,,x)", 6, "operand is missing before ','"),
        ("rac(x,", 6, "ends early"),
        ("Y'''", 3, "does not belong"),
        ("x'", 1, "does not belong"),
        ("Y'(x)", 2, "write \\* for a product"),
        ("add(x,x)", 0, "unknown name 'add'"),
        ("1^", 2, "missing after '\\^'"),
        ("[x]", 0, "does not belong"),
        ("'x'", 0, "does not belong"),
        ("x\u3000+1", 1, "does not belong"),
        ("\u00b2", 0, "does not belong"),
        ("\uff58", 0, "does not belong"),
        ("x\x00", 1, "does not belong"),
    ],
)
def test_what_is_no_expression_is_refused_with_its_place(text, position, reason):
    with pytest.raises(ReadError, match=reason) as caught:
        read_infix(text)
    assert caught.value.position == position


HOSTILE = {
    "parentheses": "(" * 1_000_000,
    "closed parentheses": "(" * 4000 + "x" + ")" * 4000,
    "functions": "sin(" * 2000 + "x" + ")" * 2000,
    "powers": "x" + "**x" * 3000,
    "signs": "-" * 9000 + "x",
    "sum": "x" + "+x" * 4900,
    "million": "x" * 1_000_000,
    "digits": "9" * 9000,
    "power of powers": "9**" * 3000 + "9",
    "blanks": " " * 1_000_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_refused_at_once(name):
    started = time.process_time()
    with pytest.raises(ReadError):
        read_infix(HOSTILE[name])
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    "text",
    [
        "-" * 999 + "x",
        "x" + "**x" * 499,
        "x" + "+x" * 499,
        "(" * MAX_NESTING + "x" + ")" * MAX_NESTING,
        "sin(" * MAX_NESTING + "x" + ")" * MAX_NESTING,
        "x**(" * MAX_NESTING + "-" * 400 + "x" + ")" * MAX_NESTING,
        "9" * 1000,
        "9**9**9**9",
    ],
)
def test_text_at_the_limits_is_read(text):
    assert read_infix(text).size >= 1


@given(st.text(alphabet="x12.0+-*/^(), sincoqrtlgYa'\n", max_size=30))
def test_any_text_is_read_or_refused(text):
    try:
        expr = read_infix(text)
    except ReadError as error:
        place = error.position
    else:
        assert read_infix(to_infix(expr)) is expr
        place = 0
    assert 0 <= place <= len(text)


@pytest.mark.parametrize("sampler", [SeedSampler(5, False, (0, 1, -2, 13)), LengthSampler(1, 15, integers=(2, -3))])
def test_reading_inverts_printing(sampler):
    rng = random.Random(7)
    for _ in range(1500):
        expr = sampler(rng)
        assert read_infix(to_infix(expr)) is expr


def test_reading_needs_neither_sympy_nor_jax():
    code = (
        "import sys; from symjax.symbolic.reader import read_infix; read_infix('x+1');"
        "sys.exit(bool({'sympy', 'jax', 'flint'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_task_may_know_some_of_the_names_only():
    words = ("add", "sin", "x", "pi", "asin")
    assert write(read_infix("sin(x + pi)*arcsin(x)", words=words)) == ("mul", "sin", "add", "x", "pi", "asin", "x")
    for text, position in (("sec(x)", 0), ("x + y", 4), ("x*E", 2), ("sin(Y')", 4), ("arccos(x)", 0)):
        with pytest.raises(ReadError, match=r"unknown name .*; known: x, pi, sin, asin, arcsin$") as caught:
            read_infix(text, words=words)
        assert caught.value.position == position


def test_larger_text_is_read_where_it_is_allowed():
    deep = "(" * 2000 + "x" + ")" * 2000
    assert write(read_infix(deep, limits=Limits(pieces=5000, nesting=2000))) == ("x",)
    with pytest.raises(ReadError, match="more than 1999 parentheses"):
        read_infix(deep, limits=Limits(pieces=5000, nesting=1999))
