for fd in /proc/$$/fd/*; do
  target=$(readlink "$fd") || continue
  n=${fd##*/}
  if [ "$n" -gt 2 ] && [ "${target#/work}" = "$target" ]; then echo "BROKEN: descriptor ($n -> $target)"; else echo "held: descriptor ($n -> $target)"; fi
done
