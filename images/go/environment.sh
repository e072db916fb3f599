# What preparation and compilation must agree on: otherwise the packages compiled ahead are not found again.
export CGO_ENABLED=0 GOFLAGS=-buildvcs=false GOTOOLCHAIN=local GOPROXY=off GOTELEMETRY=off GOPATH=/tmp/go GOWORK=off
