SELECT 'before';
SELECT * FROM missing;
SELECT 'after';
