-- Erasures and holds, as the ledger's own events tell of them. ref is a person's, orphaned once the
-- erasure is ordered; who asked and who approved are keys. state is the last event's.
create table erasure (
  tenant text collate "C" not null,
  id uuid not null,
  ref uuid not null,
  position bigint not null,
  state text collate "C" not null,
  subject_type text collate "C" not null,
  legal_basis text not null,
  reason text not null,
  recipients text not null,
  requested_at timestamptz not null,
  requested_by text not null,
  requested_by_name text,
  not_before timestamptz not null,
  needs_approval boolean not null,
  approved_at timestamptz,
  approved_by text,
  approved_by_name text,
  ordered_at timestamptz,
  ordered_position bigint,
  holds_checked integer,
  holds text,
  executed_at timestamptz,
  result text,
  master_keys text[] collate "C" not null default '{}',
  late_events bigint not null default 0,
  primary key (tenant, id),
  unique (tenant, ref)
);

create index erasure_order on erasure (tenant, position);
create index erasure_open on erasure (tenant, position) where state <> 'executed';

-- Master keys that nobody has any more: what was wrapped under them is gone from backups too.
create table destroyed_master_key (
  tenant text collate "C" not null,
  id text collate "C" not null,
  destroyed_at timestamptz not null,
  primary key (tenant, id)
);

create table hold (
  tenant text collate "C" not null,
  id uuid not null,
  position bigint not null,
  kind text collate "C" not null,
  scope_type text collate "C",
  scope_keys text[] collate "C" not null,
  reason text not null,
  until timestamptz,
  placed_at timestamptz not null,
  placed_by text not null,
  placed_by_name text,
  released_at timestamptz,
  released_by text,
  released_by_name text,
  release_reason text,
  primary key (tenant, id)
);

create index hold_order on hold (tenant, position);
create index hold_open on hold (tenant) where released_at is null;
