#!/bin/sh
# Brings the programs of test/clients, test/conformance and test/faults to a Debian machine. Needs root, and Go 1.26.7 or newer
# (an older one, from 1.21 on, fetches that). The first time it compiles for some minutes.
# What is there already stays as it is; services that come with packages are not started.
set -eu

packages="docker.io containerd skopeo podman buildah openssl mount strace tar"
tools="
crane github.com/google/go-containerregistry/cmd/crane v0.22.1
oras oras.land/oras/cmd/oras v1.3.6
regctl github.com/regclient/regclient/cmd/regctl v0.11.7
helm helm.sh/helm/v3/cmd/helm v3.22.0
cosign github.com/sigstore/cosign/v2/cmd/cosign v2.6.5
"

# Installs the packages of Debian that are missing.
install_packages() {
  missing=""
  for package in $packages; do
    dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
  fi
  apt-get update -qq
  # shellcheck disable=SC2086 # one word for each package
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
}

# Builds the Go programs that are missing, at the versions above.
install_tools() {
  if ! command -v go >/dev/null; then
    echo "setup-clients: Go is missing: install Go 1.26.7 or newer, it builds the clients and the conformance suite" >&2
    return 1
  fi
  PATH="$PATH:$(go env GOPATH)/bin"
  echo "$tools" | while read -r name module version; do
    [ -n "$name" ] || continue
    if command -v "$name" >/dev/null; then continue; fi
    echo "setup-clients: building $name $version"
    go install "$module@$version"
  done
}

install_packages
install_tools
sh "$(dirname "$0")/../test/clients/docker-1.5/build.sh"
