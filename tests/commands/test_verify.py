"""`symjax verify`: one verdict a line, whatever the line holds."""

import io
import json
import subprocess
import sys

import pytest

from symjax import tasks
from symjax.commands import verify


def verdicts(task, *lines):
    output = io.StringIO()
    raw = b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines)
    verify.verify_lines(tasks.load(task), io.BytesIO(raw), output)
    return [json.loads(line) for line in output.getvalue().splitlines()]


def line(problem, answer):
    return {"problem": problem, "answer": answer}


def test_prefix_foreign_and_infix_are_read_and_answered_in_order():
    found = verdicts(
        "integration",
        line("sub Y' pow x INT- 1", "ln x"),
        line("1/x", "ln(x) + a8"),
        line("pow x INT- 1", "log(2*x)"),
        line("Y' - 1/x", ["ln", "x"]),
        line("x", "x"),
    )
    assert [row["verdict"] for row in found] == ["proved"] * 4 + ["refuted"]
    assert all(set(row) == {"verdict", "evidence", "seconds"} and row["seconds"] >= 0 for row in found)


@pytest.mark.parametrize(
    ("task", "problem", "answer", "expected"),
    [
        ("ode1", "Y' - Y", "a8*exp(x)", "proved"),
        ("ode1", "sub Y' Y", "mul a8 exp x", "proved"),
        ("ode2", "Y'' + Y", "a8*cos(x) + a9*sin(x)", "proved"),
        ("ode2", "Y'' + Y", "a8*cos(x) + a9*exp(x)", "refuted"),
        ("prim_fwd", "sub Y' x", "div pow x INT+ 2 INT+ 2", "proved"),
        ("taylor", "exp(x)", "x0 + P1 0", "unparsable"),
    ],
)
def test_every_task_judges_its_own_answers(task, problem, answer, expected):
    if task not in tasks.names():
        pytest.skip(f"{task} is not there")
    assert verdicts(task, line(problem, answer))[0]["verdict"] == expected


@pytest.mark.parametrize(
    ("content", "where", "what"),
    [
        (b"garbage\n", "line", "not JSON"),
        (b"\xff\xfe\n", "line", "not JSON"),
        (b"\n", "line", "not JSON"),
        (b"[1]\n", "line", "problem"),
        (b'{"problem": "x"}\n', "line", "answer is no text"),
        (b'{"problem": "x", "answer": 3}\n', "line", "answer is no text"),
        (b"[" * 100_000 + b"\n", "line", "not JSON"),
        (b'{"problem": "x +", "answer": "x"}\n', "problem", "ends early"),
        (b'{"problem": "add x", "answer": "x"}\n', "problem", "end early"),
        (b'{"problem": "x", "answer": "add x"}\n', "answer", "token 2"),
        (b'{"problem": "x", "answer": "x x"}\n', "answer", "token 1"),
        (b'{"problem": "x", "answer": "foo(x)"}\n', "answer", "'foo'"),
        (b'{"problem": "x", "answer": "add x INT+"}\n', "answer", "token 2"),
        (b'{"problem": "x", "answer": "__import__(1)"}\n', "answer", "__import__"),
        (b'{"problem": "x", "answer": ""}\n', "answer", "no expression"),
        (b'{"problem": "x", "answer": "x", "problem": "1"}\n', "line", "'problem' is there twice"),
        (b'{"problem": NaN, "answer": "x"}\n', "line", "problem is no text"),
        (b'{"problem": "x", "answer": "x**', "line", "not JSON"),
        (b'{"problem": "x", "answer": "x"} x\n', "line", "not JSON"),
        (b'{"problem": "x", "answer": "x\\u0000"}\n', "answer", "character 1"),
        (b'{"problem": "x", "answer": "\\ud800"}\n', "answer", "character 0"),
        (b'{"problem": "x", "answer": "x**2/2 + C"}\n', "answer", "character 9: unknown name 'C'"),
    ],
)
def test_bad_lines_are_unparsable_and_say_where(content, where, what):
    (row,) = verdicts("integration", content)
    assert row["verdict"] == "unparsable"
    assert row["evidence"]["reason"] == where
    assert what in row["evidence"]["detail"]


def test_a_line_that_is_too_long_is_named_and_the_next_is_read():
    long = b'{"problem": "x", "answer": "' + b"x " * 3_000_000 + b'"}\n'
    first, second = verdicts("integration", long, line("x", "x**2/2"))
    assert (first["verdict"], second["verdict"]) == ("unparsable", "proved")


def test_an_answer_beyond_all_limits_is_undetermined_and_quick():
    rows = verdicts("integration", line("x", "exp " * 5000 + "x"), line("x", "add x " * 5_000 + "x"))
    assert [row["verdict"] for row in rows] == ["undetermined", "refuted"]


def test_the_command_needs_neither_jax_nor_sympy():
    program = (
        "import sys; from symjax import cli; code = cli.main(['verify', '--task=integration']);"
        "print(code, sorted({'jax', 'sympy', 'flax'} & set(sys.modules)))"
    )
    text = json.dumps(line("1/x", "ln(x)")) + "\n"
    done = subprocess.run([sys.executable, "-c", program], input=text, capture_output=True, text=True, check=True)
    verdict, end = done.stdout.splitlines()
    assert json.loads(verdict)["verdict"] == "proved"
    assert end == "0 []"


def test_strict_refutes_what_fails_at_a_real_point():
    text = json.dumps(line("abs(x)", "x**2/2")) + "\n"
    for flags, expected in ([], "proved"), (["--strict"], "refuted"):
        command = [sys.executable, "-m", "symjax.cli", "verify", "--task=integration", *flags]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
        assert json.loads(done.stdout)["verdict"] == expected


def test_strict_is_refused_where_it_means_nothing():
    command = [sys.executable, "-m", "symjax.cli", "verify", "--task=ode1", "--strict"]
    done = subprocess.run(command, input="", capture_output=True, text=True)
    assert done.returncode == 2
    assert "ode1 has no --strict" in done.stderr


def test_equations_are_read_as_people_and_sympy_write_them():
    answer = "a8*exp(x)"
    found = verdicts(
        "ode1",
        line("Derivative(f(x), x) - f(x)", answer),
        line("y' - y", answer),
        line("y'(x) = y(x)", answer),
        line("sub derivative f x x f x", answer),
        line("y' = y = 1", answer),
    )
    assert [row["verdict"] for row in found] == ["proved"] * 4 + ["unparsable"]
    (row,) = verdicts("ode2", line("f(x) + Derivative(f(x), (x, 2)) = 0", "a8*sin(x + a9)"))
    assert row["evidence"]["solution"] == "general"


def test_a_closed_output_is_refused():
    command = f"{sys.executable} -m symjax.cli verify --task=integration >&-"
    done = subprocess.run(command, shell=True, input="", capture_output=True, text=True)
    assert done.returncode == 2
    assert "standard output is closed" in done.stderr


def test_an_unknown_task_is_refused():
    done = subprocess.run(
        [sys.executable, "-m", "symjax.cli", "verify", "--task=chess"], input="", capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "chess" in done.stderr
