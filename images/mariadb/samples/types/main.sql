SELECT true AS b, NULL AS nothing, 9007199254740993 AS big, 1.50 AS exact, 1e-1 AS f, 'it''s "quoted"; \'really\'' AS text;
CREATE TABLE kinds (d date, t time, dt datetime, e enum('sad', 'happy'), j json, y year, bits bit(8), blobs blob);
INSERT INTO kinds VALUES ('2024-02-29', '12:30:00', '2024-02-29 12:30:00', 'happy', '{"a": [1, null]}', 2024, 65, 'raw');
SELECT * FROM kinds; # a comment
SELECT 5--3 AS eight, `d` /* a comment; */ FROM kinds;
