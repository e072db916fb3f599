CREATE FUNCTION fact(n int) RETURNS numeric LANGUAGE plpgsql AS $body$
BEGIN
  IF n <= 1 THEN RETURN 1; END IF;
  RETURN n * fact(n - 1);
END;
$body$;
CREATE FUNCTION twice(n int) RETURNS int LANGUAGE SQL
BEGIN ATOMIC
  SELECT CASE WHEN n > 0 THEN 2 * n ELSE 0 END;
END;
CREATE PROCEDURE note(INOUT said text) LANGUAGE plpgsql AS $$
BEGIN
  said := said || '; done';
END $$;
SELECT n, fact(n), twice(n) FROM generate_series(1, 5) AS n;
CALL note('called');
DO $$ BEGIN RAISE NOTICE 'this goes to standard error'; END $$;
