#!/bin/sh
# Everything that must be true before a change goes in: format, lint, types, imports, sizes, places, generated docs,
# tests.
# `scripts/check.sh static` leaves the tests out. All steps run; the last line says which failed.
cd "$(dirname "$0")/.." || exit 1
PATH="$PWD/node_modules/.bin:$PATH"
passed=0
failed=0
names=""

step() {
  name=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    names="$names $name"
  fi
}

colors=off
if [ -t 1 ]; then colors=force; fi

step format-and-lint biome ci --colors=$colors --error-on-warnings .
step types tsc --noEmit
step imports bun scripts/check-imports.ts
step sizes bun scripts/check-sizes.ts
step places bun scripts/check-places.ts
step docs bun scripts/gen-docs.ts --check
[ "${1:-all}" = static ] || step tests npm test

echo "checks: $passed passed, $failed failed${names:+:}$names"
[ "$failed" -eq 0 ]
