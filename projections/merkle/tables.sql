-- The Merkle tree of each tenant. Rows are only ever inserted, except for the one of merkle_tree.
--   merkle_leaf        one per leaf: its hash, and where in the log its event is
--   merkle_node        one per full subtree of 256^level leaves: what tiles above level 0 hold;
--                      position is that of its last leaf, by which the leaf of an event is found
--   merkle_tree        how large the tree is, and the full subtrees it falls into, largest first
--   merkle_checkpoint  the signed checkpoints that the log holds, which are no leaves

create table merkle_leaf (
  tenant text collate "C" not null,
  index bigint not null,
  position bigint not null,
  hash bytea not null,
  primary key (tenant, index)
);

create table merkle_node (
  tenant text collate "C" not null,
  level smallint not null,
  index bigint not null,
  position bigint not null,
  hash bytea not null,
  primary key (tenant, level, index)
);

create index merkle_node_position on merkle_node (tenant, position) where level = 1;

create table merkle_tree (
  tenant text collate "C" not null,
  size bigint not null,
  position bigint not null,
  frontier bytea not null,
  primary key (tenant)
) with (fillfactor = 50);

create table merkle_checkpoint (
  tenant text collate "C" not null,
  position bigint not null,
  prepare bigint not null,
  revision bigint not null,
  size bigint not null,
  root bytea not null,
  recorded_at timestamptz not null,
  note text not null,
  keys text not null,
  primary key (tenant, position)
);

create index merkle_checkpoint_size on merkle_checkpoint (tenant, size, position);

create index merkle_checkpoint_keys on merkle_checkpoint (tenant, keys, position);
