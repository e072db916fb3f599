.mode box
.headers on
SELECT 1 AS one, 'x' AS letter;
.mode json
SELECT 2 AS two;
