SELECT true AS b, NULL::int AS nothing, 32767::smallint AS s, 9007199254740993 AS big, 1.50 AS exact, 0.1::float8 AS f,
  'NaN'::float4 AS nan, 'x'::char(3) AS c, E'two\nlines' AS text, '\xdeadbeef'::bytea AS bytes;
SELECT DATE '2024-02-29' AS d, TIMESTAMP '2024-02-29 12:30:00' AS ts, INTERVAL '1 day 2 hours' AS i,
  '{"a": [1, null]}'::jsonb AS j, ARRAY[1, 2, NULL] AS a, '550e8400-e29b-41d4-a716-446655440000'::uuid AS u;
CREATE TYPE mood AS ENUM ('sad', 'happy');
SELECT 'happy'::mood AS mood, $$it's "quoted"; really$$ AS quoted, "left"('abc', 2) /* a /* nested */ comment */;
