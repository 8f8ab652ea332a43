#!/bin/sh
# Builds the program of this folder as `docker-1.5`, into the folder of Go's programs or as the file that is named. Modules
# leave out the vendor folder in which Docker 1.5 kept what it needed: go.mod names that, tar/ stands for its archive/tar.
# What its compiler of 2015 sent as User-Agent where Docker named none is said here, for today's says something else.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
export GO111MODULE=on GOFLAGS=-mod=mod
target=${1:-$(go env GOPATH)/bin/docker-1.5}
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT

source=$(cd "$build" && go mod download -json github.com/docker/docker@v1.5.0 | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
cp -R "$here"/*.go "$here/go.mod" "$here/go.sum" "$here/tar" "$build"
cp -R "$source" "$build/docker"
chmod -R u+w "$build/docker"
printf 'module github.com/docker/docker\n\ngo 1.21\n' >"$build/docker/go.mod"
vendored=github.com/docker/docker/vendor/src/code.google.com/p/go/src/pkg/archive/tar
grep -rl --include='*.go' "$vendored" "$build/docker" | xargs sed -i "s#$vendored#docker-1.5/tar#"
sed -i '/^func doRequest(/a\
	if req.Header.Get("User-Agent") == "" {\
		req.Header.Set("User-Agent", "Go 1.1 package http")\
	}' "$build/docker/registry/registry.go"
cd "$build"
go build -tags daemon -o "$target" .
