-- Under which master key an erased person's key was wrapped: once that one is destroyed as well,
-- no backup can bring anything back. Null: the vault had no key of that ref any more.
alter table vault.erased add column master_key_id text;
