"""The words of a chunk, as its row holds them and as apps/opie/knowledge/search looks for them: one function, for whoever
writes chunks. To change it, replace it in a new migration, and fill `words` and `length` of all chunks again."""

from django.db import migrations

# The text's lexemes (weight D) and its heading's (weight A). Words that the language leaves out ("who", "it") are there
# without positions: a question of nothing else still finds something. One more lexeme names the index. It has a space in
# it, so no text can contain it.
WORDS = """
CREATE FUNCTION opie_words(language regconfig, index_id uuid, heading text, body text) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    left_out text[];
BEGIN
    IF language <> 'simple'::regconfig THEN
        left_out := ARRAY(
            SELECT lexeme FROM unnest(to_tsvector('simple', heading || ' ' || body)) WHERE to_tsvector(language, lexeme) = ''
        );
    END IF;
    RETURN setweight(to_tsvector(language, heading), 'A') || to_tsvector(language, body)
        || array_to_tsvector(left_out || ('ix ' || replace(index_id::text, '-', '')));
END
$$;
"""
# What has no position does not rank, and does not make a text longer.
LENGTH = """
CREATE FUNCTION opie_length(words tsvector) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT COALESCE(sum(cardinality(positions)), 0)::integer FROM unnest(words)
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("opie", "0010_knowledge")]
    operations = [
        migrations.RunSQL(WORDS, "DROP FUNCTION opie_words(regconfig, uuid, text, text)"),
        migrations.RunSQL(LENGTH, "DROP FUNCTION opie_length(tsvector)"),
    ]
