"""The integration task: how problems are drawn, what is refused, and what counts as right."""

from __future__ import annotations

import math
import random
from collections import Counter
from typing import Any

import pytest

from symjax import tasks
from symjax.symbolic.agreement import agrees
from symjax.symbolic.canonical import canonicalise
from symjax.symbolic.tree_sampling import PRESETS
from symjax.tasks import Example, Rejection
from symjax.tasks.integration import integrand_of
from symjax.tokenization.prefix import parse

SMALL: dict[str, Any] = {"max_operators": 6, "max_problem_tokens": 64, "max_answer_tokens": 64, "code_depth": 20}
PARTS = SMALL | {"table_size": 60, "rules_fraction": 1.0, "other_operators": 3, "budget": 200}
GOOD = [
    ("sub Y' cos x", "sin x"),
    ("sub Y' inv x", "ln abs x"),  # right on both sides of the pole
    ("sub Y' inv x", "ln mul INT+ 3 x"),  # a constant of integration in disguise
    ("sub Y' mul INT+ 2 mul sin x cos x", "sub INT+ 5 sq_cos"),
    ("sub Y' mul INT+ 2 mul sin x cos x", "pow sin x INT+ 2"),
    ("sub Y' div INT+ 1 add INT+ 1 pow x INT+ 2", "mul INT- 1 acot x"),
    ("sub Y' exp x", "add exp x pi"),
    ("sub Y' div INT+ 1 sub INT+ 1 pow x INT+ 2", "atanh x"),
    ("sub Y' div INT+ 1 sub INT+ 1 pow x INT+ 2", "mul div INT+ 1 INT+ 2 ln div add INT+ 1 x sub INT+ 1 x"),
]
RIGHT = [(problem, answer.replace("sq_cos", "pow cos x INT+ 2")) for problem, answer in GOOD]
WRONG = [
    ("sub Y' cos x", "mul INT- 1 sin x"),
    ("sub Y' cos x", "sin mul INT+ 2 x"),
    ("sub Y' exp x", "add exp x mul div INT+ 1 INT+ 1 0 0 0 0 0 0 0 0 0 x"),
    ("sub Y' inv x", "ln pow x INT+ 2"),
    ("sub Y' mul INT+ 2 x", "pow x INT+ 3"),
    ("sub Y' sqrt x", "mul div INT+ 2 INT+ 3 pow x div INT+ 2 INT+ 3"),
    ("sub Y' INT+ 3", "INT+ 3"),
    ("sub Y' tan x", "ln cos x"),
]
CASES: dict[str, Any] = {
    "labels": "proved",
    "right": RIGHT,
    "wrong": WRONG,
    "unparsable": [
        ("sub Y' cos x", "", "answer"),
        ("sub Y' cos x", "add x", "more operand"),
        ("sub Y' cos x", "sin x x", "complete"),
        ("sub Y' cos x", "bogus x", "bogus"),
        ("sub Y' cos x", "INT+ 0 1", "does not start with 0"),
        ("sub Y' add x", "x", "problem: malformed"),
        ("sub Y' Y", "exp x", "problem: malformed"),
        ("sub Y'' x", "x", "problem: malformed"),
    ],
    "read": [
        ("sub Y' cos x", "sub Y' cos x"),
        ("  cos\tx ", "sub Y' cos x"),
        ("x", "sub Y' x"),
        ("7", "sub Y' INT+ 7"),
        ("x**2 + sin(x)", "sub Y' add pow x INT+ 2 sin x"),
        ("x + 1 + x", "sub Y' add add x INT+ 1 x"),
        ("Y' - cos(x)", "sub Y' cos x"),
        ("pow2(x)", "sub Y' pow2 x"),
        ("sq(x)", "sub Y' pow x INT+ 2"),  # a word of our own, written in theirs
        ("a0*exp(a1*x)", "sub Y' mul a0 exp mul a1 x"),
    ],
    "rejected": [
        ("", "malformed"),
        ("add x", "malformed"),
        ("sin(x", "malformed"),
        ("__import__('os')", "malformed"),
        ("Y + x", "malformed"),
        ("sub Y' Y", "malformed"),
        ("sub Y' f x", "malformed"),
        ("sub Y'' x", "malformed"),
        ("derivative x x", "malformed"),
        ("sin " * 40 + "x", "too_deep"),
        ("sin " * 600 + "x", "too_long"),
        ("exp exp x", "unsolved"),
        ("inv sub x x", "undefined"),
        ("x**x**x", "unsolved"),
    ],
    "bad": [
        ({"engine": "bogus"}, "no engine 'bogus'; it has: rules, sympy"),
        ({"engine_seconds": 0.0}, "engine_seconds must be above 0"),
        ({"operators": "sin:1"}, "no binary operator"),
        ({"max_operators": 0}, "max_operators must be 1 or more"),
        ({"max_operators": 201}, "max_operators must be between"),
        ({"max_problem_tokens": 2}, "max_problem_tokens must be 3 or more"),
        ({"code_depth": 2}, "code_depth must be 3 or more"),
        ({"budget": 0}, "budget must be 1 or more"),
        ({"table_size": 0}, "table_size must be 1"),
        ({"simplified_fraction": 1.5}, "simplified_fraction must be between 0 and 1"),
        ({"rules_fraction": math.nan}, "rules_fraction must be between 0 and 1"),
        ({"mix": (1.0, 1.0)}, "mix must be three numbers"),
        ({"mix": (0.0, 0.0, 0.0)}, "mix must be three numbers"),
        ({"max_int": "5"}, "max_int must be a whole number"),
        ({"leaf_probabilities": (1.0, 0.0)}, "leaf_probabilities must be four numbers"),
    ],
}
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "integration": [PARTS | {"mix": (2.0, 2.0, 1.0)}],
    "integration_fwd": [SMALL, SMALL | PRESETS["paper"] | {"max_operators": 4, "real_only": True}],
    "integration_bwd": [
        SMALL | {"variables": 2, "coefficients": 2, "leaf_probabilities": (0.6, 0.2, 0.1, 0.1)},
        {},
    ],
    "integration_ibp": [PARTS],
    "prim_fwd": [SMALL],
    "prim_bwd": [SMALL],
    "prim_ibp": [PARTS],
}
CONFORMANCE = {name: CASES | {"options": options} for name, options in OPTIONS.items()}
