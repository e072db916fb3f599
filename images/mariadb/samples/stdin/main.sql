CREATE TABLE given (n int);
INSERT INTO given VALUES (1), (2), (3);
source /dev/stdin
