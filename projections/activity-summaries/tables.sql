-- How often an actor did what, with which outcome, on which day (UTC, of occurredAt).
-- An actor without id has the key ''.
create table activity_summary (
  tenant text collate "C" not null,
  actor_type text collate "C" not null,
  actor_key text collate "C" not null,
  day date not null,
  category text collate "C" not null,
  action text collate "C" not null,
  outcome text collate "C" not null,
  events bigint not null,
  first_position bigint not null,
  last_position bigint not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  primary key (tenant, actor_type, actor_key, day, category, action, outcome)
) with (fillfactor = 80);
