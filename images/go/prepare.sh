# Usage: prepare.sh GO. Leaves a build cache, importcfg, which names the compiled packages in it, and tools, which
# names the folder of compiler and linker.
set -eu
go=$1
. /opt/paddock/runtime/environment.sh
export GOCACHE=/opt/paddock/prepared/cache
mkdir -p "$GOCACHE"
packages=$(cat /opt/paddock/runtime/packages)
# shellcheck disable=SC2086
"$go" build $packages
# shellcheck disable=SC2086
"$go" list -export -deps -f '{{if .Export}}packagefile {{.ImportPath}}={{.Export}}{{end}}' $packages > importcfg
"$go" env GOTOOLDIR > tools
