"""The API's description says something of every address: a view that it cannot read is found here, and not by a reader."""

from pathlib import Path

from django.core.management import call_command


def test_nothing_of_the_api_is_left_undescribed(tmp_path: Path) -> None:
    described = tmp_path / "schema.yaml"
    call_command("spectacular", file=str(described), fail_on_warn=True)
    assert "/api/v1/agentos/send-message/" in described.read_text()
    assert "/widget/" not in described.read_text()
