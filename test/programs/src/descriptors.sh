# Only builtins look: a command substitution would have a pipe of its own open.
for fd in /proc/$$/fd/*; do
  [ -e "$fd" ] || continue
  n=${fd##*/}
  if [ "$n" -gt 2 ] && ! [ "$fd" -ef "$0" ]; then echo "BROKEN: descriptor ($n)"; else echo "held: descriptor ($n)"; fi
done
