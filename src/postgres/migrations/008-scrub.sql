-- How far the log has been re-read and compared with the rows, and what differed. Nothing of it is
-- evidence: a pass that begins anew finds the same.

-- One row: the present pass. No position: it begins.
create table control.scrub (
  id integer primary key default 1 check (id = 1),
  pass bigint not null default 1,
  commit_position bigint,
  prepare_position bigint,
  events bigint not null default 0,
  finished_at timestamptz
);

insert into control.scrub default values;

-- Each tenant's tree up to there. No frontier: something is missing, and no root can be told.
create table control.scrub_tree (
  tenant text primary key,
  size bigint not null,
  frontier bytea
);

-- What the last look at a place found there.
create table control.scrub_finding (
  tenant text not null,
  position bigint not null,
  kind text not null,
  index bigint not null,
  message text not null,
  pass bigint not null,
  found_at timestamptz not null default now(),
  primary key (tenant, position, kind)
);

grant select, update on control.scrub to ledger_worker;
grant select, insert, update, delete on control.scrub_tree, control.scrub_finding
  to ledger_worker;

alter table control.scrub_tree enable row level security;
alter table control.scrub_tree force row level security;
create policy worker_keeps on control.scrub_tree to ledger_worker using (true) with check (true);
alter table control.scrub_finding enable row level security;
alter table control.scrub_finding force row level security;
create policy worker_keeps on control.scrub_finding to ledger_worker using (true) with check (true);
