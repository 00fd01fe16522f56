"""SymPy, one call at a time, in a watched process: what hangs, eats the memory or aborts costs that call.

The slow reference beside the rules.  A clock decides whether there is an answer, nothing here is certified, and
nothing that must be reproducible may use it.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self

from symjax.processes import Failure, Lost, Watched
from symjax.symbolic.expression import Expression
from symjax.symbolic.reference import MEMORY_LIMIT, PATIENCE, Encoded, decode, encode
from symjax.symbolic.series import Refusal
from symjax.symbolic.sympy_bridge import MAX_DEPTH, UnknownToTable, from_sympy, to_sympy

Argument = tuple[str, tuple[Encoded, ...], tuple[str, ...]]

LOST: Final[tuple[Failure, ...]] = ("time_limit", "memory_limit", "worker_died", "worker_error")
"""Why a call that was lost gave nothing."""

_FAILURES: Final = (
    NotImplementedError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError,
)  # fmt: skip
"""What SymPy raises where it fails."""


class SympySteps:
    """Calls of SymPy, each under limits, in a worker that is killed and replaced at need.

    Use it as a context manager, or call `close`.  A lost call gives a Refusal: "time_limit", "memory_limit",
    "worker_died" or "worker_error".

    Args:
      seconds: limit of one call, as `reference.SympyEngine` has it.
      memory_limit: bytes of address space of the worker.
      function: what the worker runs.
    """

    def __init__(
        self,
        *,
        seconds: float,
        memory_limit: int | None = MEMORY_LIMIT,
        function: Callable[[Argument], tuple[str, Any]] | None = None,
    ) -> None:
        self._watched = Watched(
            _WithSympy(function or step),
            time_limit=PATIENCE * seconds,
            memory_limit=memory_limit,
            cpu_limit=seconds,
        )

    def call(self, name: str, *exprs: Expression, words: tuple[str, ...] = ()) -> Any | Refusal:
        """What step `name` makes of raw expressions: an Expression, a list of them or a truth value; or why not."""
        deepest = max((expr.depth for expr in exprs), default=0)
        if deepest > MAX_DEPTH:
            return Refusal("too_deep", f"{deepest} operators are nested; SymPy takes at most {MAX_DEPTH}")
        try:
            status, found = self._watched.call((name, tuple(map(encode, exprs)), words))
        except Lost as lost:
            return Refusal(lost.failure, str(lost))
        if status == "expressions":
            return [decode(encoded) for encoded in found]
        if status == "expression":
            return decode(found)
        return found if status == "truth" else Refusal(status, found)

    def expression(self, name: str, *exprs: Expression, words: tuple[str, ...] = ()) -> Expression | Refusal:
        """As `call`, of a step that makes one expression."""
        return self.call(name, *exprs, words=words)

    def close(self) -> None:
        """Ends the worker."""
        self._watched.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _WithSympy:
    """A function whose process has loaded SymPy before its first call: loading takes longer than some calls may."""

    def __init__(self, function: Callable[[Argument], tuple[str, Any]]) -> None:
        self._function = function

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _loaded, (self._function,)

    def __call__(self, argument: Argument) -> tuple[str, Any]:
        return self._function(argument)


def _loaded(function: Callable[[Argument], tuple[str, Any]]) -> Callable[[Argument], tuple[str, Any]]:
    """`function`, once SymPy is there; what a worker unpickles."""
    import sympy
    import sympy.integrals.risch

    sympy.simplify(sympy.Symbol("x") - 1)
    return function


class StepRefused(Exception):  # noqa: N818 (named for what happened)
    """A step has no answer: `reason` and a sentence."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail)
        self.reason = reason


def step(argument: Argument) -> tuple[str, Any]:
    """(status, value) of one step; without limits: for a worker of `processes`."""
    name, encoded, words = argument
    try:
        found = _STEPS[name](*(to_sympy(decode(one), foreign=True) for one in encoded), *words)
        if isinstance(found, bool):
            return "truth", found
        if isinstance(found, list):
            return "expressions", [encode(from_sympy(one, foreign=True)) for one in found]
        return "expression", encode(from_sympy(found, foreign=True))
    except StepRefused as refused:
        return refused.reason, str(refused)
    except UnknownToTable as error:
        return "not_elementary", str(error)[:200]
    except _FAILURES as error:
        return "sympy_error", f"{type(error).__name__}: {str(error)[:200]}"


def variable() -> Any:
    """x, real and not 0."""
    import sympy

    return sympy.Symbol("x", real=True, nonzero=True)


def unknown() -> Any:
    """f(x)."""
    import sympy

    return sympy.Function("f", real=True, nonzero=True)(variable())


