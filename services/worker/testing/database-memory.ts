/**
 * The database in memory: each table as a Map, with the guard on versions and the refusals that a
 * write of the queue can meet. What else can go wrong, a test puts in its way.
 */
import { Clock, Context, Effect, Layer } from "effect"
import { DEFAULT_TABLE, type Item, makeItem } from "../../../shared/item.ts"
import { keyColumn, type Table } from "../../../shared/table/table.ts"
import { TABLES } from "../../../shared/tables.ts"
import { identity } from "../../../shared/write.ts"
import { Database } from "../database.ts"
import { blameDatabase, StatementRefused, type WriteError, WriteRejected } from "../errors.ts"
import { type Faults, makeFaults } from "./fault-memory.ts"

/** Which database it is, until a test says otherwise. */
export const DATABASE = "1/write_buffer/public"

const DAY_MILLIS = 86_400_000

export type DatabaseCall = keyof Database["Service"]

/** The tables as a reader meets them; the conformance suite looks at both databases with it. */
export class DatabaseOutside extends Context.Service<
  DatabaseOutside,
  {
    /** The row of a key, or of a version where rows have no key; of `key_values` if no table is given. */
    readonly read: (id: string, table?: Table) => Effect.Effect<Item | undefined>
    /** How many rows there are, tombstones included. */
    readonly count: (table: Table) => Effect.Effect<number>
  }
>()("write-buffer/worker/DatabaseOutside") {}

export class DatabaseFaults extends Context.Service<
  DatabaseFaults,
  Faults<DatabaseCall, WriteError> & {
    /** From now on, asked before each statement; null ends it. */
    readonly onWrite: (
      rule: ((items: ReadonlyArray<Item>, table: Table) => Effect.Effect<void, WriteError>) | null,
    ) => Effect.Effect<void>
    /** From now on every statement of the table fails so, without rows too; null ends it. */
    readonly breakTable: (table: Table, error: WriteError | null) => Effect.Effect<void>
    /** From now on it is the database of this identity. */
    readonly become: (identity: string) => Effect.Effect<void>
    /** The versions in each statement so far, in order, failed statements included. */
    readonly statements: Effect.Effect<ReadonlyArray<ReadonlyArray<number>>>
  }
>()("write-buffer/worker/DatabaseFaults") {}

export const reject = (sqlstate: string) =>
  new WriteRejected({ reason: `SQLSTATE ${sqlstate}`, sqlstate })

/** The answer to a trigger's exception, a policy, or something missing. */
export const refuse = (sqlstate: string) =>
  new StatementRefused({ reason: `SQLSTATE ${sqlstate}`, sqlstate })

const ALL = Object.values<Table>(TABLES)

/** Of an appended row its version. */
const idOf = ({ write, version }: Item) => identity(write) ?? String(version)

/** PostgreSQL stores no U+0000 (22021), and no key twice in one statement (21000). */
const refusal = (items: ReadonlyArray<Item>): WriteRejected | null => {
  if (items.some(({ write }) => Object.values(write.row).join("").includes("\0"))) {
    return reject("22021")
  }
  const identities = new Set(items.map(idOf))
  return identities.size < items.length ? reject("21000") : null
}

