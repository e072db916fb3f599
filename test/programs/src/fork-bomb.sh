# The classic one, bounded in time by itself.
end=$((SECONDS + 6))
bomb() { [ "$SECONDS" -lt "$end" ] && { bomb | bomb & }; }
bomb
while [ "$SECONDS" -lt "$end" ]; do :; done
exit 1
