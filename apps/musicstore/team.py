"""The support team as Opie is told of it: its tools, its agents' files, who is recognised, and how it answers by rule."""

from pathlib import Path

from apps.musicstore.calls import CATALOGUE, INVOICES
from apps.musicstore.responding import register_responders
from apps.musicstore.routing import MUSIC_AGENT, SUPERVISOR, register_routes
from apps.musicstore.taste import LABEL, TASTE, Taste, forget_my_taste, heed, note_taste, what_to_note
from apps.musicstore.tools import lookups
from apps.musicstore.verified import for_verified, register_customers
from apps.opie.extend import register_agents, register_hook, register_memory_schema, register_tool

AGENTS = Path(__file__).parent / "agents"
LABELS = {
    "get_albums_by_artist": "Store: albums by an artist",
    "get_tracks_by_artist": "Store: songs by an artist",
    "get_songs_by_genre": "Store: songs of a genre",
    "check_for_songs": "Store: look for a song",
    "get_tracks_by_album": "Store: an album, and the songs on it",
    "get_invoices_by_customer_sorted_by_date": "Store: the customer's invoices",
    "get_invoices_sorted_by_unit_price": "Store: what the customer bought, by price",
    "get_employee_by_invoice_and_customer": "Store: who looks after an invoice",
    "note_taste": "Store: note what the customer likes",
    "forget_my_taste": "Store: forget what the customer likes",
    "get_artist_biography": "Last.fm: about an artist",
    "look_up_on_lastfm": "Last.fm: about a song",
    "look_up_on_spotify": "Spotify: artists, albums and songs",
}


def register_team() -> None:
    """Once, when the app is ready."""
    for name, tool in CATALOGUE.items():
        register_tool(tool, label=LABELS[name], reads_only=True)
    for name, tool in INVOICES.items():
        register_tool(for_verified(tool), label=LABELS[name], reads_only=True)
    for name, tool in lookups.offered().items():
        register_tool(tool, label=LABELS[name], reads_only=True)
    for own in (note_taste, forget_my_taste):
        register_tool(own, label=LABELS[own.__name__])
    register_agents(AGENTS)
    register_customers()
    register_memory_schema(TASTE, Taste, agent_ids=(SUPERVISOR, MUSIC_AGENT), label=LABEL, after=what_to_note)
    for agent_id in (SUPERVISOR, MUSIC_AGENT):
        register_hook(before=heed, agent_id=agent_id)
    register_responders()
    register_routes()
