"""Tools that look at text: requirements, stories, adverts, contracts, prose, OpenAPI, manifests, code."""

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.api.errors import InvalidInput
from apps.opie.tools.specialities.code import measure_python, number_lines, review_checklist, scan_code
from apps.opie.tools.specialities.law import check_processing_agreement, legal_deadline
from apps.opie.tools.specialities.operations import check_dockerfile, check_manifest, error_budget
from apps.opie.tools.specialities.people import check_job_advert, onboarding_dates
from apps.opie.tools.specialities.requirements import check_requirement, check_user_story
from apps.opie.tools.specialities.writing import check_openapi, readability, syllables


def test_a_vague_requirement_is_taken_apart() -> None:
    said = check_requirement("The system should handle large orders quickly and notify the relevant people, etc.")
    for word in ("“quickly”", "“large”", "“relevant”", "“handle”", "“etc.”", "not binding"):
        assert word in said
    assert "Measurable: does not hold yet" in said


def test_a_measurable_one_passes() -> None:
    said = check_requirement("The search shall show its first results within 500 ms for 95 % of queries.")
    assert "find no fault" in said
    assert "Measurable: holds" in said
    assert "more than one" in check_requirement("The system shall log in users and shall send a mail.")


def test_stories() -> None:
    good = "As a warehouse clerk, I want to scan a return, so that the refund starts on the same day."
    criterion = "Given a parcel with a label, when it is scanned, then the refund is queued"
    assert check_user_story(good, [criterion]).startswith("The form holds")
    said = check_user_story("As a user, I want a button and a table", ["It is fast"])
    for part in ("“user” is no role", "benefit is missing", "“and” in it", "names a solution", "no Given, no When, no Then", "fast"):  # fmt: skip
        assert part in said
    assert "does not say role" in check_user_story("Make it nice", [])


def test_adverts() -> None:
    said = check_job_advert("We want a young salesman, native speaker, a real rockstar. Fast-paced!")
    for word in ("“young”", "“salesman”", "“native speaker”", "“rockstar”", "Missing: pay", "Missing: how to apply"):
        assert word in said
    fair = "Shift leader (all backgrounds welcome), warehouse in Leeds, full-time, £34,000 per year. Apply by 3 May."
    assert "no risky words" in check_job_advert(fair)
    assert "Missing" not in check_job_advert(fair)


def test_onboarding_leaves_weekends_out() -> None:
    # 2026-03-02 is a Monday; 30 days later is Wednesday, 1 April; 90 days later Sunday, 31 May
    said = onboarding_dates("2026-03-02")
    assert "| Talk after 30 days | Wednesday, 01 April 2026 |" in said
    assert "| Talk after 90 days | Monday, 01 June 2026 |" in said
    with pytest.raises(InvalidInput):
        onboarding_dates("soon")


@pytest.mark.parametrize(
    ("duty", "start", "parts"),
    [
        ("gdpr_breach", "2026-03-06 14:30", ["Monday, 09 March 2026, 14:30"]),
        (
            "gdpr_request",
            "2026-01-31",
            ["Monday, 02 March 2026", "Thursday, 30 April 2026"],
        ),  # 28 February is a Saturday
        ("gdpr_request", "2026-03-31", ["Thursday, 30 April 2026", "Tuesday, 30 June 2026"]),
        ("ccpa_request", "2026-03-02", ["Monday, 16 March 2026", "Thursday, 16 April 2026", "Sunday, 31 May 2026"]),
        ("ccpa_opt_out", "2026-03-06", ["Friday, 27 March 2026"]),
    ],
)
def test_periods_of_the_law(duty: str, start: str, parts: list[str]) -> None:
    said = legal_deadline(duty, start)  # type: ignore[arg-type]
    for part in parts:
        assert part in said
    with pytest.raises(InvalidInput, match="start"):
        legal_deadline(duty, "last week")  # type: ignore[arg-type]


def test_a_processing_agreement_is_searched_for_its_parts() -> None:
    said = check_processing_agreement(
        "The processor acts only on documented instructions and keeps confidentiality. Audits are allowed."
    )
    assert said.count("no such words") == 7
    assert "documented instructions" in said


def test_prose() -> None:
    easy = readability("The cat sat. The dog ran. We like it.")
    assert "(easy)" in easy
    assert "9 words in 3 sentences" in easy
    hard = readability(
        "Notwithstanding organisational interdependencies, comprehensive administrative reconfiguration is simply undertaken."
    )
    assert "(very hard)" in hard
    assert "simply" in hard
    assert "Long (30 words)" in readability(" ".join(["word"] * 30) + ".")
    with pytest.raises(InvalidInput):
        readability("漢字だけ")


@pytest.mark.parametrize(
    ("word", "count"), [("cat", 1), ("table", 2), ("make", 1), ("require", 2), ("the", 1), ("idea", 2)]
)
def test_syllables(word: str, count: int) -> None:
    assert syllables(word) == count


