#!/usr/bin/env bash
# Makes a node: all that its role needs, in order. Packer, Vagrant and people call this one.
#
# Variables (besides those of the scripts it calls; README.md beside this has all):
#   ROLE=client           client: runs executors; server: Nomad's servers; both
#   HARDWARE_CLASS=plain  plain, gpu, fpga or arm
#   GVISOR=yes            no: without gVisor
#   NOMAD=yes             no: a machine without a cluster
#   START_SERVICES=yes    no: for images that are being made; then run clean.sh last
# IMAGES_PINS or IMAGES_ARCHIVE bring the runtimes' images.
set -euo pipefail
source "$(dirname "$(readlink -f "$0")")/machine.bash"
begin "$@"
: "${ROLE:=client}" "${HARDWARE_CLASS:=plain}" "${GVISOR:=yes}" "${NOMAD:=yes}"
one_of ROLE client server both
one_of HARDWARE_CLASS plain gpu fpga arm
one_of GVISOR yes no
one_of NOMAD yes no
: "${NOMAD_ROLE:=$ROLE}" "${IMAGES_PINS:=}" "${IMAGES_ARCHIVE:=}"
export ROLE HARDWARE_CLASS NOMAD_ROLE

if [[ $HARDWARE_CLASS == arm && $(uname -m) != aarch64 && $(uname -m) != arm* ]]; then
  fail "HARDWARE_CLASS is arm, and this machine is $(uname -m)"
fi

steps=(base harden firewall cgroups)
if [[ $ROLE != server ]]; then
  steps+=(sandbox)
  if [[ $GVISOR == yes ]]; then steps+=(gvisor); fi
fi
steps+=(paddock)
if [[ $ROLE != server && ($IMAGES_PINS || $IMAGES_ARCHIVE) ]]; then steps+=(images); fi
if [[ $ROLE != server ]]; then
  if [[ $HARDWARE_CLASS == gpu ]]; then steps+=(gpu); fi
  steps+=(hardware)
fi
# The last one: from here on executors come.
if [[ $NOMAD == yes ]]; then steps+=(nomad); fi

for step in "${steps[@]}"; do
  "$here/$step.sh" || fail "$step.sh failed"
done
say "this machine is a node: $ROLE, $HARDWARE_CLASS"
