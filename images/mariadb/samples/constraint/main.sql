CREATE TABLE person (id int PRIMARY KEY, age int CHECK (age >= 0));
INSERT INTO person VALUES (1, 30);
SELECT * FROM person;
INSERT INTO person VALUES (2, -1);
