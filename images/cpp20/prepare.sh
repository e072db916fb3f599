# Precompiles the headers that programs include first: only a first include can come precompiled.
# Usage: prepare.sh COMPILER FLAG…
set -eu
mkdir bits
for header in bits/stdc++.h iostream algorithm string vector map; do
  # The compiler looks for the header's text too where it is included a second time: it is the next one on the path.
  echo "#include_next <$header>" > "$header"
  echo "#include <$header>" > /tmp/header.h
  "$@" -isystem /opt/paddock/prepared -x c++-header /tmp/header.h -o "$header.gch"
done
