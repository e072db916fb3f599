SELECT 1 AS before_it;
SELECT nothing FROM nowhere;
SELECT 2 AS never_reached;
