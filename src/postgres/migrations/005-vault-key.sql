-- The vault's own keys, wrapped like those of persons. "lookup" finds a person's row.

create table vault.key (
  name text primary key,
  wrapped_key bytea not null,
  master_key_id text not null,
  created_at timestamptz not null default now()
);

grant select, insert, update on vault.key to ledger_vault;

alter table vault.key enable row level security;
alter table vault.key force row level security;
create policy vault_keeps on vault.key to ledger_vault using (true) with check (true);

-- Whoever has a person's key in memory must let go of it when its row goes, whoever removes it.
create function vault.announce() returns trigger
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'TRUNCATE' then
    perform pg_notify('ledger_vault', '');
  else
    perform pg_notify('ledger_vault', json_build_array(old.tenant, old.ref)::text);
  end if;
  return null;
end
$$;

create trigger announce_removal after delete or update of tenant, ref, lookup on vault.subject
  for each row execute function vault.announce();
create trigger announce_truncation after truncate on vault.subject
  for each statement execute function vault.announce();
