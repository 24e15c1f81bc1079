"""Tools of the engineer and the reviewer: lines with their numbers, places to look at, sizes of functions."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from apps.api.errors import InvalidInput
from apps.opie.tools.specialities.tables import bullets, require_text, table

Language = Literal["any", "python", "javascript", "java", "go", "sql", "php"]

LONGEST_LINE = 200
MOST_FOUND = 100
LONG_FUNCTION, MANY_BRANCHES, MANY_PARAMETERS, DEEP = 30, 10, 5, 4


@dataclass(frozen=True, slots=True)
class Sign:
    """A pattern of code that is worth a look."""

    pattern: re.Pattern[str]
    severity: str
    what: str
    category: str


def _sign(pattern: str, severity: str, what: str, category: str) -> Sign:
    return Sign(re.compile(pattern, re.IGNORECASE), severity, what, category)


INJECTION, CRYPTO, CONFIGURATION, INTEGRITY = "A03 injection", "A02 cryptographic failures", "A05 security misconfiguration", "A08 software and data integrity"  # fmt: skip
SIGNS = (
    _sign(r"(?:password|passwd|secret|api_?key|token)\w*\s*[:=]\s*[\"'][^\"'\s{}$<]{6,}[\"']", "critical", "a secret written into the code", "A07 authentication failures"),
    _sign(r"-----BEGIN (?:RSA |EC |OPENSSH )?PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b", "critical", "a private key or an access key", "A07 authentication failures"),
    _sign(r"(?:execute|query|raw|prepare)\w*\s*\(\s*(?:f[\"']|[\"'][^\"']*[\"']\s*(?:\+|%|\.\s*\$|\.format))", "critical", "SQL put together from text", INJECTION),
    _sign(r"[\"'`]\s*(?:SELECT|INSERT INTO|UPDATE|DELETE FROM)\b[^\"'`]*(?:[\"']\s*(?:\+|\.\s*\$)|\$\{|\{\w+\})", "critical", "SQL put together from text", INJECTION),
    _sign(r"(?<![\w.])(?:eval|exec)\s*\(|new Function\s*\(", "critical", "text is run as code", INJECTION),
    _sign(r"shell\s*=\s*True|os\.system\s*\(|child_process\.exec\s*\(|shell_exec\s*\(|Runtime\.getRuntime\(\)\.exec", "critical", "a command goes through a shell", INJECTION),
    _sign(r"\.innerHTML\s*=|dangerouslySetInnerHTML|document\.write\s*\(|\|\s*safe\b|mark_safe\s*\(|v-html", "major", "HTML is put in without being escaped", INJECTION),
    _sign(r"pickle\.loads?\s*\(|yaml\.load\s*\((?!.*Safe)|unserialize\s*\(|ObjectInputStream|Marshal\.load", "critical", "foreign data is made into objects", INTEGRITY),
    _sign(r"\b(?:md5|sha1)\b\s*\(|hashlib\.(?:md5|sha1)|MessageDigest\.getInstance\([\"'](?:MD5|SHA-?1)", "major", "a hash that is broken", CRYPTO),
    _sign(r"\brandom\.(?:random|randint|choice)\s*\(|Math\.random\s*\(", "minor", "a random number that can be guessed: not for secrets", CRYPTO),
    _sign(r"verify\s*=\s*False|rejectUnauthorized\s*:\s*false|InsecureSkipVerify\s*:\s*true|CURLOPT_SSL_VERIFYPEER\s*,\s*(?:false|0)", "critical", "certificates are not checked", CRYPTO),
    _sign(r"\bDEBUG\s*=\s*True|debug\s*=\s*True|app\.run\(.*debug", "major", "debugging is on", CONFIGURATION),
    _sign(r"Access-Control-Allow-Origin.{0,5}\*|CORS_ALLOW_ALL|csrf_exempt|allow_origins\s*=\s*\[[\"']\*", "major", "a protection of the browser is off", CONFIGURATION),
    _sign(r"^\s*except\s*:\s*(?:#.*)?$|except Exception\s*:\s*pass|catch\s*\([^)]*\)\s*\{\s*\}", "major", "errors are swallowed", "A09 logging and monitoring failures"),
    _sign(r"(?<!\w)(?:log(?:ger|ging)?\.\w+|print|console\.\w+)\(.*(?:password|secret|token|card_?number)", "major", "a secret may go into the log", "A09 logging and monitoring failures"),
    _sign(r"\b(?:TODO|FIXME|XXX|HACK)\b", "minor", "something is left to do", "maintainability"),
)  # fmt: skip

POINTS = (
    "Correctness: does it do what it says, at the edges too",
    "Security: OWASP Top 10, trust in what comes from outside",
    "Errors: what fails is noticed, told and cleaned up",
    "Data and concurrency: transactions, races, idempotence",
    "Performance: queries in loops, growth with the data, memory",
    "Design: one responsibility, dependencies in one direction, no needless parts",
    "Readability: names, length, nesting, comments that say why",
    "Tests: behaviour at the edges, failures, no test that cannot fail",
    "Interfaces: compatibility, validation, documentation, versions",
    "Operations: configuration, logging, metrics, migration, rollback",
)
OF_LANGUAGE: dict[str, tuple[str, ...]] = {
    "python": ("mutable default arguments", "late binding in closures", "naive datetimes", "blocking calls in async code", "bare except"),
    "javascript": ("== instead of ===", "promises without await or catch", "listeners that are never removed", "prototype pollution", "innerHTML"),
    "java": ("resources without try-with-resources", "equals without hashCode", "shared mutable state", "Optional.get unchecked", "SimpleDateFormat in threads"),
    "go": ("errors that are dropped", "goroutines without an end", "defer in loops", "shared maps without a lock", "contexts not passed on"),
    "sql": ("queries without an index", "NULL in NOT IN", "implicit type conversion", "missing constraints", "locks held for long"),
    "php": ("== with strings", "unescaped output", "include of a path from outside", "sessions not renewed after sign-in", "mysqli without prepared statements"),
}  # fmt: skip


def number_lines(code: str, first: int = 1) -> str:
    """The code with a number before each line, so that findings can name lines that are right.

    Args:
        code: The code as it was given.
        first: The number of its first line.
    """
    require_text(code, "the code")
    lines = code.rstrip("\n").split("\n")
    width = len(str(first + len(lines) - 1))
    return "\n".join(f"{number:>{width}}  {line}" for number, line in enumerate(lines, start=first))


def scan_code(code: str, first: int = 1) -> str:
    """Places in code that are known to be dangerous, with line, severity and category of the OWASP Top 10 (2021).

    It finds patterns and no proofs: look at each place, and at what no pattern finds.

    Args:
        code: The code as it was given, in any language.
        first: The number of its first line.
    """
    require_text(code, "the code")
    found = list(_found(code, first))[:MOST_FOUND]
    if not found:
        return "None of the patterns is in it. That proves nothing: read it all the same."
    rows = [
        (line, sign.severity, sign.what, sign.category, f"`{text.strip()[:LONGEST_LINE]}`")
        for line, sign, text in found
    ]
    return table(["Line", "Severity", "What", "Category", "Code"], rows)


def measure_python(code: str) -> str:
    """Length, branches, parameters and depth of each Python function, and which are too large.

    Args:
        code: Python code.
    """
    require_text(code, "the code")
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        raise InvalidInput(f"That is not Python that can be read{f': line {line}' if line else ''}.") from None
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    if not functions:
        return "There are no functions in it."
    rows = [(node.lineno, node.name, *_sizes(node), "; ".join(_too_much(node)) or "fine") for node in functions]
    return table(["Line", "Function", "Lines", "Branches", "Parameters", "Depth", "Verdict"], rows)


def review_checklist(language: Language = "any") -> str:
    """The ten points of a review, and what is often wrong in this language.

    Args:
        language: The language of the code, or any.
    """
    points = "\n".join(f"{place}. {point}" for place, point in enumerate(POINTS, start=1))
    often = OF_LANGUAGE.get(language, ())
    return points + (f"\n\nOften wrong in {language}:\n\n{bullets(often)}" if often else "")


def _found(code: str, first: int) -> Iterator[tuple[int, Sign, str]]:
    for number, line in enumerate(code.split("\n"), start=first):
        seen: set[str] = set()
        for sign in SIGNS:
            if sign.what not in seen and sign.pattern.search(line[:2000]):
                seen.add(sign.what)
                yield number, sign, line


def _sizes(node: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[int, int, int, int]:
    length = (node.end_lineno or node.lineno) - node.lineno + 1
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    parameters = [one for one in given if one.arg not in ("self", "cls")]
    return length, _branches(node), len(parameters), _depth(node)


def _branches(node: ast.AST) -> int:
    """Cyclomatic complexity: one, and one more for each place where the way parts."""
    parts = (ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.comprehension, ast.match_case, ast.Assert)  # fmt: skip
    more = sum(isinstance(one, parts) for one in ast.walk(node))
    return 1 + more + sum(len(one.values) - 1 for one in ast.walk(node) if isinstance(one, ast.BoolOp))


def _depth(node: ast.AST) -> int:
    nests = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.Match)
    inner = [_depth(child) for child in ast.iter_child_nodes(node)]
    return max(inner, default=0) + isinstance(node, nests)


def _too_much(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    sizes = zip(_sizes(node), (LONG_FUNCTION, MANY_BRANCHES, MANY_PARAMETERS, DEEP), ("lines", "branches", "parameters", "levels"), strict=True)  # fmt: skip
    for size, most, what in sizes:
        if size > most:
            yield f"more than {most} {what}"
