/**
 * A request of each call that takes more than its path, for those who read the contract. Each is answered as
 * it stands, which a test tries. Of tables they follow from the declaration.
 */
import type { CONTRACT } from "./contract.ts"
import { DEFAULT_TABLE } from "./item.ts"
import { sampleRow } from "./table/sample.ts"
import type { Table } from "./table/table.ts"
import { TABLES } from "./tables.ts"

export interface Example {
  /** By name, before they are encoded. */
  readonly path?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string | ReadonlyArray<string>>>
  readonly body?: unknown
}

/** The services whose calls others make. */
export type OpenService = "ingest" | "reader" | "stats"

type Examples = {
  readonly [S in OpenService]: { readonly [R in keyof (typeof CONTRACT)[S]]?: Example }
}

const key = "user:123"
const row = { key, value: "John Doe" }
const table = DEFAULT_TABLE.name

/** Another one than the default, where there is one. */
const OTHER = Object.values<Table>(TABLES)[1] ?? DEFAULT_TABLE
const sample = (number: number) => sampleRow(OTHER, number, 50)

export const EXAMPLES: Examples = {
  ingest: {
    "POST /write": { body: row },
    "POST /write/:table": { path: { table: OTHER.name }, body: sample(1) },
    "DELETE /write/:key": { path: { key: "user:124" } },
    "DELETE /write/:table/:key": { path: { table, key: "user:125" } },
    "POST /writes": { body: [row, { key: "user:126", value: "Jane Doe" }] },
    "POST /writes/:table": { path: { table: OTHER.name }, body: [sample(2), sample(3)] },
  },
  reader: {
    "GET /read": { query: { key: [key, "user:126"] } },
    "GET /read/:key": { path: { key } },
    "GET /read/:table/:key": { path: { table, key } },
  },
  stats: {
    "GET /dead": { query: { limit: "10" } },
    "GET /dead/reasons": { query: { limit: "10" } },
    "POST /dead/replay": { body: { all: true, table } },
    "DELETE /dead": { body: { all: true, table } },
    "GET /queue": { query: { limit: "10" } },
    "DELETE /queue": { body: { confirm: "1" } },
    // As many as there are.
    "POST /queue/shards": { body: { shards: 1 } },
  },
}
