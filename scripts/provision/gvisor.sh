#!/usr/bin/env bash
# gVisor's runsc, for pools that ask for the stronger sandbox.
#
# Variables:
#   GVISOR_BINARY   path of a runsc to install as /usr/local/bin/runsc
#   GVISOR_URL, GVISOR_SHA512
#                   a runsc to fetch, and its sum. Releases lie below
#                   https://storage.googleapis.com/gvisor/releases/release/DATE/x86_64/runsc, each with a runsc.sha512
#   Without them the distribution's package is installed.
set -euo pipefail
source "$(dirname "$(readlink -f "$0")")/machine.bash"
begin "$@"
: "${GVISOR_BINARY:=}" "${GVISOR_URL:=}" "${GVISOR_SHA512:=}"

if [[ $GVISOR_URL ]]; then
  [[ $GVISOR_SHA512 ]] || fail 'GVISOR_URL needs GVISOR_SHA512'
  if [[ $(sha512sum /usr/local/bin/runsc 2>/dev/null | cut -d ' ' -f 1) != "${GVISOR_SHA512,,}" ]]; then
    temporary_folder
    fetch "$GVISOR_URL" "$temporary/runsc" sha512 "$GVISOR_SHA512"
    GVISOR_BINARY=$temporary/runsc
  fi
fi
if [[ $GVISOR_BINARY ]]; then
  put_file /usr/local/bin/runsc 755 <"$GVISOR_BINARY" || true
elif [[ ! $GVISOR_URL ]]; then
  need_packages runsc
fi
say "$(runsc --version | head -n 1)"
end
