-- Statements that have no end; psql keeps them back.
SELECT (1;
