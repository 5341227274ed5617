/** Tables of every kind of column and of both modes, and how they are created. */
import { boolean, integer, json, nullable, number, text, timestamp, uuid } from "../table/column.ts"
import { append, declareTables, upsert } from "../table/table.ts"

/** Names that SQL has other uses for, and one that differs from another in its capitals alone. */
export const { order, user, clicks, absent } = declareTables({
  order: upsert({
    key: "key",
    columns: {
      key: integer(),
      select: nullable(text()),
      Select: nullable(integer()),
      float: nullable(number()),
      boolean: nullable(boolean()),
      uuid: nullable(uuid()),
      timestamp: nullable(timestamp()),
      json: nullable(json()),
    },
    deletes: true,
    updatedAt: true,
  }),
  user: upsert({ key: "id", columns: { id: uuid(), name: text() } }),
  clicks: append({ columns: { type: text(), payload: nullable(json()) } }),
  absent: append({ columns: { type: text() } }),
})

/** `absent` is not. */
export const CREATE = `
  create table "order" (
    key bigint primary key, "select" text, "Select" bigint, "float" double precision,
    "boolean" boolean, "uuid" uuid, "timestamp" timestamptz, "json" jsonb,
    version bigint not null, deleted_at timestamptz, updated_at timestamptz not null);
  create table "user" (id uuid primary key, name text not null, version bigint not null);
  create table clicks (version bigint primary key, type text not null, payload jsonb)`
