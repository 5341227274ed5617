/**
 * Tables with a column of every kind, required and nullable, appended, divided, and by each kind of key, as a
 * user would declare them. Some names of columns are words of SQL, or members that every object has.
 */
import {
  boolean,
  integer,
  json,
  nullable,
  number,
  text,
  timestamp,
  uuid,
} from "../../../shared/table/column.ts"
import { append, declareTables, upsert } from "../../../shared/table/table.ts"

const COLUMNS = {
  text: text(),
  integer: integer(),
  number: number(),
  boolean: boolean(),
  timestamp: timestamp(),
  json: json(),
  uuid: uuid(),
  toString: nullable(text()),
  valueOf: nullable(integer()),
  constructor: nullable(number()),
  hasOwnProperty: nullable(boolean()),
  select: nullable(timestamp()),
  Order: nullable(json()),
  user: nullable(uuid()),
}

const keyed = { columns: COLUMNS, deletes: true, updatedAt: true }

export const KINDS = declareTables({
  kinds: append({ columns: COLUMNS }),
  divided: append({ columns: COLUMNS, partitionedBy: ["timestamp"] }),
  by_text: upsert({ ...keyed, key: "id", columns: { id: text(), ...COLUMNS } }),
  by_integer: upsert({ ...keyed, key: "id", columns: { id: integer(), ...COLUMNS } }),
  by_uuid: upsert({ ...keyed, key: "id", columns: { id: uuid(), ...COLUMNS } }),
})
