\ir more.sql
COPY item FROM STDIN WITH (FORMAT csv);
3,"a ; in a string"
4,
\.
