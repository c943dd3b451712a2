-- What cannot be derived from the log, except for the vault: tenants, keys, progress.
-- Who may see which row is settled in 003; a table that is not named there is closed.

create table control.tenant (
  name text primary key check (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  settings jsonb not null default '{}' check (jsonb_typeof(settings) = 'object'),
  created_at timestamptz not null default now()
);

-- A key without a tenant administers the server. A key is known to the log by its name (the
-- "source"), which therefore belongs to one current key at a time: a rotation marks the old key
-- as superseded, with an end that the check demands, and the new one takes the name over.
create table control.api_key (
  id text primary key,
  tenant text references control.tenant,
  name text not null check (name <> ''),
  roles text[] not null,
  secret_hash bytea not null check (octet_length(secret_hash) = 32),
  subject_ref uuid,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  superseded_at timestamptz,
  revoked_at timestamptz,
  replaces text references control.api_key,
  last_used_at timestamptz,
  constraint api_key_has_known_roles check (
    cardinality(roles) > 0 and array_position(roles, null) is null and
    roles <@ array['producer', 'self', 'auditor', 'compliance', 'admin', 'operator']),
  constraint api_key_of_server_administers check (
    tenant is not null or roles <@ array['admin', 'operator']),
  constraint api_key_of_tenant_does_not_operate check (
    tenant is null or not 'operator' = any (roles)),
  constraint api_key_of_self_has_subject check (
    subject_ref is not null or not 'self' = any (roles)),
  constraint api_key_superseded_ends check (
    superseded_at is null or expires_at is not null)
);

create unique index api_key_current_name on control.api_key (tenant, name) nulls not distinct
  where revoked_at is null and superseded_at is null;

create unique index api_key_replaces on control.api_key (replaces) where replaces is not null;

create table control.secret (
  name text primary key,
  value bytea not null
);

-- 366 random bits in 32 bytes, from the same source as keys (pg_strong_random).
insert into control.secret values ('cursor-signing', sha256(
  uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())));

-- One row per generation of a projection's tables, moved in the transaction of its rows.
create table control.projection (
  name text not null,
  generation bigint not null,
  version integer not null,
  state text not null check (state in ('building', 'live', 'retired')),
  commit_position bigint,
  prepare_position bigint,
  stream text,
  revision bigint,
  event_id uuid,
  events bigint not null default 0,
  updated_at timestamptz not null default now(),
  primary key (name, generation)
);

create unique index projection_live on control.projection (name) where state = 'live';

-- The fencing token: whoever raised it last is the runner.
create table control.runner (
  id integer primary key default 1 check (id = 1),
  fence bigint not null default 0,
  holder text,
  renewed_at timestamptz
);

insert into control.runner default values;

-- Events that no projection could take; data is what the log holds, as text.
create table control.parked (
  position bigint primary key,
  stream text not null,
  revision bigint not null,
  event_id uuid not null,
  event_type text not null,
  reason_code text not null,
  reason text not null,
  data text,
  parked_at timestamptz not null default now()
);

create table control.worker_state (
  id integer primary key default 1 check (id = 1),
  state text not null default 'stopped',
  detail jsonb not null default '{}',
  head_commit bigint,
  updated_at timestamptz not null default now()
);

insert into control.worker_state default values;
