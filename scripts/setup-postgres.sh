#!/bin/sh
# Brings PostgreSQL to a Debian machine, for test/postgres. Needs root. What is there already stays as it is; the service
# that comes with the package is not started: the tests start servers of their own.
set -eu

for server in /usr/lib/postgresql/*/bin/postgres; do
  [ ! -x "$server" ] || exit 0
done
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql
