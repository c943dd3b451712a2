-- The entity of events of category task, folded in the order of the log.
create table task (
  tenant text collate "C" not null,
  entity_type text collate "C" not null,
  entity_key text collate "C" not null,
  task_type text collate "C",
  status text collate "C",
  title text collate "C",
  actor_type text collate "C" not null,
  actor_key text collate "C",
  first_position bigint not null,
  last_position bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  events bigint not null,
  primary key (tenant, entity_type, entity_key)
) with (fillfactor = 80);

create index task_order on task (tenant, last_position);
create index task_status on task (tenant, status, last_position);