export const layerMemory = Layer.effectContext(
  Effect.sync(() => {
    const tables = new Map<Table, Map<string, Item>>()
    const rowsOf = (table: Table) => {
      const rows = tables.get(table) ?? new Map<string, Item>()
      tables.set(table, rows)
      return rows
    }
    /** Of tombstones: when they were written. */
    const deletedAt = new WeakMap<Item, number>()
    const statements: number[][] = []
    const broken = new Map<Table, WriteError>()
    let which = DATABASE
    let rule: Parameters<DatabaseFaults["Service"]["onWrite"]>[0] = null
    const { faults, around } = makeFaults<DatabaseCall, WriteError>()

    const reach = (table: Table): Effect.Effect<void, WriteError> =>
      Effect.suspend(() => {
        const error = broken.get(table)
        return error ? Effect.fail(error) : Effect.void
      })

    const upsert = (table: Table, items: ReadonlyArray<Item>) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const rows = rowsOf(table)
        const refused = refusal(items)
        if (refused) return Effect.fail(refused)
        const changed = items.filter((item) => {
          const stored = rows.get(idOf(item))
          return !stored || stored.version < item.version
        })
        for (const item of changed) {
          rows.set(idOf(item), item)
          if (item.write.isDelete) deletedAt.set(item, now)
        }
        return Effect.succeed(changed.length)
      })

    const database = Database.of({
      write: (table, items) =>
        Effect.suspend(() => {
          statements.push(items.map(({ version }) => version))
          const ruled = Effect.suspend(() => rule?.(items, table) ?? Effect.void)
          return around(
            "write",
            reach(table).pipe(Effect.andThen(ruled), Effect.andThen(upsert(table, items))),
          )
        }),
      rehearse: (table, preferred) =>
        Effect.suspend(() => {
          const rows = [...rowsOf(table).values()].filter(({ write }) => !write.isDelete)
          const row = rows.find((each) => idOf(each) === preferred) ?? rows.at(-1)
          if (!row) return around("rehearse", Effect.as(reach(table), false))
          const newer = { ...row, version: row.version + 1 }
          const name = keyColumn(table)
          const renamed = name === null ? {} : { [name]: `${idOf(row)} as a new one` }
          const fresh = makeItem(newer.version, {
            ...row.write,
            row: { ...row.write.row, ...renamed },
          })
          const tried = Effect.forEach(
            [newer, fresh],
            (item) => rule?.([item], table) ?? Effect.void,
          )
          return around("rehearse", reach(table).pipe(Effect.andThen(tried), Effect.as(true)))
        }),
      probe: Effect.mapError(around("probe", Effect.raceAll(ALL.map(reach))), blameDatabase),
      probeTable: (table) => Effect.mapError(around("probeTable", reach(table)), blameDatabase),
      identity: Effect.mapError(
        around(
          "identity",
          Effect.sync(() => which),
        ),
        blameDatabase,
      ),
      check: () => Effect.mapError(around("check", Effect.succeed(true)), blameDatabase),
      highestVersion: around(
        "highestVersion",
        Effect.sync(() =>
          Math.max(
            0,
            ...[...tables.values()].flatMap((rows) =>
              [...rows.values()].map(({ version }) => version),
            ),
          ),
        ),
      ).pipe(Effect.mapError(blameDatabase)),
      sweep: (table, { days, below, most }) =>
        around(
          "sweep",
          Effect.map(Clock.currentTimeMillis, (now) => {
            const at = (item: Item) => deletedAt.get(item) ?? now
            const old = [...rowsOf(table).values()]
              .filter((item) => item.write.isDelete && at(item) < now - days * DAY_MILLIS)
              .sort((one, other) => at(one) - at(other))
              .slice(0, most)
            const gone = old.filter(({ version }) => version < below)
            for (const item of gone) rowsOf(table).delete(idOf(item))
            return { looked: old.length, swept: gone.length }
          }),
        ).pipe(Effect.mapError(blameDatabase)),
    })
    return Context.make(Database, database).pipe(
      Context.add(DatabaseOutside, {
        read: (id, table = DEFAULT_TABLE) =>
          Effect.sync(() => {
            const row = rowsOf(table).get(id)
            return row?.write.isDelete ? undefined : row
          }),
        count: (table) => Effect.sync(() => rowsOf(table).size),
      }),
      Context.add(DatabaseFaults, {
        ...faults,
        onWrite: (next) =>
          Effect.sync(() => {
            rule = next
          }),
        breakTable: (table, error) =>
          Effect.sync(() => {
            if (error) broken.set(table, error)
            else broken.delete(table)
          }),
        become: (identity) =>
          Effect.sync(() => {
            which = identity
          }),
        statements: Effect.sync(() => statements.map((versions) => [...versions])),
      }),
    )
  }),
)
