/**
 * The database in memory: one table as a Map, with the guard on versions and the refusals that a
 * write of the queue can meet. What else can go wrong, a test puts in its way.
 */
import { Context, Effect, Layer } from "effect"
import type { Item } from "../../../shared/item.ts"
import { identity } from "../../../shared/write.ts"
import { Database } from "../database.ts"
import { blameDatabase, StatementRefused, type WriteError, WriteRejected } from "../errors.ts"
import { type Faults, makeFaults } from "./fault-memory.ts"

/** Which database it is, until a test says otherwise. */
export const DATABASE = "1/write_buffer/public"

export type DatabaseCall = keyof Database["Service"]

/** The table as a reader meets it; the conformance suite looks at both databases with it. */
export class DatabaseOutside extends Context.Service<
  DatabaseOutside,
  { readonly read: (id: string) => Effect.Effect<Item | undefined> }
>()("write-buffer/worker/DatabaseOutside") {}

export class DatabaseFaults extends Context.Service<
  DatabaseFaults,
  Faults<DatabaseCall, WriteError> & {
    /** From now on, asked before each statement; null ends it. */
    readonly onWrite: (
      rule: ((items: ReadonlyArray<Item>) => Effect.Effect<void, WriteError>) | null,
    ) => Effect.Effect<void>
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

/** PostgreSQL stores no U+0000 (22021), and no key twice in one statement (21000). */
const refusal = (items: ReadonlyArray<Item>): WriteRejected | null => {
  if (items.some(({ write }) => Object.values(write).join("").includes("\0"))) {
    return reject("22021")
  }
  const identities = new Set(items.map(({ write }) => identity(write)))
  return identities.size < items.length ? reject("21000") : null
}

export const layerMemory = Layer.effectContext(
  Effect.sync(() => {
    const rows = new Map<string, Item>()
    const statements: number[][] = []
    let which = DATABASE
    let rule: Parameters<DatabaseFaults["Service"]["onWrite"]>[0] = null
    const { faults, around } = makeFaults<DatabaseCall, WriteError>()

    const upsert = (items: ReadonlyArray<Item>) =>
      Effect.suspend(() => {
        const refused = refusal(items)
        if (refused) return Effect.fail(refused)
        const changed = items.filter((item) => {
          const stored = rows.get(identity(item.write))
          return !stored || stored.version < item.version
        })
        for (const item of changed) rows.set(identity(item.write), item)
        return Effect.succeed(changed.length)
      })

    const database = Database.of({
      write: (items) =>
        Effect.suspend(() => {
          statements.push(items.map(({ version }) => version))
          return around("write", Effect.andThen(rule?.(items) ?? Effect.void, upsert(items)))
        }),
      rehearse: (preferred) =>
        Effect.suspend(() => {
          const row = rows.get(preferred) ?? [...rows.values()].at(-1)
          if (!row) return around("rehearse", Effect.succeed(false))
          const newer = { ...row, version: row.version + 1 }
          const fresh = { ...newer, write: { ...row.write, key: `${row.write.key} as a new one` } }
          const tried = Effect.forEach([newer, fresh], (item) => rule?.([item]) ?? Effect.void)
          return around("rehearse", Effect.as(tried, true))
        }),
      probe: Effect.mapError(around("probe", Effect.void), blameDatabase),
      identity: Effect.mapError(
        around(
          "identity",
          Effect.sync(() => which),
        ),
        blameDatabase,
      ),
      highestVersion: around(
        "highestVersion",
        Effect.sync(() => Math.max(0, ...[...rows.values()].map(({ version }) => version))),
      ).pipe(Effect.mapError(blameDatabase)),
    })
    return Context.make(Database, database).pipe(
      Context.add(DatabaseOutside, { read: (id) => Effect.sync(() => rows.get(id)) }),
      Context.add(DatabaseFaults, {
        ...faults,
        onWrite: (next) =>
          Effect.sync(() => {
            rule = next
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
