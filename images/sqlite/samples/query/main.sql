CREATE TABLE horse (name TEXT NOT NULL, age INTEGER, PRIMARY KEY (name));
INSERT INTO horse VALUES ('Blitz', 4), ('Ada', 7), ('Kim', NULL);

SELECT name, age FROM horse ORDER BY name;
SELECT count(*), avg(age) FROM horse;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4) SELECT group_concat(i) FROM n;
SELECT name, rank() OVER (ORDER BY age DESC) FROM horse WHERE age IS NOT NULL;
SELECT json_extract('{"a": [1, 2]}', '$.a[1]');
