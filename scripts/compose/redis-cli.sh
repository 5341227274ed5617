#!/bin/sh
# Found before Redis' own redis-cli in its container, where `docker compose exec redis redis-cli …` and
# the health check use it: whoever is in there is the operator, and need not be asked for the password.
PATH=${PATH#*:}
REDISCLI_AUTH=$(cat /run/secrets/password)
export PATH REDISCLI_AUTH
exec redis-cli "$@"
