.read schema.sql
.import --csv horses.csv horse
SELECT name FROM horse WHERE age > 5;