def finite(expr: Any) -> Any:
    """`expr`, if it holds nothing infinite or undefined."""
    import sympy

    if expr.has(sympy.nan, sympy.zoo, sympy.oo, -sympy.oo, sympy.AccumBounds):
        raise StepRefused("undefined", str(expr)[:200])
    return expr


def without_constant(expr: Any) -> Any:
    """`expr` without its summands that do not depend on x."""
    import sympy

    return sympy.Add(*(term for term in sympy.Add.make_args(expr) if term.has(variable())))


def _build(expr: Any) -> Any:
    import sympy

    if finite(expr).has(sympy.I):
        raise StepRefused("complex", str(expr)[:200])
    return expr


def _derivative(expr: Any) -> Any:
    import sympy

    return finite(sympy.diff(expr, variable()))


def _simplify(expr: Any) -> Any:
    import sympy

    return finite(sympy.simplify(expr))


def _integrate(expr: Any) -> Any:
    """An elementary antiderivative: first by the Risch algorithm, where it is implemented, then by all methods."""
    import sympy
    from sympy.integrals.risch import NonElementaryIntegral

    found = sympy.integrate(expr, variable(), risch=True)
    if found.has(NonElementaryIntegral):
        raise StepRefused("not_elementary", "proved to have no elementary antiderivative")
    found = found.doit()
    if found.has(sympy.Integral):
        raise StepRefused("unsolved", "an integral is left")
    if found.has(sympy.Piecewise):
        raise StepRefused("piecewise", "the antiderivative has cases")
    return finite(without_constant(found))


def _solve_for(expr: Any, name: str) -> list[Any]:
    """The solutions of expr = 0 for a symbol that depend on x."""
    import sympy

    found = sympy.solve(expr, sympy.Symbol(name, real=True), check=False, simplify=False)
    chosen = [one for one in found if isinstance(one, sympy.Expr) and not one.has(sympy.Piecewise)]
    return [finite(one) for one in chosen if one.has(variable())]


def _absorb(expr: Any, name: str) -> Any:
    """`expr` with the largest group without x that holds all of a constant's occurrences replaced by the constant."""
    import sympy

    x, constant = variable(), sympy.Symbol(name, real=True)

    def absorb(node: Any) -> Any:
        if not node.has(x):
            return constant
        own = [arg for arg in node.args if arg.has(constant)]
        moving = [arg for arg in node.args if arg.has(x)]
        if (node.is_Add or node.is_Mul) and own and not any(arg in moving for arg in own):
            return node.func(*moving, constant)
        if len(own) == 1:
            return node.func(*(absorb(arg) if arg is own[0] else arg for arg in node.args))
        return node

    return absorb(expr) if expr.has(x, constant) else expr


def _equation(expr: Any, order: str) -> Any:
    """The factors of the derivative of `expr` by x that hold the derivative of f of that order."""
    import sympy

    slope = sympy.Derivative(unknown(), (variable(), int(order)))
    found = sympy.factor(sympy.together(sympy.diff(expr, variable())))
    kept = [factor for factor in sympy.Mul.make_args(found) if factor.has(slope) and not _is_inverse(factor)]
    if not kept:
        raise StepRefused("no_derivative", f"the derivative of order {order} is gone")
    return finite(sympy.Mul(*kept))


def _is_inverse(factor: Any) -> bool:
    return bool(factor.is_Pow and factor.exp.is_number and factor.exp.is_negative)


def _dsolve(expr: Any) -> list[Any]:
    """Right sides of the explicit solutions of expr = 0, constants named a8 and a9."""
    import sympy

    found = sympy.dsolve(expr, unknown())
    named = {sympy.Symbol(f"C{place}"): sympy.Symbol(name, real=True) for place, name in ((1, "a8"), (2, "a9"))}
    solutions = [one.rhs for one in (found if isinstance(found, list) else [found]) if one.lhs == unknown()]
    if not solutions:
        raise StepRefused("implicit", "SymPy gives the solution in implicit form only")
    return [finite(one.xreplace(named)) for one in solutions if not one.has(sympy.Integral, unknown())]


def _is_zero(expr: Any) -> bool:
    import sympy

    return sympy.simplify(expr) == 0


def _solves(problem: Any, hypothesis: Any) -> bool:
    """Whether SymPy simplifies the problem, with the hypothesis for f(x), to 0."""
    import sympy

    return sympy.simplify(problem.subs(unknown(), hypothesis).doit()) == 0


_STEPS: Final[dict[str, Callable[..., Any]]] = {
    "build": _build,
    "derivative": _derivative,
    "simplify": _simplify,
    "integrate": _integrate,
    "without_constant": without_constant,
    "solve_for": _solve_for,
    "absorb": _absorb,
    "equation": _equation,
    "dsolve": _dsolve,
    "is_zero": _is_zero,
    "solves": _solves,
}
