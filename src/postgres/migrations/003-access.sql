-- Who may do what. ledger_api serves requests and sees one tenant per transaction; ledger_worker
-- writes the read models; ledger_admin administers the server across tenants.

-- After a commit the local setting is '' and not null, and before the first it is null: both deny.
create function control.current_tenant() returns text
  language sql stable parallel safe
  return nullif(current_setting('ledger.tenant', true), '');

grant usage on schema control to ledger_api, ledger_worker, ledger_admin;

alter table control.tenant enable row level security;
alter table control.tenant force row level security;
create policy tenant_sees_itself on control.tenant to ledger_api
  using (name = control.current_tenant());
create policy worker_sees_tenants on control.tenant for select to ledger_worker using (true);
create policy admin_sees_tenants on control.tenant to ledger_admin using (true);
grant select, update (settings) on control.tenant to ledger_api;
grant select on control.tenant to ledger_worker;
grant select, insert, update, delete on control.tenant to ledger_admin;

alter table control.api_key enable row level security;
alter table control.api_key force row level security;
create policy tenant_sees_its_keys on control.api_key to ledger_api
  using (tenant = control.current_tenant());
create policy admin_sees_keys on control.api_key to ledger_admin using (true);
-- What a key is never changes, only how long it lasts. Nothing is deleted: the log names keys.
grant select, insert, update (expires_at, superseded_at, revoked_at) on control.api_key
  to ledger_api, ledger_admin;
grant update (last_used_at) on control.api_key to ledger_admin;

grant select on control.secret to ledger_api;
grant select on control.projection, control.worker_state to ledger_api, ledger_admin;
grant select on control.parked to ledger_admin;
grant select, insert, update, delete on control.projection, control.parked to ledger_worker;
grant select, update on control.runner, control.worker_state to ledger_worker;

-- The doors through row level security, each one row or one number wide. They belong to
-- ledger_admin, who sees all rows but is no superuser whoever ran the migration.

create function control.api_key_for_auth(key_id text) 
  returns table (
    id text, tenant text, name text, roles text[], secret_hash bytea, subject_ref uuid,
    created_at timestamptz, expires_at timestamptz, superseded_at timestamptz,
    revoked_at timestamptz, last_used_at timestamptz)
  language sql stable security definer set search_path = pg_catalog, pg_temp rows 1
  begin atomic
    select k.id, k.tenant, k.name, k.roles, k.secret_hash, k.subject_ref, k.created_at,
      k.expires_at, k.superseded_at, k.revoked_at, k.last_used_at
    from control.api_key k where k.id = key_id;
  end;

-- To the minute, so that a busy key does not cost a write per request.
create function control.touch_api_key(key_id text) returns void
  language sql security definer set search_path = pg_catalog, pg_temp
  begin atomic
    update control.api_key set last_used_at = now()
    where id = key_id and (last_used_at is null or last_used_at < now() - interval '1 minute');
  end;

create function control.parked_count() returns bigint
  language sql stable security definer set search_path = pg_catalog, pg_temp
  begin atomic
    select count(*) from control.parked;
  end;

revoke execute on all functions in schema control from public;
grant execute on all functions in schema control to ledger_api, ledger_admin;
grant execute on function control.current_tenant() to ledger_worker;
grant execute on function control.parked_count() to ledger_worker;

-- A new owner must be able to create in the schema at that moment.
grant create on schema control to ledger_admin;
alter function control.api_key_for_auth(text) owner to ledger_admin;
alter function control.touch_api_key(text) owner to ledger_admin;
alter function control.parked_count() owner to ledger_admin;
revoke create on schema control from ledger_admin;
