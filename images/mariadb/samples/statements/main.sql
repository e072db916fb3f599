-- Several statements; those that return rows are shown.
CREATE TABLE city (id int PRIMARY KEY, name varchar(40) NOT NULL, people bigint);
INSERT INTO city VALUES (1, 'Berlin', 3677472), (2, 'Potsdam', 183154), (3, 'Werder (Havel)', NULL);
UPDATE city SET people = 26184 WHERE id = 3;
SELECT name, people FROM city ORDER BY people DESC;
DELETE FROM city WHERE people < 100000 RETURNING name;
SELECT count(*), sum(people) FROM city;
SELECT * FROM city WHERE false;
SELECT * FROM city WHERE id = 1\G
