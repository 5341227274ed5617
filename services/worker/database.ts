/**
 * The database as the worker sees it: a service with two layers, PostgreSQL here and memory in
 * `database-memory.ts`, which pass the same tests. Every call ends by its deadline, and every failure
 * is one of the typed errors of `errors.ts`.
 */
import { Context, Duration, Effect, Layer } from "effect"
import { reread } from "../../shared/config.ts"
import type { Item } from "../../shared/item.ts"
import { openDatabase, type Sql } from "../../shared/postgres/postgres.ts"
import { rehearse, selectHighestVersion, selectIdentity, upsert } from "../../shared/table.ts"
import { blameDatabase, classify, type DatabaseError, type WriteError } from "./errors.ts"
import { SEED_DEADLINE, Settings, STATEMENT_DEADLINE } from "./settings.ts"

export class Database extends Context.Service<
  Database,
  {
    /**
     * Stores all items or none; a row that has a newer version keeps it. Each key at most once.
     * Returns how many rows were new or changed.
     */
    readonly write: (items: ReadonlyArray<Item>) => Effect.Effect<number, WriteError>
    /**
     * Writes a stored row once more and undoes it, the row of this key if there is one: fails as a write
     * of a good row would. False when there is no row at all.
     */
    readonly rehearse: (preferred: string) => Effect.Effect<boolean, WriteError>
    /** Succeeds when a write could: the server answers, the table is there, and may be written. */
    readonly probe: Effect.Effect<void, DatabaseError>
    /** Which database this is, as it was when the last probe succeeded; see `selectIdentity`. */
    readonly identity: Effect.Effect<string, DatabaseError>
    readonly highestVersion: Effect.Effect<number, DatabaseError>
  }
>()("write-buffer/worker/Database") {}

/** One connection for each batch in flight and one for the probe. */
export const layerPostgres = Layer.effect(
  Database,
  Effect.gen(function* () {
    const settings = yield* Settings
    const open = (name: string, maxConnections: number, deadline: Duration.Duration) =>
      openDatabase(settings.DATABASE_URL, {
        ...{ name, maxConnections, writes: true, reread: () => reread("DATABASE_URL") },
        deadlineMillis: Duration.toMillis(deadline),
      })
    const database = yield* Effect.acquireRelease(
      Effect.sync(() => open("worker", settings.WORKER_CONCURRENCY + 1, STATEMENT_DEADLINE)),
      (opened) => Effect.promise(() => opened.close()),
    )
    const run = <A>(query: (sql: Sql) => Promise<A>) =>
      Effect.tryPromise({ try: () => database.run(query), catch: classify })

    /** On a connection of its own, which is closed afterwards. */
    const runApart = <A>(
      name: string,
      deadline: Duration.Duration,
      query: (sql: Sql) => Promise<A>,
    ) =>
      Effect.acquireUseRelease(
        Effect.sync(() => open(name, 1, deadline)),
        (opened) => Effect.tryPromise({ try: () => opened.run(query), catch: classify }),
        (opened) => Effect.promise(() => opened.close()),
      )

    // Within the deadline of a batch, the scan of a large table would never end.
    const highestVersion = runApart("worker-seed", SEED_DEADLINE, selectHighestVersion)

    // A hold may have been another server's: what is known of it ends with the probe that ends the hold.
    let known: string | null = null
    const identity = Effect.suspend(() =>
      known === null
        ? Effect.tap(run(selectIdentity), (found) =>
            Effect.sync(() => {
              known = found
            }),
          )
        : Effect.succeed(known),
    )
    // On a new connection: a switch-over leaves the old ones on a server that only reads.
    const probe = Effect.suspend(() => {
      database.renew()
      return run((sql) => upsert(sql, []))
    }).pipe(
      Effect.andThen(
        Effect.sync(() => {
          known = null
        }),
      ),
      Effect.mapError(blameDatabase),
    )

    return Database.of({
      write: (items) => run((sql) => upsert(sql, items)),
      // Apart, because what is undone must be nobody else's; and asked of whatever server writes now.
      rehearse: (preferred) =>
        runApart("worker-rehearsal", STATEMENT_DEADLINE, (sql) => rehearse(sql, preferred)),
      probe,
      identity: Effect.mapError(identity, blameDatabase),
      highestVersion: Effect.mapError(highestVersion, blameDatabase),
    })
  }),
)
