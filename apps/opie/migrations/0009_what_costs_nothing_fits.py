"""A call that costs nothing fits into every budget, one that is overspent included."""

from django.db import migrations

REPLACED = """
CREATE OR REPLACE FUNCTION opie_lock_budgets(hold jsonb, OUT books bigint[], OUT refused jsonb) LANGUAGE plpgsql AS $$
DECLARE
    budgets uuid[];
    most numeric := hold->>'most';
BEGIN
    budgets := ARRAY(
        SELECT id FROM opie_budget
        WHERE team_id = (hold->>'team')::uuid AND is_enabled AND ((user_id IS NULL AND api_key_id IS NULL)
            OR user_id = (hold->>'user')::uuid OR api_key_id = (hold->>'key')::uuid)
        ORDER BY id FOR NO KEY UPDATE
    );
    INSERT INTO opie_budgetperiod (budget_id, starts_on, spent, reserved, unpriced_calls)
        SELECT b.id, (hold->'starts'->>b.period)::date, 0, 0, 0 FROM opie_budget b
        WHERE b.id = ANY(budgets) AND NOT EXISTS (
            SELECT 1 FROM opie_budgetperiod WHERE budget_id = b.id AND starts_on = (hold->'starts'->>b.period)::date
        );
    books := ARRAY(
        SELECT p.id FROM opie_budgetperiod p JOIN opie_budget b ON b.id = p.budget_id
        WHERE b.id = ANY(budgets) AND p.starts_on = (hold->'starts'->>b.period)::date
        ORDER BY b.id FOR NO KEY UPDATE OF p
    );
    SELECT to_jsonb(b) || jsonb_build_object('spent', p.spent, 'reserved', p.reserved) INTO refused
        FROM opie_budgetperiod p JOIN opie_budget b ON b.id = p.budget_id
        WHERE p.id = ANY(books)
            AND CASE WHEN most IS NULL THEN NOT b.allows_unpriced ELSE most > 0 AND p.spent + p.reserved + most > b.amount END
        ORDER BY b.id LIMIT 1;
END
$$;
"""
BEFORE = """
CREATE OR REPLACE FUNCTION opie_lock_budgets(hold jsonb, OUT books bigint[], OUT refused jsonb) LANGUAGE plpgsql AS $$
DECLARE
    budgets uuid[];
    most numeric := hold->>'most';
BEGIN
    budgets := ARRAY(
        SELECT id FROM opie_budget
        WHERE team_id = (hold->>'team')::uuid AND is_enabled AND ((user_id IS NULL AND api_key_id IS NULL)
            OR user_id = (hold->>'user')::uuid OR api_key_id = (hold->>'key')::uuid)
        ORDER BY id FOR NO KEY UPDATE
    );
    INSERT INTO opie_budgetperiod (budget_id, starts_on, spent, reserved, unpriced_calls)
        SELECT b.id, (hold->'starts'->>b.period)::date, 0, 0, 0 FROM opie_budget b
        WHERE b.id = ANY(budgets) AND NOT EXISTS (
            SELECT 1 FROM opie_budgetperiod WHERE budget_id = b.id AND starts_on = (hold->'starts'->>b.period)::date
        );
    books := ARRAY(
        SELECT p.id FROM opie_budgetperiod p JOIN opie_budget b ON b.id = p.budget_id
        WHERE b.id = ANY(budgets) AND p.starts_on = (hold->'starts'->>b.period)::date
        ORDER BY b.id FOR NO KEY UPDATE OF p
    );
    SELECT to_jsonb(b) || jsonb_build_object('spent', p.spent, 'reserved', p.reserved) INTO refused
        FROM opie_budgetperiod p JOIN opie_budget b ON b.id = p.budget_id
        WHERE p.id = ANY(books)
            AND CASE WHEN most IS NULL THEN NOT b.allows_unpriced ELSE p.spent + p.reserved + most > b.amount END
        ORDER BY b.id LIMIT 1;
END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("opie", "0008_private_addresses_are_the_operators")]
    operations = [migrations.RunSQL(REPLACED, BEFORE)]
