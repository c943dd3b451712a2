-- The owner of tables that force row level security sees no rows of them but without it.
alter table vault.master_key no force row level security;
alter table vault.erased no force row level security;
alter table control.erased no force row level security;
alter table control.api_key no force row level security;

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

-- The API key of a person who is erased is revoked, and does not say any more whose it was.
alter table control.api_key drop constraint api_key_of_self_has_subject;
alter table control.api_key add constraint api_key_of_self_has_subject check (
  subject_ref is not null or revoked_at is not null or not 'self' = any (roles));
create index api_key_subject on control.api_key (tenant, subject_ref)
  where subject_ref is not null;
update control.api_key k
  set subject_ref = null, revoked_at = coalesce(k.revoked_at, clock_timestamp())
  from control.erased e where e.tenant = k.tenant and e.ref = k.subject_ref;

create policy worker_revokes on control.api_key to ledger_worker using (true) with check (true);
grant select (tenant, subject_ref, revoked_at), update (subject_ref, revoked_at)
  on control.api_key to ledger_worker;

alter table vault.master_key force row level security;
alter table vault.erased force row level security;
alter table control.erased force row level security;
alter table control.api_key force row level security;
