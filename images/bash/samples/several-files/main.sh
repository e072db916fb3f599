. ./lib/greet.sh
greet "$(< data.txt)"
