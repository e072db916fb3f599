# Usage: prepare.sh GO. Leaves a build cache and importcfg, which names the compiled packages in it.
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
