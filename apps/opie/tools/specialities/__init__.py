"""The tools that make a specialist more than a prompt: code where code is better than a model.

Each takes what the model found out and computes what follows from it, the same for the same input. None reads or
changes anything.
"""

from apps.opie.tools.registry import ToolFunction, register_tool
from apps.opie.tools.specialities import (
    code,
    design,
    finance,
    law,
    operations,
    people,
    planning,
    product,
    quality,
    releases,
    requirements,
    research,
    schedules,
    triage,
    writing,
)

LABELS: tuple[tuple[ToolFunction, str], ...] = (
    (requirements.check_requirement, "Check a requirement"),
    (requirements.check_user_story, "Check a user story"),
    (product.score_rice, "RICE scores"),
    (product.prioritise_moscow, "MoSCoW split"),
    (planning.risk_matrix, "Risk matrix"),
    (planning.estimate_three_points, "Three-point estimate"),
    (planning.plan_sprint, "Sprint plan"),
    (planning.sprint_capacity, "Sprint capacity"),
    (planning.forecast_sprints, "Forecast of sprints"),
    (planning.sprint_timeboxes, "Scrum timeboxes"),
    (schedules.critical_path, "Critical path"),
    (code.number_lines, "Number lines of code"),
    (code.scan_code, "Scan code for risks"),
    (code.measure_python, "Measure Python functions"),
    (code.review_checklist, "Review checklist"),
    (operations.check_manifest, "Check a Kubernetes manifest"),
    (operations.check_dockerfile, "Check a Dockerfile"),
    (operations.error_budget, "Error budget"),
    (quality.boundary_values, "Boundary values"),
    (quality.pairwise_cases, "Pairwise combinations"),
    (quality.trace_coverage, "Coverage of requirements"),
    (triage.classify_bug, "Severity and priority"),
    (triage.similar_reports, "Similar reports"),
    (law.legal_deadline, "Legal deadline"),
    (law.check_processing_agreement, "Check a processing agreement"),
    (people.check_job_advert, "Check a job advert"),
    (people.onboarding_dates, "Onboarding dates"),
    (finance.return_on_investment, "Return on investment"),
    (finance.net_present_value, "Net present value"),
    (finance.internal_rate_of_return, "Internal rate of return"),
    (finance.break_even, "Break-even"),
    (finance.compare_budget, "Plan against actual"),
    (finance.profit_and_loss, "Profit and loss"),
    (writing.readability, "Readability"),
    (writing.check_openapi, "Check an OpenAPI document"),
    (design.contrast_ratio, "Contrast ratio"),
    (design.usability_score, "System Usability Scale"),
    (research.size_market, "Market size"),
    (research.growth_rate, "Growth rate"),
    (research.grade_sources, "Grade sources"),
    (research.weigh_options, "Weigh options"),
    (releases.next_version, "Next version"),
    (releases.write_changelog, "Changelog"),
)


def register_specialist_tools() -> None:
    for function, label in LABELS:
        register_tool(function, label=label, reads_only=True)
