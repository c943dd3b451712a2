-- One row per event: what lists filter by, and the record as it is shown.
--   body    JSON text without braces: the members that contain nothing sealed, except those
--           that other columns hold (queries.ts adds them)
--   head    JSON object of the members that do contain something sealed, null if none do
--   sealed  JSON array of the sealed sections, null if there are none
-- actor_key, entity_key: a person's ref or else the id. ip, session: the clear value, or the
-- sealed section's tag by which who knows person and value finds it.

create table entry (
  position bigint not null,
  prepare bigint not null,
  revision bigint not null,
  occurred_at timestamptz not null,
  recorded_at timestamptz not null,
  id uuid not null,
  tenant text collate "C" not null,
  stream text collate "C" not null,
  action text collate "C" not null,
  category text collate "C" not null,
  outcome text collate "C" not null,
  source text collate "C" not null,
  actor_type text collate "C" not null,
  actor_key text collate "C",
  entity_type text collate "C",
  entity_key text collate "C",
  ip text collate "C",
  session text collate "C",
  correlation_id text collate "C",
  leaf_hash bytea not null,
  body text not null,
  head text,
  sealed text,
  primary key (tenant, position),
  unique (tenant, id),
  unique (tenant, stream, revision)
);

-- Filters that many rows can pass are kept in the order of a page. Users' events are found by
-- user_feed, entities' by entity_trail, tags by entry_tag.
create index entry_action on entry (tenant, action, position);
create index entry_category on entry (tenant, category, position);
create index entry_source on entry (tenant, source, position);
create index entry_entity_type on entry (tenant, entity_type, position)
  where entity_type is not null;
create index entry_outcome on entry (tenant, outcome, position) where outcome <> 'success';
create index entry_actor on entry (tenant, actor_key, position) where actor_type <> 'user';

-- Few rows pass these; equal keys share one index tuple, which costs a fraction of the space.
create index entry_ip on entry (tenant, ip) where ip is not null;
create index entry_session on entry (tenant, session) where session is not null;
create index entry_correlation on entry (tenant, correlation_id) where correlation_id is not null;

create index entry_occurred on entry (tenant, occurred_at);
create index entry_recorded on entry (tenant, recorded_at);

-- Tags in rows: Postgres does not use an index for array operators under row level security.
create table entry_tag (
  tenant text collate "C" not null,
  tag text collate "C" not null,
  position bigint not null,
  primary key (tenant, tag, position)
);

create index entry_tag_position on entry_tag (position);

-- Where events are whose rows a retention run removed: ids are known for good, and events can be
-- proven. run is the position of the run's event.
create table removed_entry (
  position bigint not null,
  prepare bigint not null,
  revision bigint not null,
  recorded_at timestamptz not null,
  run bigint not null,
  id uuid not null,
  tenant text collate "C" not null,
  stream text collate "C" not null,
  leaf_hash bytea not null,
  primary key (tenant, position)
);

create index removed_entry_id on removed_entry (tenant, id);
create index removed_entry_stream on removed_entry (tenant, stream, revision);
