-- Erasure. The log decides who is erased (ledger.erasure_ordered); these tables only remember it.

-- A closed row seals nothing new: who comes back meanwhile gets a row and a ref of their own.
alter table vault.subject add column closed_at timestamptz;
alter table vault.subject drop constraint subject_tenant_lookup_key;
create unique index subject_lookup on vault.subject (tenant, lookup) where closed_at is null;
create index subject_closed on vault.subject (tenant, lookup) where closed_at is not null;

drop trigger announce_removal on vault.subject;
create trigger announce_removal after delete or update of tenant, ref, lookup, closed_at
  on vault.subject for each row execute function vault.announce();

-- The planner's statistics are samples of the values themselves, and outlive the rows.
alter table vault.subject alter column wrapped_key set statistics 0;
alter table vault.subject alter column lookup set statistics 0;

-- Refs that must never have a key again.
create table vault.erased (
  tenant text not null,
  ref uuid not null,
  erasure uuid not null,
  erased_at timestamptz not null default now(),
  primary key (tenant, ref)
);

create function vault.refuse_erased() returns trigger
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  if exists (select from vault.erased e where e.tenant = new.tenant and e.ref = new.ref) then
    raise exception 'subject % was erased and never gets a key again', new.ref
      using errcode = 'integrity_constraint_violation', constraint = 'vault_refuses_erased';
  end if;
  return new;
end
$$;

create trigger refuse_erased before insert or update of tenant, ref on vault.subject
  for each row execute function vault.refuse_erased();

-- Which processes keep keys in memory, and up to which call they have let go of removed ones.
create sequence vault.call;
create table vault.listener (
  id uuid primary key,
  heard bigint not null
);

grant usage, select on sequence vault.call to ledger_vault;
grant select, insert on vault.erased to ledger_vault;
grant select, insert, update, delete on vault.listener to ledger_vault;

alter table vault.erased enable row level security;
alter table vault.erased force row level security;
create policy vault_keeps on vault.erased to ledger_vault using (true) with check (true);
alter table vault.listener enable row level security;
alter table vault.listener force row level security;
create policy vault_keeps on vault.listener to ledger_vault using (true) with check (true);

-- The same refs for the read models, written with the batch that holds the order. positions are
-- those of the events that name the ref: once the feeds are gone, nobody else can tell a
-- generation that is being built.
create table control.erased (
  tenant text not null,
  ref uuid not null,
  erasure uuid not null,
  ordered_at timestamptz not null,
  position bigint not null,
  positions bigint[],
  rows jsonb,
  primary key (tenant, ref)
);

grant select, insert, update on control.erased to ledger_worker;
grant select on control.erased to ledger_api;

alter table control.erased enable row level security;
alter table control.erased force row level security;
create policy worker_keeps on control.erased to ledger_worker using (true) with check (true);
create policy tenant_reads on control.erased for select to ledger_api
  using (tenant = control.current_tenant());

-- Which master key new keys are wrapped under, once keys were rotated: a process that has an older
-- one must not wrap anything under it any more.
create table vault.master_key (
  id text primary key,
  current boolean not null,
  since timestamptz not null default now()
);

create unique index master_key_current on vault.master_key (current) where current;
grant select, insert, update on vault.master_key to ledger_vault;

alter table vault.master_key enable row level security;
alter table vault.master_key force row level security;
create policy vault_keeps on vault.master_key to ledger_vault using (true) with check (true);
