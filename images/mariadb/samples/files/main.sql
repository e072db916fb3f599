source schema.sql
\. data.sql
SELECT * FROM item ORDER BY id;
