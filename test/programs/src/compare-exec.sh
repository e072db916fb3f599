# What a program started by exec sees, one line `what: value` each.
env | sort | sed 's/^/environment: /'
ulimit -a | tr -s ' ' | sed 's/^/limit: /'
grep -vE '^(Vm|Rss|Huge|FDSize|nonvol|vol)' /proc/self/status | tr -s ' \t' ' ' | sed 's/^/status /'
echo "process: $$ $PPID $(umask) $(pwd) $0 $# $*"
for fd in /proc/$$/fd/*; do echo "descriptor: ${fd##*/} $(readlink "$fd" | cut -d: -f1)"; done
for pid in /proc/[0-9]*; do echo "in sight: $(cat "$pid/comm" 2>&1) $(tr '\0' ' ' < "$pid/cmdline" 2>&1)"; done
for path in /* /dev/* /opt/paddock/*; do echo "file ${path##*/}: $(stat -c '%A %u %g' "$path")"; done
trap -p | sed 's/^/trap: /'
cut -d' ' -f5,6 /proc/$$/mountinfo | sort -u | sed 's/^\([^ ]*\) /mount \1: /'
cat /proc/$$/environ | tr '\0' '\n' | sort | sed 's/^/environment at the start: /'
hostname
cat
kill -USR1 $$
