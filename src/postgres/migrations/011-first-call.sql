-- The number of the last call is 0 before the first one, so that whoever registers before it is
-- waited for: a sequence that was not used yet shows as its last value the one it gives first.
alter sequence vault.call minvalue 0;
select setval('vault.call', 0) from vault.call where not is_called;
