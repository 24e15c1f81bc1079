"""What is kept and how: audit entries for good, secrets encrypted, the demo login, and the admin over it."""

import json
import stat
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, models, transaction
from django.test import Client
from django.urls import include, path, reverse
from drf_spectacular.generators import SchemaGenerator

from apps.accounts.checks import check_keys
from apps.accounts.demo import create_demo
from apps.accounts.encryption import (
    EncryptedTextField,
    KeyMissing,
    decrypt,
    encrypt,
    encrypted_fields,
    rotate,
    rotate_field,
)
from apps.accounts.models import ApiKey, AuditEntry, Membership, Role, Team, User
from tests.accounts.conftest import PASSWORD, Person


def _entry() -> AuditEntry:
    return AuditEntry.objects.create(action="test", object_type="t", object_id="1")


@pytest.mark.parametrize("sql", ["UPDATE accounts_auditentry SET action = 'x'", "DELETE FROM accounts_auditentry"])
def test_the_database_refuses_to_change_or_delete_an_audit_entry(db: None, sql: str) -> None:
    entry = _entry()
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    with pytest.raises(TypeError):
        entry.save()
    with pytest.raises(TypeError):
        entry.delete()
    assert AuditEntry.objects.get(pk=entry.pk).action == "test"


def test_retention_may_delete_old_entries_when_it_says_so(db: None) -> None:
    _entry()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL opie.audit_retention = 'on'")
        cursor.execute("DELETE FROM accounts_auditentry")
    assert not AuditEntry.objects.exists()


def test_a_secret_is_read_back_with_the_newest_or_an_older_key_and_with_no_other(settings: Any) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.OPIE_ENCRYPTION_KEYS = [old]
    stored = encrypt("sk-secret")
    assert "secret" not in stored
    settings.OPIE_ENCRYPTION_KEYS = [new, old]
    assert decrypt(stored) == "sk-secret"
    moved = rotate(stored)
    settings.OPIE_ENCRYPTION_KEYS = [new]
    assert decrypt(moved) == "sk-secret"
    with pytest.raises(KeyMissing):
        decrypt(stored)
    assert decrypt(encrypt("")) == ""


def test_without_keys_they_come_from_the_secret_key_but_not_in_production(settings: Any) -> None:
    settings.OPIE_ENCRYPTION_KEYS = []
    stored = encrypt("text")
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another" * 10
    assert decrypt(stored) == "text"
    settings.OPIE_ENV = "production"
    with pytest.raises(ImproperlyConfigured):
        encrypt("text")


def test_keys_that_cannot_work_are_named_by_the_checks(settings: Any) -> None:
    assert check_keys(None) == []
    settings.OPIE_JWT_KEYS, settings.OPIE_ENCRYPTION_KEYS = ["short"], ["not a key", "ungültig"]
    assert [problem.id for problem in check_keys(None)] == ["accounts.E001", "accounts.E002"]


def test_every_encrypted_field_is_found_and_moved_to_the_newest_key(db: None, settings: Any) -> None:
    fields = list(encrypted_fields())
    assert fields, "platform keys are stored somewhere"
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.OPIE_ENCRYPTION_KEYS = [old]
    model, name = next((model, name) for model, name in fields if model._meta.model_name == "aiplatform")
    for number in range(2):
        model._base_manager.create(**{name: f"sk-secret-{number}" if number else ""}, **_needed(model, number))
    settings.OPIE_ENCRYPTION_KEYS = [new, old]
    out = StringIO()
    call_command("rotate_encryption_keys", stdout=out)
    assert f"{model._meta.label}.{name}: 1 re-encrypted" in out.getvalue()
    settings.OPIE_ENCRYPTION_KEYS = [new]
    assert set(model._base_manager.values_list(name, flat=True)) == {"", "sk-secret-1"}
    settings.OPIE_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(CommandError, match="encryption key is gone"):
        call_command("rotate_encryption_keys", stdout=out)
    with pytest.raises(KeyMissing):
        rotate_field(model, name)
    with pytest.raises(FieldError):
        model._base_manager.filter(**{name: "sk-secret-1"}).exists()


def _needed(model: type[models.Model], number: int) -> dict[str, Any]:
    """A value for each field that has no default, whatever the model asks for today."""
    values: dict[str, Any] = {}
    for field in model._meta.concrete_fields:
        if field.has_default() or field.null or field.blank or isinstance(field, EncryptedTextField):
            continue
        if isinstance(field, models.CharField):
            values[field.name] = field.choices[0][0] if field.choices else f"text-{number}"
    return values


def test_the_demo_user_is_made_once_and_owns_the_demo_team(db: None, settings: Any, tmp_path: Path) -> None:
    settings.OPIE_DATA_DIR, settings.OPIE_DEMO_PASSWORD = tmp_path / "data", ""
    first = create_demo()
    kept = tmp_path / "data" / "demo-login.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert json.loads(kept.read_text()) == {"email": first.email, "password": first.password}
    user = User.objects.get()
    assert user.check_password(first.password or "")
    assert (user.is_staff, user.is_superuser) == (True, True)
    membership = Membership.objects.get()
    assert (membership.team.name, membership.role, user.default_team_id) == ("Demo", Role.OWNER, membership.team_id)
    again = create_demo()
    assert (again.created, again.password) == (False, first.password)
    assert (User.objects.count(), Team.objects.count(), Membership.objects.count()) == (1, 1, 1)
    assert User.objects.get().stamp == user.stamp


