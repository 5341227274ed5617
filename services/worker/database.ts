/**
 * The database as the worker sees it: a service with two layers, PostgreSQL here and memory in
 * `database-memory.ts`, which pass the same tests. Every call ends by its deadline, and every failure
 * is one of the typed errors of `errors.ts`.
 */
import { Context, Duration, Effect, Layer, Semaphore } from "effect"
import { reread } from "../../shared/config.ts"
import type { Item } from "../../shared/item.ts"
import { type Database as Opened, openDatabase, type Sql } from "../../shared/postgres/postgres.ts"
import { rehearse } from "../../shared/table/rehearse.ts"
import { selectHighestVersion, selectIdentity } from "../../shared/table/select.ts"
import { write } from "../../shared/table/statement.ts"
import { type Sweep, type Swept, sweep } from "../../shared/table/sweep.ts"
import type { Table } from "../../shared/table/table.ts"
import { attempt, requireFit } from "../../shared/table/unfit.ts"
import { TABLES } from "../../shared/tables.ts"
import { blameDatabase, classify, type DatabaseError, type WriteError } from "./errors.ts"
import { SEED_DEADLINE, Settings, STATEMENT_DEADLINE } from "./settings.ts"

export class Database extends Context.Service<
  Database,
  {
    /**
     * Stores all items, which are of this table, or none; a row that has a newer version keeps it. Each
     * key at most once. Returns how many rows were new or changed.
     */
    readonly write: (table: Table, items: ReadonlyArray<Item>) => Effect.Effect<number, WriteError>
    /**
     * Writes a stored row once more and undoes it, the row of this key if there is one: fails as a write
     * of a good row would. False when there is no row at all.
     */
    readonly rehearse: (table: Table, preferred: string) => Effect.Effect<boolean, WriteError>
    /** Succeeds when a write could: the server answers, and one of the tables is there and may be written. */
    readonly probe: Effect.Effect<void, DatabaseError>
    /** Fails when the table is not as declared, with the findings. False when PostgreSQL cannot say. */
    readonly check: (table: Table) => Effect.Effect<boolean, DatabaseError>
    /** Succeeds when a write of this table could, which is checked as well. */
    readonly probeTable: (table: Table) => Effect.Effect<void, DatabaseError>
    /** Which database this is, as it was when the last probe succeeded; see `selectIdentity`. */
    readonly identity: Effect.Effect<string, DatabaseError>
    readonly highestVersion: Effect.Effect<number, DatabaseError>
    /** Deletes old tombstones of a table that has them, in one step. */
    readonly sweep: (table: Table, step: Sweep) => Effect.Effect<Swept, DatabaseError>
  }
>()("write-buffer/worker/Database") {}

const ALL = Object.values<Table>(TABLES)

/** A batch has one statement for each of its tables; most have one or two. */
const TABLES_AT_ONCE = Math.min(2, ALL.length)

/** Runs queries; `table` is the one whose rows a query writes. */
type Run = <A>(query: (sql: Sql) => Promise<A>, table?: Table) => Effect.Effect<A, WriteError>

/** Runs one at a time; all who ask while one runs share the next, which begins after they asked. */
const sharingNext = Effect.fnUntraced(function* <A, E>(run: Effect.Effect<A, E>) {
  const turn = yield* Semaphore.make(1)
  let next: Effect.Effect<A, E> | null = null
  const begin = Effect.suspend(() => {
    next = null
    return run
  })
  return Effect.gen(function* () {
    next ??= yield* Effect.cached(turn.withPermits(1)(begin))
    return yield* next
  })
})

/** Connections for each batch in flight and one for the probe; and others for what has to stand apart. */
const openConnections = Effect.gen(function* () {
  const settings = yield* Settings
  const open = (name: string, maxConnections: number, deadline: Duration.Duration) =>
    openDatabase(settings.DATABASE_URL, {
      ...{ name, maxConnections, writes: true, reread: () => reread("DATABASE_URL") },
      deadlineMillis: Duration.toMillis(deadline),
    })
  const runOn =
    (opened: Opened): Run =>
    (query, table) =>
      Effect.tryPromise({
        try: () => opened.run(query),
        catch: (cause) => classify(cause, table),
      })
  const database = yield* Effect.acquireRelease(
    Effect.sync(() =>
      open("worker", settings.WORKER_CONCURRENCY * TABLES_AT_ONCE + 1, STATEMENT_DEADLINE),
    ),
    (opened) => Effect.promise(() => opened.close()),
  )
  return {
    run: runOn(database),
    renew: database.renew,
    /** On a connection of its own, which is closed afterwards. */
    apart:
      (name: string, deadline: Duration.Duration): Run =>
      (query, table) =>
        Effect.acquireUseRelease(
          Effect.sync(() => open(name, 1, deadline)),
          (opened) => runOn(opened)(query, table),
          (opened) => Effect.promise(() => opened.close()),
        ),
  }
})

export const layerPostgres = Layer.effect(
  Database,
  Effect.gen(function* () {
    const { run, renew, apart } = yield* openConnections

    // Within the deadline of a batch, the scan of a large table would never end.
    const scan = apart("worker-seed", SEED_DEADLINE)((sql) => selectHighestVersion(sql, ALL))
    const highestVersion = yield* sharingNext(scan)

    // A hold may have been another server's: what is known of it ends with the probe that ends the hold.
    let known: string | null = null
    const identity = Effect.suspend(() =>
      known === null
        ? Effect.tap(
            run((sql) => selectIdentity(sql, ALL)),
            (found) =>
              Effect.sync(() => {
                known = found
              }),
          )
        : Effect.succeed(known),
    )
    // On a new connection: a switch-over leaves the old ones on a server that only reads.
    const probe = Effect.suspend(() => {
      renew()
      // The first that succeeds is enough: a table that is locked or missing has a hold of its own.
      return Effect.raceAll(ALL.map((table) => run((sql) => write(sql, table, []))))
    }).pipe(
      Effect.andThen(
        Effect.sync(() => {
          known = null
        }),
      ),
      Effect.mapError(blameDatabase),
    )

    // Apart, because what is undone must be nobody else's; and asked of whatever server writes now.
    const rehearsal = apart("worker-rehearsal", STATEMENT_DEADLINE)
    // Apart as well: one that waits for a lock keeps no connection from the batches of other tables. The
    // hold waits for less time than this, but longer than for a lock, of which the server then tells.
    const probing = apart("worker-probe", STATEMENT_DEADLINE)

    return Database.of({
      write: (table, items) => run((sql) => write(sql, table, items), table),
      check: (table) =>
        Effect.mapError(
          run((sql) => requireFit(sql, table)),
          blameDatabase,
        ),
      rehearse: (table, preferred) => rehearsal((sql) => rehearse(sql, table, preferred), table),
      probe,
      // What was mended may be the search path of new sessions, and the next batch needs one of them.
      probeTable: (table) =>
        probing((sql) => attempt(sql, table)).pipe(
          Effect.andThen(Effect.sync(renew)),
          Effect.mapError(blameDatabase),
        ),
      identity: Effect.mapError(identity, blameDatabase),
      highestVersion: Effect.mapError(highestVersion, blameDatabase),
      sweep: (table, step) =>
        Effect.mapError(
          run((sql) => sweep(sql, table, step), table),
          blameDatabase,
        ),
    })
  }),
)
