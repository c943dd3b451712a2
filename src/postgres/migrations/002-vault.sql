-- The keys of persons: destroying a row is what erases its person.

create schema vault;

create table vault.subject (
  tenant text not null,
  ref uuid not null,
  lookup bytea not null,
  wrapped_key bytea not null,
  master_key_id text not null,
  created_at timestamptz not null default now(),
  primary key (tenant, ref),
  unique (tenant, lookup)
);

grant usage on schema vault to ledger_vault;
grant select, insert, update, delete on vault.subject to ledger_vault;

alter table vault.subject enable row level security;
alter table vault.subject force row level security;
create policy vault_keeps on vault.subject to ledger_vault using (true) with check (true);
