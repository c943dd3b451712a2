-- Copies of a person's key lie in backups under every master key that was in use while the person
-- had one: an erased person is beyond them once all of these are destroyed. until: null while it
-- is in use; destroyed_at: nobody has kept it.
alter table vault.master_key add column until timestamptz, add column destroyed_at timestamptz;
update vault.master_key m set until = (
  select min(o.since) from vault.master_key o where o.since > m.since) where not m.current;

-- Nothing says which key was there before the first rotation, nor whether it was kept.
insert into vault.master_key (id, current, since, until)
  select 'unknown', false, '-infinity', min(since) from vault.master_key having count(*) > 0;

alter table vault.erased add column master_keys text[];
update vault.erased set master_keys = array[master_key_id] where master_key_id is not null;
alter table vault.erased drop column master_key_id;
