# Assembles each source and links. Usage: compile.sh NASM SOURCE…
# A program that defines _start is the whole program; one that defines main gets C's start and library.
set -eu
nasm=$1
shift
mkdir /tmp/objects
number=0
library=-nostdlib
for source; do
  number=$((number + 1))
  # %include finds files beside the source that names them, and below the working folder.
  "$nasm" -f elf64 -g -F dwarf -I "$(dirname "$source")/" -I ./ -o "/tmp/objects/$number.o" "$source"
  grep -qiE '^[[:space:]]*global[[:space:]].*\bmain\b' "$source" && library=
done
# Code in the manner of textbooks has absolute addresses, and no note about its stack: that it is not executable is said here.
# shellcheck disable=SC2086 # empty means no argument
exec gcc -no-pie -z noexecstack $library -o paddock.out /tmp/objects/*.o ${library:--lm}
