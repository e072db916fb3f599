declare -A counts
for word in a b a; do ((counts[$word]++)); done
echo "${counts[a]} ${counts[b]}"
printf '%s\n' pear fig apple | sort | awk '{ print NR ": " $0 }' | sed 's/fig/FIG/'
seq 5 | paste -sd+ | tr -d '\n' | wc -c
echo '<<<' | grep -c '<'
diff <(echo a) <(echo a) && echo same
sleep 0.01 &
wait
