# Precompiles the headers that programs include first: only a first include can come precompiled.
# Usage: prepare.sh COMPILER FLAG...
set -eu
mkdir bits
for header in bits/stdc++.h iostream algorithm string vector map; do
  echo "#include <$header>" > /tmp/header.h
  "$@" -x c++-header /tmp/header.h -o "$header.gch"
done
