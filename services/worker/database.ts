/**
 * The database as the worker sees it: a service with two layers, PostgreSQL here and memory in
 * `database-memory.ts`, which pass the same tests. Every call ends by its deadline, and every failure
 * is one of the typed errors of `errors.ts`.
 */
import { Context, Duration, Effect, Layer } from "effect"
import { reread } from "../../shared/config.ts"
import type { Item } from "../../shared/item.ts"
import { openDatabase, type Sql } from "../../shared/postgres/postgres.ts"
import { selectHighestVersion, selectIdentity, upsert } from "../../shared/table.ts"
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
    const database = yield* Effect.acquireRelease(
      Effect.sync(() =>
        openDatabase(settings.DATABASE_URL, {
          name: "worker",
          maxConnections: settings.WORKER_CONCURRENCY + 1,
          deadlineMillis: Duration.toMillis(STATEMENT_DEADLINE),
          writes: true,
          reread: () => reread("DATABASE_URL"),
        }),
      ),
      (opened) => Effect.promise(() => opened.close()),
    )
    const run = <A>(query: (sql: Sql) => Promise<A>) =>
      Effect.tryPromise({ try: () => database.run(query), catch: classify })

    // Connections of its own: within the deadline of a batch, the scan of a large table would never end.
    const highestVersion = Effect.acquireUseRelease(
      Effect.sync(() =>
        openDatabase(settings.DATABASE_URL, {
          name: "worker-seed",
          maxConnections: 1,
          deadlineMillis: Duration.toMillis(SEED_DEADLINE),
          writes: true,
          reread: () => reread("DATABASE_URL"),
        }),
      ),
      (opened) =>
        Effect.tryPromise({ try: () => opened.run(selectHighestVersion), catch: classify }),
      (opened) => Effect.promise(() => opened.close()),
    )

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
      probe,
      identity: Effect.mapError(identity, blameDatabase),
      highestVersion: Effect.mapError(highestVersion, blameDatabase),
    })
  }),
)
