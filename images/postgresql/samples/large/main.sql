SELECT n, n * n AS square, md5(n::text) FROM generate_series(1, 2000) AS n;
