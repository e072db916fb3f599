# Precompiles the headers that programs include first: only a first include can come precompiled. And puts a faster
# linker in the compiler's way, where there is one.
# Usage: prepare.sh COMPILER FLAG…
set -eu
runtime=/opt/paddock/runtime
prepared=/opt/paddock/prepared
mkdir bits linker

# precompile HEADER COMPILER OPTION…
precompile() {
  output=$1.gch
  shift
  "$@" -isystem "$prepared" -x c++-header /tmp/header.h -o "$output"
}

# assembly COMPILER OPTION…: what becomes of the check, whatever the order of its functions and the numbers of labels
assembly() {
  "$@" -S -o /tmp/check.s /tmp/check.cc &&
    sed -E 's/\.L[A-Z]*[0-9]+/.L/g; s/\.(isra|part|constprop|cold)\.[0-9]+/.\1/g' /tmp/check.s | sort
}

# is_the_same HEADER COMPILER FLAG…: whether a program is the same, and silent, with the precompiled header as without.
is_the_same() {
  { echo "#include <$1>"; cat "$runtime/check.cc"; } > /tmp/check.cc
  shift
  assembly "$@" > /tmp/plain 2>&1 && assembly "$@" -isystem "$prepared" > /tmp/precompiled 2>&1 &&
    cmp -s /tmp/plain /tmp/precompiled
}

plugin=/tmp/instantiate.so
"$1" -O1 -shared -fPIC -o "$plugin" "$runtime/instantiate.cc" || plugin=
# faster HEADER COMPILER FLAG…: precompiles with what its own functions need of templates instantiated already. The
# other headers leave next to nothing to instantiate.
faster() {
  case $1 in bits/stdc++.h | iostream | string) ;; *) return 1 ;; esac
  [ -n "$plugin" ] || return 1
  { echo "#include <$1>"; echo "#pragma paddock instantiate"; } > /tmp/header.h
  precompile "$@" "-fplugin=$plugin" && is_the_same "$@"
}

for header in bits/stdc++.h iostream algorithm string vector map; do
  # The compiler looks for the header's text too where it is included a second time: it is the next one on the path.
  echo "#include_next <$header>" > "$header"
  faster "$header" "$@" && continue
  echo "#include <$header>" > /tmp/header.h
  precompile "$header" "$@"
done

# gold takes a third of the time. Whenever it fails, or says anything at all, the usual linker has the last word: so
# what people read is what they know.
cat > linker/ld <<'END'
#!/bin/sh
if said=$(ld.gold "$@" 2>&1) && [ -z "$said" ]; then exit 0; fi
exec /usr/bin/ld "$@"
END
chmod 755 linker/ld
"$@" -B"$prepared/linker" -o /tmp/check "$runtime/check.cc" && [ "$(/tmp/check)" = '4 1' ] || rm linker/ld
