"""Opie's web process for a benchmark: `prepare` makes the rows and prints an API key, `serve` is uvicorn as in production."""

import json
import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


def environment(database_url: str) -> dict[str, str]:
    """Settings of the process. Quiet, and with secrets that open nothing else."""
    return {
        "OPIE_ENV": "test",
        "DATABASE_URL": database_url,
        "DATABASE_POOL_SIZE": os.environ.get("BENCH_POOL_SIZE", "10"),
        "REDIS_URL": "",
        "SECRET_KEY": "benchmark-0123456789-0123456789-0123456789",
        "LOG_LEVEL": "ERROR",
    }


def prepare() -> None:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    from apps.accounts.api_keys import create_api_key
    from apps.accounts.principal import principal_for
    from apps.accounts.registration import register
    from apps.opie.models import Agent, AgentModel, AIPlatform

    user = register("bench@example.com", "a-long-benchmark-password")
    platform = AIPlatform.objects.create(
        platform_name="mock",
        api_type="openai_compatible",
        base_url=os.environ["BENCH_PLATFORM_URL"],
        api_key="none",
        default_model="gpt-4o-mini",
    )
    agent = Agent.objects.create(agent_id="assistant", name="Assistant", visibility="public", status="published")
    AgentModel.objects.create(agent=agent, position=0, platform=platform, model="gpt-4o-mini")
    # Answers by itself, and counts with a sync tool: for what tools cost, without a platform.
    offline = AIPlatform.objects.create(platform_name="offline", api_type="offline", default_model="offline")
    counting = Agent.objects.create(
        agent_id="counting", name="Counting", visibility="public", status="published", tools=["calculator"]
    )
    AgentModel.objects.create(agent=counting, position=0, platform=offline)
    principal = principal_for(user)
    _, secret = create_api_key(principal, "bench", sorted(principal.permissions))
    print(json.dumps({"key": secret}))


def serve() -> None:
    import uvicorn

    uvicorn.run(
        "config.asgi:application",
        host="127.0.0.1",
        port=int(os.environ["BENCH_PORT"]),
        log_level="warning",
        access_log=False,
    )


if __name__ == "__main__":
    {"prepare": prepare, "serve": serve}[sys.argv[1]]()