def test_the_demo_command_prints_the_login_and_takes_a_password_from_outside(
    db: None, settings: Any, tmp_path: Path
) -> None:
    settings.OPIE_DATA_DIR, settings.OPIE_DEMO_PASSWORD = tmp_path, "chosen by the operator"
    out = StringIO()
    call_command("create_demo", stdout=out)
    assert "demo@example.com  password: chosen by the operator" in out.getvalue()
    assert not (tmp_path / "demo-login.json").exists()
    User.objects.get().set_password("x")
    settings.OPIE_DEMO_PASSWORD = ""
    user = User.objects.get()
    user.set_password("changed in the page")
    user.save()
    call_command("create_demo", stdout=out)
    assert "(as it was set)" in out.getvalue()
    assert User.objects.get().check_password("changed in the page")


@pytest.fixture
def admin(person: Person) -> Client:
    user = person("root")
    user.is_staff = user.is_superuser = True
    user.save()
    client = Client()
    client.force_login(user, "allauth.account.auth_backends.AuthenticationBackend")
    return client


MODELS = [
    *("user", "team", "membership", "plan", "invitation"),
    *("apikey", "refreshtoken", "signinattempt", "auditentry"),
]
RECORDS = {"refreshtoken", "signinattempt", "auditentry", "apikey", "invitation"}


@pytest.mark.parametrize("model", MODELS)
def test_everything_is_in_the_admin_and_records_cannot_be_made_there(admin: Client, model: str) -> None:
    assert admin.get(reverse(f"admin:accounts_{model}_changelist")).status_code == 200
    assert admin.get(reverse(f"admin:accounts_{model}_add")).status_code == (403 if model in RECORDS else 200)


def test_the_admin_shows_a_key_without_its_hash_and_can_end_it(admin: Client, team: Team) -> None:
    user = User.objects.get()
    key = ApiKey.objects.create(team=team, user=user, name="k", prefix="abc", secret_hash="the-hash", scopes=[])
    html = admin.get(reverse("admin:accounts_apikey_change", args=[key.pk])).content.decode()
    assert "abc" in html
    assert "the-hash" not in html
    action = {"action": "revoke", "_selected_action": [str(key.pk)]}
    admin.post(reverse("admin:accounts_apikey_changelist"), action)
    key.refresh_from_db()
    assert key.revoked_at
    assert AuditEntry.objects.filter(action="revoke", actor=user.email).exists()


def test_suspending_in_the_admin_ends_what_was_signed_in_and_is_audited(admin: Client, person: Person) -> None:
    user = person("ann", Role.MEMBER)
    address = reverse("admin:accounts_user_change", args=[user.pk])
    assert admin.get(address).status_code == 200
    admin.post(address, {"email": user.email, "name": "Ann", "default_team": str(user.default_team_id)})
    after = User.objects.get(pk=user.pk)
    assert (after.is_active, after.name, after.stamp != user.stamp) == (False, "Ann", True)
    entry = AuditEntry.objects.get(object_id=str(user.pk))
    assert (entry.action, entry.actor) == ("change", "root@example.com")
    assert entry.after
    assert "is_active" in entry.after["fields"]


def test_a_person_can_be_added_in_the_admin(admin: Client) -> None:
    form = {
        "email": "New@Example.com",
        "usable_password": "true",
        "password1": "long enough 1",
        "password2": "long enough 1",
    }
    assert admin.post(reverse("admin:accounts_user_add"), form).status_code == 302
    assert User.objects.get(email="new@example.com").check_password("long enough 1")


def test_the_admin_keeps_an_owner_in_each_team(admin: Client) -> None:
    membership = Membership.objects.get()
    address = reverse("admin:accounts_membership_change", args=[membership.pk])
    shown = admin.post(address, {"role": "viewer"}, follow=True)
    assert "needs an owner" in shown.content.decode()
    admin.post(reverse("admin:accounts_membership_delete", args=[membership.pk]), {"post": "yes"})
    assert Membership.objects.get().role == Role.OWNER


def test_the_admin_signs_in_through_the_same_page_as_everyone(db: None) -> None:
    answer = Client().get("/admin/", follow=True)
    assert answer.redirect_chain[-1][0].startswith("/accounts/login/")
    assert Client().post("/admin/login/", {"username": "a@b.co", "password": "x"}).status_code == 302


def test_signing_in_and_out_in_the_browser_is_audited(owner: User) -> None:
    browser = Client()
    browser.post("/accounts/login/", {"login": owner.email, "password": PASSWORD})
    browser.post("/accounts/logout/")
    trail = AuditEntry.objects.filter(actor=owner.email).order_by("id")
    assert list(trail.values_list("action", flat=True)) == ["sign_in", "sign_out"]
    assert all(entry.request_id for entry in trail)


def test_the_schema_of_these_calls_is_complete(owner: User, capsys: pytest.CaptureFixture[str]) -> None:
    patterns = [path("api/v1/", include("apps.accounts.urls"))]
    schema = SchemaGenerator(patterns=patterns).get_schema(request=None, public=True)
    said = capsys.readouterr()
    assert "Warning" not in said.err
    assert "Error" not in said.err
    assert set(schema["components"]["securitySchemes"]) == {"bearer", "cookie"}
    login = schema["paths"]["/api/v1/auth/login/"]["post"]
    assert "security" not in login or {} in login["security"]
    assert schema["paths"]["/api/v1/teams/"]["get"]["security"] == [{"bearer": []}, {"cookie": []}]
