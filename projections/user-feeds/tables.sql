-- Every event by or about a person, pointing into entry. Whoever did it and is also whom it is
-- about has one row, as the actor; 'served' is whom a program's event is about.
create table user_feed (
  position bigint not null,
  ref uuid not null,
  tenant text collate "C" not null,
  role text collate "C" not null,
  primary key (tenant, ref, position)
);

-- For a retention run, which knows events by their positions.
create index user_feed_position on user_feed (position);

-- The same of events whose rows a retention run removed: the log still has them, and whoever asks
-- for everything about a person is told of them.
create table removed_feed (
  position bigint not null,
  ref uuid not null,
  tenant text collate "C" not null,
  primary key (tenant, ref, position)
);
