#!/usr/bin/env bash
# The images of runtimes, on the node before the first request comes: each pinned by digest, fetched and verified.
#
# Variables:
#   IMAGES_PINS          file with a line for each image: its name and where it is, by digest
#                          python registry.example.org/paddock/python@sha256:0123…
#   IMAGES_ARCHIVE       folder with one OCI layout for each image (folders NAME), for nodes without a registry. The
#                        digests of IMAGES_PINS are checked where it is given too
#   PADDOCK_IMAGE_STORE=/var/lib/paddock/images
#   PADDOCK_HOME=/opt/paddock
set -euo pipefail
source "$(dirname "$(readlink -f "$0")")/machine.bash"
begin "$@"
: "${IMAGES_PINS:=}" "${IMAGES_ARCHIVE:=}" "${PADDOCK_HOME:=/opt/paddock}"
: "${PADDOCK_IMAGE_STORE:=/var/lib/paddock/images}"
export PADDOCK_IMAGE_STORE
[[ $IMAGES_PINS || $IMAGES_ARCHIVE ]] || fail 'give IMAGES_PINS or IMAGES_ARCHIVE'
[[ ! $IMAGES_PINS || -r $IMAGES_PINS ]] || fail "there is no file $IMAGES_PINS"
paddock=$PADDOCK_HOME/scripts/paddock
[[ -x $paddock ]] || fail "Paddock is not in $PADDOCK_HOME: run paddock.sh first"
need_packages ca-certificates skopeo umoci

# By name: where it is.
declare -A pins=()
number=0
while read -r name reference rest; do
  number=$((number + 1))
  [[ $name && $name != \#* ]] || continue
  [[ $name =~ ^[a-z0-9][a-z0-9.-]*$ && ! $rest ]] || fail "$IMAGES_PINS, line $number is not a name and a reference"
  [[ $reference =~ @sha256:[0-9a-f]{64}$ ]] || fail "$IMAGES_PINS, line $number: $reference is not pinned by a digest (…@sha256:…)"
  [[ ! ${pins[$name]:-} ]] || fail "$IMAGES_PINS, line $number: $name is there twice"
  pins[$name]=$reference
done < <([[ ! $IMAGES_PINS ]] || cat "$IMAGES_PINS" && echo)

# What archives hold is known by its digest too: what their index names is checked against the pin.
names=()
if [[ $IMAGES_ARCHIVE ]]; then
  for layout in "$IMAGES_ARCHIVE"/*/index.json; do
    [[ -e $layout ]] || fail "there is no OCI layout in $IMAGES_ARCHIVE"
    name=$(basename "$(dirname "$layout")")
    if [[ $IMAGES_PINS ]]; then
      [[ ${pins[$name]:-} ]] || continue
      grep -q "${pins[$name]#*@}" "$layout" || fail "$IMAGES_ARCHIVE/$name does not hold ${pins[$name]#*@}, as its pin asks for"
    fi
    pins[$name]=oci:$IMAGES_ARCHIVE/$name
    names+=("$name")
  done
else
  names=("${!pins[@]}")
fi
((${#names[@]} > 0)) || fail 'no image is named'

mapfile -t names < <(printf '%s\n' "${names[@]}" | sort)
for name in "${names[@]}"; do
  before=$(cat "$PADDOCK_IMAGE_STORE/names/$name" 2>/dev/null || true)
  "$paddock" images pull "$name=${pins[$name]}" </dev/null || fail "cannot fetch $name from ${pins[$name]}"
  if [[ $before != "$(cat "$PADDOCK_IMAGE_STORE/names/$name")" ]]; then changed "fetched $name"; fi
done
"$paddock" images verify "${names[@]}" </dev/null || fail 'an image in the store is not what its digest says'
say "verified ${names[*]}"
end
