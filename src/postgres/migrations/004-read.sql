-- Read models: tables in schemas of their own, made by the worker; views in schema read.

create schema read;
grant usage, create on schema read to ledger_worker;
grant usage on schema read to ledger_api;

set local role ledger_worker;
alter default privileges in schema read grant select on tables to ledger_api;
reset role;

-- Gives every table of the schema that has a tenant column its row level security, and lets the
-- API read it. Runs as the caller, who owns the tables. A table without a tenant column stays
-- closed to the API. May be repeated; must have run before a view in schema read shows a table.
create function control.protect(target text) returns void
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  found_table regclass;
begin
  execute format('grant usage on schema %I to ledger_api', target);
  for found_table in
    select c.oid::regclass
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant' and not a.attisdropped
    where n.nspname = target and c.relkind in ('r', 'p')
  loop
    execute format('alter table %s enable row level security', found_table);
    execute format('alter table %s force row level security', found_table);
    execute format('drop policy if exists tenant_reads on %s', found_table);
    execute format('drop policy if exists worker_writes on %s', found_table);
    execute format(
      'create policy tenant_reads on %s for select to ledger_api '
      'using (tenant = current_setting(''ledger.tenant'', true) and tenant <> '''')', found_table);
    execute format(
      'create policy worker_writes on %s to ledger_worker using (true) with check (true)',
      found_table);
    execute format('grant select on %s to ledger_api', found_table);
  end loop;
end
$$;

revoke execute on function control.protect(text) from public;
grant execute on function control.protect(text) to ledger_worker;
