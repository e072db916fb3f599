CREATE TABLE größe (straße varchar(40), wert int);
INSERT INTO größe VALUES ('Müllerstraße', 1), ('日本語', 2), ('😀', 3);
SELECT straße, wert FROM größe ORDER BY wert;
