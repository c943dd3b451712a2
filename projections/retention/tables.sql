-- Retention policies, and what their runs came to, as the ledger's own events tell of them. Age is
-- in months or in days; category and action are null for all.
create table retention_policy (
  tenant text collate "C" not null,
  id uuid not null,
  position bigint not null,
  category text collate "C",
  action text collate "C",
  age_months integer,
  age_days integer,
  reason text not null,
  forced boolean not null,
  set_at timestamptz not null,
  set_by text not null,
  set_by_name text,
  revoked_at timestamptz,
  revoked_by text,
  revoked_by_name text,
  revoke_reason text,
  runs bigint not null default 0,
  removed bigint not null default 0,
  last_run_at timestamptz,
  last_cutoff timestamptz,
  primary key (tenant, id)
);

create index retention_policy_order on retention_policy (tenant, position);
create index retention_policy_active on retention_policy (tenant) where revoked_at is null;
