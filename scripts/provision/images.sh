#!/usr/bin/env bash
# The images of runtimes, on the node before the first request comes: each pinned by digest, fetched and verified.
#
# Variables:
#   IMAGES_PINS          YAML file as `paddock images pull --pins` takes it, each image by digest
#                          images:
#                            python: registry.example.org/paddock/python@sha256:0123…
#   IMAGES_ARCHIVE       folder with one OCI layout for each image (folders NAME), for nodes without a registry. Where
#                        IMAGES_PINS is given too, those that it names are taken, and have to have its digests
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

# Names and digests as lines. A node must not depend on what a tag means today.
pinned=''
if [[ $IMAGES_PINS ]]; then
  # Only lines of this one form are understood, so any other is refused rather than left out.
  entry="^ +[\"']?([a-z0-9][a-z0-9._-]*)[\"']?: *[\"']?([^\"' ]+)[\"']? *\$"
  lines=$(sed -E 's/(^| )#.*$//; /^ *$/d; /^---$/d; /^images: *$/d' "$IMAGES_PINS")
  odd=$(grep -vE "$entry" <<<"$lines" | head -n 1) || true
  [[ ! $odd ]] || fail "$IMAGES_PINS: cannot read \"$odd\"; below images: each line is NAME: REFERENCE"
  while read -r name reference; do
    [[ $reference =~ @(sha256:[0-9a-f]{64})$ ]] || fail "$IMAGES_PINS: $name is not pinned by a digest (…@sha256:…)"
    pinned+="$name ${BASH_REMATCH[1]}"$'\n'
  done < <(sed -nE "s/$entry/\1 \2/p" <<<"$lines")
  [[ $pinned ]] || fail "$IMAGES_PINS names no image"
fi

order=()
names=()
if [[ $IMAGES_ARCHIVE ]]; then
  for layout in "$IMAGES_ARCHIVE"/*/index.json; do
    [[ -e $layout ]] || fail "there is no OCI layout in $IMAGES_ARCHIVE"
    name=$(basename "$(dirname "$layout")")
    if [[ $pinned ]]; then
      digest=$(awk -v name="$name" '$1 == name { print $2 }' <<<"$pinned")
      [[ $digest ]] || continue
      # Told before anything is unpacked; what counts is compared below.
      grep -q "\"$digest\"" "$layout" || fail "$IMAGES_ARCHIVE/$name does not hold $digest, as its pin asks for"
    fi
    order+=("$name=oci:$(readlink -f "$IMAGES_ARCHIVE")/$name")
    names+=("$name")
  done
  while read -r name _; do
    [[ ! $name || " ${names[*]} " == *" $name "* ]] || fail "$name is pinned, and not in $IMAGES_ARCHIVE"
  done <<<"$pinned"
else
  order=(--pins "$IMAGES_PINS")
  mapfile -t names < <(awk 'NF { print $1 }' <<<"$pinned")
fi

stored() { (cd "$PADDOCK_IMAGE_STORE/names" 2>/dev/null && grep -H . "${names[@]}" 2>/dev/null) || true; }
before=$(stored)
"$paddock" images pull "${order[@]}" </dev/null || fail 'not all images could be fetched'
if [[ $before != "$(stored)" ]]; then changed "fetched images"; fi
# The pin's digest is that of the image, or of the list that it was chosen from.
while read -r name digest; do
  [[ $name ]] || continue
  have=$(cat "$PADDOCK_IMAGE_STORE/names/$name")
  listed=$(cat "$PADDOCK_IMAGE_STORE/indexes/${digest#sha256:}" 2>/dev/null || true)
  if [[ $have == "$digest" || $have == "$listed" ]]; then continue; fi
  "$paddock" images prune --forget "$name" </dev/null >/dev/null || true
  fail "$name is $have, and its pin asks for $digest"
done <<<"$pinned"
"$paddock" images verify "${names[@]}" </dev/null || fail 'an image in the store is not what its digest says'
say "verified ${names[*]}"
end
