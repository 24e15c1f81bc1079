"""A call is let in by one statement and settled by one: each is a function of the database.

A round trip costs Python more than all that is counted in it. Every statement of a function sees what was committed
before it began, so what is read after a lock is what the lock protects. What goes in is JSON, as
apps/opie/models/call_functions.py describes it. To change a function, replace it in a new migration.
"""

from django.db import migrations

# Locks the budgets that apply, by id, and their books in that order. Answers the books, or the first budget without room.
LOCK_BUDGETS = """
CREATE FUNCTION opie_lock_budgets(hold jsonb, OUT books bigint[], OUT refused jsonb) LANGUAGE plpgsql AS $$
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
HOLD = """
CREATE FUNCTION opie_hold(hold jsonb, books bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    most numeric := COALESCE((hold->>'most')::numeric, 0);
BEGIN
    INSERT INTO opie_budgetreservation (period_id, call_id, amount, state, held_at)
        SELECT id, (hold->>'call')::uuid, most, 'held', (hold->>'held_at')::timestamptz FROM unnest(books) id;
    UPDATE opie_budgetperiod SET reserved = reserved + most,
            unpriced_calls = unpriced_calls + (hold->>'most' IS NULL)::int
        WHERE id = ANY(books);
END
$$;
"""
# Locks counters in their order. Answers the first that has no room, with what its slots hold.
LOCK_COUNTERS = """
CREATE FUNCTION opie_lock_counters(counters jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    counter jsonb;
    place bigint;
    slots jsonb;
    taken numeric;
BEGIN
    FOR counter, place IN SELECT value, ordinality FROM jsonb_array_elements(counters) WITH ORDINALITY LOOP
        PERFORM pg_advisory_xact_lock(hashtextextended(counter->>'prefix', 0));
        SELECT jsonb_object_agg(key, amount), COALESCE(SUM(amount), 0) INTO slots, taken FROM opie_limitcount
            WHERE key = ANY(ARRAY(
                SELECT (counter->>'prefix') || slot
                FROM generate_series((counter->>'first')::bigint, (counter->>'last')::bigint) slot
            ));
        IF taken + (counter->>'amount')::bigint > (counter->>'most')::bigint THEN
            RETURN jsonb_build_object('place', place - 1, 'slots', COALESCE(slots, '{}'));
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;
"""
COUNT = """
CREATE FUNCTION opie_count(counters jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    counter jsonb;
BEGIN
    FOR counter IN SELECT value FROM jsonb_array_elements(counters) LOOP
        INSERT INTO opie_limitcount AS count (key, amount, expires_at) VALUES (
            (counter->>'prefix') || (counter->>'slot'), GREATEST(0, (counter->>'amount')::bigint),
            (counter->>'expires_at')::timestamptz
        ) ON CONFLICT (key) DO UPDATE SET amount = GREATEST(0, count.amount + (counter->>'amount')::bigint);
    END LOOP;
END
$$;
"""
# All locks come before anything is written: a call that is refused has held and counted nothing.
ADMIT = """
CREATE FUNCTION opie_admit(asked jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    books bigint[];
    refused jsonb;
BEGIN
    IF asked ? 'hold' THEN
        SELECT * INTO books, refused FROM opie_lock_budgets(asked->'hold');
        IF refused IS NOT NULL THEN
            RETURN jsonb_build_object('budget', refused);
        END IF;
    END IF;
    IF asked ? 'counters' THEN
        refused := opie_lock_counters(asked->'counters');
        IF refused IS NOT NULL THEN
            RETURN jsonb_build_object('counter', refused);
        END IF;
    END IF;
    IF asked ? 'call' THEN
        INSERT INTO opie_agentosusage SELECT * FROM jsonb_populate_record(NULL::opie_agentosusage, asked->'call');
    END IF;
    IF asked ? 'hold' THEN
        PERFORM opie_hold(asked->'hold', books);
    END IF;
    IF asked ? 'counters' THEN
        PERFORM opie_count(asked->'counters');
    END IF;
    RETURN NULL;
END
$$;
"""
# Ends what was held for a call, once. Answers the books of which four fifths are spent, and nobody was told.
END_HOLDS = """
CREATE FUNCTION opie_end_holds(ending jsonb) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    cost_of_it numeric := ending->>'cost';
    moment timestamptz := ending->>'now';
    held bigint[];
    to_warn bigint[];
BEGIN
    held := ARRAY(
        SELECT r.id FROM opie_budgetreservation r JOIN opie_budgetperiod p ON p.id = r.period_id
        WHERE r.call_id = (ending->>'call')::uuid AND r.state = 'held'
        ORDER BY p.budget_id FOR NO KEY UPDATE OF r, p
    );
    WITH ended AS (
        UPDATE opie_budgetreservation SET state = ending->>'state', cost = cost_of_it, ended_at = moment
        WHERE id = ANY(held) RETURNING period_id, amount
    ), books AS (
        UPDATE opie_budgetperiod p
        SET reserved = p.reserved - ended.amount, spent = p.spent + COALESCE(cost_of_it, 0)
        FROM ended WHERE p.id = ended.period_id RETURNING p.id, p.budget_id, p.spent, p.warned_at
    )
    SELECT array_agg(books.id ORDER BY b.id) INTO to_warn FROM books JOIN opie_budget b ON b.id = books.budget_id
        WHERE cost_of_it > 0 AND books.warned_at IS NULL AND b.is_enabled
            AND books.spent >= b.amount * (ending->>'warn_at')::numeric;
    RETURN COALESCE(to_warn, '{}');
END
$$;
"""
# Only who closes a call corrects what it was counted as; what was held for it ends once by itself.
SETTLE = """
CREATE FUNCTION opie_settle(asked jsonb, OUT closed boolean, OUT to_warn bigint[]) LANGUAGE plpgsql AS $$
DECLARE
    ending opie_agentosusage;
BEGIN
    IF asked ? 'call' THEN
        ending := jsonb_populate_record(NULL::opie_agentosusage, asked->'call');
        UPDATE opie_agentosusage SET
            input_tokens = ending.input_tokens, cached_tokens = ending.cached_tokens,
            cache_write_tokens = ending.cache_write_tokens, output_tokens = ending.output_tokens,
            reasoning_tokens = ending.reasoning_tokens, audio_tokens = ending.audio_tokens,
            unit_prices = ending.unit_prices, cost = ending.cost, certainty = ending.certainty,
            outcome = ending.outcome, error_code = ending.error_code, latency_ms = ending.latency_ms,
            time_to_first_token_ms = ending.time_to_first_token_ms, finished_at = ending.finished_at
        WHERE id = ending.id AND outcome = 'open';
        closed := FOUND;
    END IF;
    to_warn := '{}';
    IF asked ? 'hold' THEN
        to_warn := opie_end_holds(asked->'hold');
    END IF;
    IF closed AND asked ? 'counters' THEN
        PERFORM opie_count(asked->'counters');
    END IF;
END
$$;
"""
FORGET = """
DROP FUNCTION opie_settle(jsonb);
DROP FUNCTION opie_end_holds(jsonb);
DROP FUNCTION opie_admit(jsonb);
DROP FUNCTION opie_count(jsonb);
DROP FUNCTION opie_lock_counters(jsonb);
DROP FUNCTION opie_hold(jsonb, bigint[]);
DROP FUNCTION opie_lock_budgets(jsonb);
"""


class Migration(migrations.Migration):
    dependencies = [("opie", "0006_schedules_and_deeds")]
    operations = [
        migrations.RunSQL("".join((LOCK_BUDGETS, HOLD, LOCK_COUNTERS, COUNT, ADMIT, END_HOLDS, SETTLE)), FORGET)
    ]
