"""The database itself refuses to edit or delete a price; and prices are found by platform and model.

All that may change is the moment until which it holds, and only to an earlier one; and its author goes with the person.
A price goes with its team, never before: that is looked at when the transaction ends, because Django deletes what
belongs to a team first.
"""

from django.db import migrations, models

REFUSE = """
CREATE FUNCTION opie_refuse_price_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW) - 'superseded_at' - 'author_id' = to_jsonb(OLD) - 'superseded_at' - 'author_id'
        AND (NEW.author_id IS NULL OR NEW.author_id IS NOT DISTINCT FROM OLD.author_id)
        AND (OLD.superseded_at IS NULL OR NEW.superseded_at <= OLD.superseded_at)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a price is superseded, never edited' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER opie_price_is_not_edited BEFORE UPDATE ON opie_modelprice
    FOR EACH ROW EXECUTE FUNCTION opie_refuse_price_change();
CREATE FUNCTION opie_refuse_price_removal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.team_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM accounts_team WHERE id = OLD.team_id) THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'a price is superseded, never deleted' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE CONSTRAINT TRIGGER opie_price_is_not_removed AFTER DELETE ON opie_modelprice
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION opie_refuse_price_removal();
"""
ALLOW = """
DROP TRIGGER opie_price_is_not_removed ON opie_modelprice;
DROP FUNCTION opie_refuse_price_removal();
DROP TRIGGER opie_price_is_not_edited ON opie_modelprice;
DROP FUNCTION opie_refuse_price_change();
"""


class Migration(migrations.Migration):
    dependencies = [("opie", "0003_runs_by_time")]
    operations = [
        migrations.AddIndex(
            model_name="modelprice",
            index=models.Index(fields=["platform_name", "model"], name="opie_price_of_model"),
        ),
        migrations.AddConstraint(
            model_name="modelprice",
            constraint=models.CheckConstraint(
                condition=models.Q(superseded_at=None) | models.Q(superseded_at__gte=models.F("valid_from")),
                name="opie_price_ends_after_it_begins",
            ),
        ),
        migrations.RunSQL(REFUSE, ALLOW),
    ]
