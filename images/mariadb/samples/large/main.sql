SELECT seq AS n, seq * seq AS square, md5(seq) FROM seq_1_to_2000;
