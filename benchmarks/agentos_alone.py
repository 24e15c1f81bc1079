"""Agno's AgentOS as its own documentation sets it up: its Postgres adapter, JWT authorization, user isolation."""

import os

import uvicorn
from agno.agent import Agent
from agno.db.postgres import AsyncPostgresDb
from agno.models.openai import OpenAIChat
from agno.os import AgentOS
from agno.os.authz import Authorization

KEY = "a-key-for-the-benchmark-that-opens-nothing-else"


def main() -> None:
    db = AsyncPostgresDb(
        db_url=os.environ["BENCH_DATABASE_URL"].replace("postgresql://", "postgresql+psycopg_async://")
    )
    model = OpenAIChat(id="gpt-4o-mini", api_key="none", base_url=os.environ["BENCH_PLATFORM_URL"])
    agent = Agent(id="assistant", name="Assistant", model=model, db=db, add_history_to_context=True, telemetry=False)
    agent_os = AgentOS(
        agents=[agent],
        db=db,
        telemetry=False,
        user_isolation=True,
        authorization=Authorization(verification_keys=[KEY], algorithm="HS256", trust_token_scopes=True),
    )
    uvicorn.run(agent_os.get_app(), host="127.0.0.1", port=int(os.environ["BENCH_PORT"]), log_level="warning")


if __name__ == "__main__":
    main()
