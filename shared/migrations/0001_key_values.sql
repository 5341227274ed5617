-- "C": an order that no upgrade of the C library changes under the index. The fill factor leaves room
-- in each page for HOT updates; an index on value, version or updated_at would end them.
create table key_values (
  key        text collate "C" primary key,
  value      text not null,
  version    bigint not null,
  updated_at timestamptz not null default now()
) with (fillfactor = 85);
