#!/bin/sh
# What a container of Opie runs: web, agentos, worker, prepare; anything else is run as it is.
set -eu
cd "$(dirname "$0")/.."

case "${1:-web}" in
web)
    # The TLS proxy in front says who is asking; config/settings.py trusts its X-Forwarded-Proto.
    exec python -m uvicorn config.asgi:application --host 0.0.0.0 --port "${WEB_PORT:-8000}" \
        --lifespan on --no-access-log --no-server-header --timeout-graceful-shutdown 10
    ;;
agentos)
    exec python manage.py agentos_start --host 0.0.0.0 --port "${AGENTOS_PORT:-7777}"
    ;;
worker)
    exec python manage.py worker --jobs "${WORKER_CONCURRENCY:-4}" --grace 20
    ;;
prepare)
    # Once for each release, before the three start: tables, platforms from the environment, the agents that come with Opie.
    python manage.py migrate --no-input
    python manage.py createcachetable
    python manage.py setup_platforms
    exec python manage.py create_default_agents
    ;;
*)
    exec "$@"
    ;;
esac
