\echo schema
\i schema.sql
\echo 'and data'
\i data/insert.sql
SELECT * FROM item ORDER BY id;
