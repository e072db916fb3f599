CREATE TABLE horse (name TEXT, age INTEGER);
