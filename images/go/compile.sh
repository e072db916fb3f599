# Usage: compile.sh GO ENTRY SOURCE…
# One package that imports only packages compiled ahead, by far the most programs, is compiled and linked directly:
# 0.1 s where `go build` takes 0.35. Everything else is left to `go build`.
go=$1
entry=$2
shift 2
. /opt/paddock/runtime/environment.sh
output=$PWD/paddock.out

build() {
  # Go writes to its cache, which is shown read-only: links to its folders make it a cache that forgets what is new.
  mkdir -p /tmp/cache
  ln -s /opt/paddock/prepared/cache/* /tmp/cache/
  # Go's index of its own library lies in the cache too and cannot be used from there.
  export GOCACHE=/tmp/cache GODEBUG=goindex=0
  [ -e go.mod ] || set -- -mod=mod "$@"
  exec "$go" build -ldflags='-s -w' -o "$output" "$@"
}

folder=./$(dirname "$entry")
[ -e go.mod ] && build "$folder"
for source; do
  case $source in
    # What is in folders are packages of their own, and some names are for other systems or for tests.
    ./*/* | *_test.go | *_windows*.go | *_darwin*.go | *_linux*.go | *_amd64.go | *_arm64.go | *_js.go | *_wasm.go)
      build "$@" ;;
  esac
done
grep -qE '^//(go:build|go:embed| *\+build)|^import "C"' "$@" && build "$@"

# Not through `go tool`, which costs a start of the go command each time.
read -r tools < /opt/paddock/prepared/tools
if "$tools/compile" -o /tmp/main.a -p main -complete -pack -importcfg /opt/paddock/prepared/importcfg "$@" 2> /tmp/errors >&2; then
  exec "$tools/link" -s -w -buildmode=exe -importcfg /opt/paddock/prepared/importcfg -o "$output" /tmp/main.a
fi
grep -q 'could not import' /tmp/errors && build "$@"
cat /tmp/errors >&2
exit 1
