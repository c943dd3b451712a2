-- Every event that happened to an entity or names it as related, pointing into entry. An entity
-- that is both has one row, as the entity.
create table entity_trail (
  position bigint not null,
  tenant text collate "C" not null,
  entity_type text collate "C" not null,
  entity_key text collate "C" not null,
  role text collate "C" not null,
  primary key (tenant, entity_type, entity_key, position)
);

-- For a retention run, which knows events by their positions.
create index entity_trail_position on entity_trail (position);
