-- Webhooks: where events are sent, and how far each one is. The API writes what is wanted, the
-- worker what came of it. Signing secrets lie in the vault, wrapped, under these ids.

create table control.webhook (
  id uuid primary key,
  tenant text not null references control.tenant,
  url text not null check (url <> ''),
  filter jsonb not null check (jsonb_typeof(filter) = 'object'),
  enabled boolean not null,
  -- Raised by every change that is asked for: what the worker tried before does not count then.
  version integer not null default 1,
  secret uuid not null,
  previous_secret uuid,
  previous_until timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  position bigint not null,
  delivered_position bigint,
  delivered_at timestamptz,
  failing_since timestamptz,
  failures integer not null default 0,
  next_attempt_at timestamptz,
  last_error text,
  disabled_reason text,
  constraint webhook_previous_secret_ends check (
    (previous_secret is null) = (previous_until is null))
);

create index webhook_tenant on control.webhook (tenant);

alter table control.webhook enable row level security;
alter table control.webhook force row level security;
create policy tenant_has_its_own on control.webhook to ledger_api
  using (tenant = control.current_tenant()) with check (tenant = control.current_tenant());
create policy admin_sees_all on control.webhook to ledger_admin using (true) with check (true);
create policy worker_delivers on control.webhook to ledger_worker using (true) with check (true);
grant select, insert, update, delete on control.webhook to ledger_api, ledger_admin;
-- Where a webhook leads and what it is signed with is not the worker's to change.
grant select, update (enabled, position, delivered_position, delivered_at, failing_since, failures,
  next_attempt_at, last_error, disabled_reason) on control.webhook to ledger_worker;

create function control.webhook_counts()
  returns table (state text, count bigint)
  language sql stable security definer set search_path = pg_catalog, pg_temp
  begin atomic
    select case when not w.enabled then 'disabled' when w.failures > 0 then 'failing'
      else 'delivering' end, count(*)
    from control.webhook w group by 1;
  end;

revoke execute on function control.webhook_counts() from public;
grant execute on function control.webhook_counts() to ledger_api;
grant create on schema control to ledger_admin;
alter function control.webhook_counts() owner to ledger_admin;
revoke create on schema control from ledger_admin;

-- A signing secret goes with its webhook. The vault's other keys never do.
grant delete on vault.key to ledger_vault;
create policy only_secrets_go on vault.key as restrictive for delete to ledger_vault
  using (starts_with(name, 'webhook/'));
