-- A deletion leaves a tombstone: the key, its version, and when. Nothing is rewritten or scanned for it.
alter table key_values
  alter column value drop not null,
  add column deleted_at timestamptz,
  add constraint key_values_deleted_or_whole
    check (deleted_at is not null or value is not null) not valid;

-- Swept in the order of their age.
create index key_values_deleted_at on key_values (deleted_at) where deleted_at is not null;

create table events (
  version bigint primary key,
  type    text not null,
  payload jsonb not null,
  at      timestamptz not null
);
