DELIMITER //
CREATE FUNCTION fact(n int) RETURNS bigint DETERMINISTIC
BEGIN
  DECLARE product bigint DEFAULT 1;
  WHILE n > 1 DO
    SET product = product * n;
    SET n = n - 1;
  END WHILE;
  RETURN product;
END//
CREATE PROCEDURE two()
BEGIN
  SELECT 1 AS one;
  SELECT 2 AS two;
END//
DELIMITER ;
SELECT fact(5), fact(10);
CALL two();
