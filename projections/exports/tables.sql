-- Exports, as the ledger's own events tell of them: what each shows, what it came to, who took it.
-- None of their bytes lie anywhere. filters is JSON: persons are in it by their refs.
create table export (
  tenant text collate "C" not null,
  id uuid not null,
  position bigint not null,
  format text collate "C" not null,
  filters text not null,
  up_to bigint not null,
  checkpoint bigint,
  continues bigint,
  requested_at timestamptz not null,
  requested_by text not null,
  requested_by_name text,
  expires_at timestamptz not null,
  prepared_at timestamptz,
  events bigint,
  bytes bigint,
  sha256 text,
  changes bigint,
  downloads bigint not null default 0,
  downloaded_at timestamptz,
  downloaded_by jsonb not null default '[]',
  deleted_at timestamptz,
  primary key (tenant, id)
);

create index export_order on export (tenant, position);
create index export_kept on export (tenant, expires_at) where deleted_at is null;