def test_openapi_gaps() -> None:
    document = """
    openapi: 3.1.0
    components: {securitySchemes: {key: {type: apiKey}}}
    paths:
      /orders:
        get:
          operationId: orders
          parameters: [{name: page, in: query}]
          responses: {"200": {description: fine}}
        post:
          operationId: orders
          summary: Make one
          description: Makes an order.
          responses: {"201": {description: made, content: {application/json: {example: {}}}}, "400": {description: wrong}}
    """
    said = check_openapi(textwrap.dedent(document))
    assert said.startswith("2 operations, 6 gaps.")
    for part in ("GET /orders | summary", "GET /orders | description of the parameter page", "answers that fail", "orders is used twice"):  # fmt: skip
        assert part in said
    assert "POST /orders" not in said
    for wrong in ("just words", "a: [", "{}", "paths: 3", "paths: {/a: {get: 3}}"):
        with pytest.raises(InvalidInput):
            check_openapi(wrong)


BAD_POD = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
        - {name: app, image: "shop/web", env: [{name: DB_PASSWORD, value: hunter2}]}
"""
GOOD_POD = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  template:
    spec:
      securityContext: {runAsNonRoot: true}
      containers:
        - name: app
          image: registry.example.com:5000/shop/web:1.4.2
          resources: {requests: {cpu: 100m, memory: 128Mi}, limits: {memory: 256Mi}}
          readinessProbe: {httpGet: {path: /ready, port: 8000}}
          livenessProbe: {httpGet: {path: /live, port: 8000}}
          securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
"""


def test_manifests() -> None:
    said = check_manifest(BAD_POD)
    for part in (
        "without a fixed tag",
        "no limit for memory",
        "no readinessProbe",
        "runAsNonRoot",
        "DB_PASSWORD",
        "one replica",
    ):
        assert part in said
    assert said.index("high") < said.index("medium") < said.index("low")
    assert check_manifest(GOOD_POD) == "Nothing is wrong by these rules."
    assert "secret in a manifest" in check_manifest("kind: Secret\nstringData: {a: b}")
    for wrong in ("hello", "a: [", "- 1", "!!python/object:os.system {}"):
        with pytest.raises(InvalidInput):
            check_manifest(wrong)


@given(st.recursive(st.none() | st.booleans() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["spec", "template", "containers", "env", "name", "resources", "jobTemplate"]), inner, max_size=3), max_leaves=12))  # fmt: skip
def test_no_shape_of_a_manifest_breaks_the_check(spec: object) -> None:
    import json

    for kind in ("Deployment", "CronJob", "Pod"):
        assert check_manifest(json.dumps({"kind": kind, "spec": spec}))


def test_dockerfiles() -> None:
    said = check_dockerfile(
        "FROM python\nENV API_KEY=abc\nADD . /app\nRUN curl https://x | sh\nRUN apt-get install gcc"
    )
    for part in ("| 1 | python without", "| 2 | a secret", "| 3 | ADD", "| 4 | runs what", "| 5 | apt-get install", "runs as root", "no HEALTHCHECK"):  # fmt: skip
        assert part in said
    good = "FROM python:3.13-slim AS build\nCOPY . /app\nUSER app\nHEALTHCHECK CMD true"
    assert check_dockerfile(good) == "Nothing is wrong by these rules."


def test_error_budgets() -> None:
    said = error_budget(99.9, 30, 10)
    assert "43.2 minutes" in said
    assert "Left: 33.2 minutes" in said
    assert "Spent" in error_budget(99.9, 30, 44)


CODE = """\
import hashlib
password = "hunter2hunter2"
def find(name):
    cursor.execute(f"SELECT * FROM users WHERE name = '{name}'")
    return hashlib.md5(name).hexdigest()
def fine(name):
    return cursor.execute("SELECT * FROM users WHERE name = %s", (name,))
"""


def test_a_scan_names_line_and_severity() -> None:
    said = scan_code(CODE, first=10)
    for part in ("| 11 | critical | a secret", "| 13 | critical | SQL put together", "| 14 | major | a hash"):
        assert part in said
    assert "| 16 |" not in said
    assert "None of the patterns" in scan_code("def add(a, b):\n    return a + b\n")
    assert "| login" not in scan_code("login(password)\n")


def test_lines_are_numbered_from_where_they_stand() -> None:
    assert number_lines("a\n\nb\n", first=9) == " 9  a\n10  \n11  b"


def test_sizes_of_functions() -> None:
    code = "def f(a, b, c, d, e, g):\n    for x in a:\n        if x and b or c:\n            pass\n"
    # 1 + for + if + two more operands
    assert "| 1 | f | 4 | 5 | 6 | 2 | more than 5 parameters |" in measure_python(code)
    assert "no functions" in measure_python("x = 1")
    for wrong in ("def f(:", "(" * 500, "\x00x"):
        with pytest.raises(InvalidInput, match="not Python"):
            measure_python(wrong)


def test_the_ten_points() -> None:
    assert len(review_checklist().splitlines()) == 10
    assert "mutable default" in review_checklist("python")
