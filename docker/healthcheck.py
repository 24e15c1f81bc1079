"""Ends with status 0 when a server in this container answers: python docker/healthcheck.py PORT PATH."""

import http.client
import json
import os
import sys


def answers(port: int, path: str) -> bool:
    """Whether GET answers 200. Asked under a host name that is served, because production refuses others."""
    hosts = json.loads(os.environ.get("ALLOWED_HOSTS") or '["127.0.0.1"]')
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": hosts[0].removeprefix(".")})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(not answers(int(sys.argv[1]), sys.argv[2]))
