-- What witnesses signed under checkpoints, as the log holds it; rows are only ever inserted. Of one
-- size and root the last row counts: it has all signatures that were known by then.

create table cosignature (
  tenant text collate "C" not null,
  size bigint not null,
  position bigint not null,
  prepare bigint not null,
  root bytea not null,
  recorded_at timestamptz not null,
  lines text not null,
  primary key (tenant, size, position)
);

create index cosignature_position on cosignature (position);
