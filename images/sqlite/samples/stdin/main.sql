.read /dev/stdin
SELECT count(*) FROM given;
