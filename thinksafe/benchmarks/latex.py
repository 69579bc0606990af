"""LaTeX answers in a plain form, and whether two of them are one expression."""

import math
import re
from typing import Any

_GONE = re.compile(
    r"\\left|\\right|(?<!\\)\\[!,;: ]|\\quad|\\displaystyle|\^\{\\circ\}|\^\\circ|\\degree|\\\$|\$|\\%|%|\s+|~"
)
_UNITS = re.compile(r"\\(?:text|mbox)\{\s[^{}]*\}(?:\^\{?\d\}?)?$")
_WRAPPED = re.compile(r"\\(?:text|textbf|mathrm|mathbf|mbox)\{([^{}]*)\}")
_NAMES = {"\\dfrac": "\\frac", "\\tfrac": "\\frac", "\\cfrac": "\\frac", "{array}": "{pmatrix}", "bmatrix": "pmatrix",
          "\\neq": "\\ne", "\\leq": "\\le", "\\geq": "\\ge", "infinity": "\\infty"}  # fmt: skip


def plain(answer: str) -> str:
    r"""The answer without spaces, units, \left, \right, signs of degree, dollar, per cent; fractions in one form."""
    text = _UNITS.sub("", answer.strip().rstrip("."))
    text = _WRAPPED.sub(r"\1", text)
    for old, new in _NAMES.items():
        text = text.replace(old, new)
    text = re.sub(r"\\begin\{pmatrix\}\{[lcr|]+\}", r"\\begin{pmatrix}", text)
    text = _GONE.sub("", text).replace("\\{", "{").replace("\\}", "}")
    text = re.sub(r"\\frac(\w)(\w)", r"\\frac{\1}{\2}", text)
    text = re.sub(r"\\frac(\{[^{}]*\})(\w)", r"\\frac\1{\2}", text)
    text = re.sub(r"\\frac(\w)(\{[^{}]*\})", r"\\frac{\1}\2", text)
    text = re.sub(r"\\sqrt(\w)", r"\\sqrt{\1}", text)
    text = re.sub(r"^(-?\d+)/(\d+)$", r"\\frac{\1}{\2}", text)
    text = re.sub(r"(\d)\.0+(?!\d)", r"\1", text)  # 3.0 and 3.00, but not the 1.05 of 1.050
    return re.sub(r"(?<!\d)\.(?=\d)", "0.", text)


def same_expression(a: str, b: str, tolerance: float) -> bool:
    """Whether sympy reads both and finds them equal: in form, simplified, or as numbers to the tolerance.

    May take very long; call it where time is bounded.
    """
    import sympy

    first, second = _read(a), _read(b)
    if first is None or second is None:
        return False
    if first == second:
        return True
    if not (isinstance(first, sympy.Expr) and isinstance(second, sympy.Expr)):
        return False  # sets, relations and matrices are the same or not
    try:
        if sympy.simplify(first - second) == 0:
            return True
        numbers = [sympy.N(first), sympy.N(second)]
    except (TypeError, ValueError, AttributeError, NotImplementedError, ArithmeticError):
        return False  # sympy raises any of these for what it cannot do: then it has not found them equal
    if not all(isinstance(number, sympy.Number) for number in numbers):
        return False  # a letter is left in it, or it is complex
    return math.isclose(*map(float, numbers), rel_tol=tolerance)


def _read(text: str) -> Any:
    from latex2sympy2_extended import latex2sympy

    try:
        return latex2sympy(text)
    except Exception:  # the reader of a foreign grammar: whatever it raises means that it cannot read this
        return None
