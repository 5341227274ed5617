/**
 * The hold: while the database is away or misconfigured, nothing is claimed, so the queue keeps the
 * writes and shows the true depth. Each table has a hold of its own, while it is missing, locked or refuses
 * rows: its writes are parked, and others flow. One probe at a time asks, ever more rarely, and ends a hold.
 * A hold uses up no attempt and lasts as long as it must. What refuses rows, or locks them, may still
 * answer probes: then batches are tried again, and the reason stays until one was stored. The reason is in
 * plain words, and never PostgreSQL's own message, detail or hint, which may quote values.
 */
import { Context, Effect, Latch, Layer, Ref, Schedule, type Scope } from "effect"
import { byCode, databaseSentence } from "../../shared/postgres/trouble.ts"
import type { Table } from "../../shared/table/table.ts"
import { TableUnfit } from "../../shared/table/unfit.ts"
import { TABLES } from "../../shared/tables.ts"
import { Database } from "./database.ts"
import { type DatabaseError, DatabaseUnavailable, isOfRows, type WriteError } from "./errors.ts"
import { countHold, setHeld } from "./report/metrics.ts"
import { probeBackoff } from "./retry.ts"
import { PROBE_DEADLINE } from "./settings.ts"

/**
 * Of a hold: `open` when there is none; `tried` while the probe succeeds and rows are still refused, as far
 * as anybody knows; `held` while nothing is to be written.
 */
export type HoldState = "open" | "tried" | "held"

/** One hold, of the database or of a table. `told` hears each change of its reason, `ended` of each end. */
const makeHold = Effect.fnUntraced(function* (
  told: (error: WriteError | null, before: string) => Effect.Effect<void>,
  ended: Effect.Effect<unknown>,
) {
  const scope = yield* Effect.scope
  const gate = yield* Latch.make(true)
  const current = yield* Ref.make<WriteError | null>(null)
  /** Whether a probe that succeeds says nothing against the reason. */
  const isLasting = yield* Ref.make(false)
  const backoff = yield* Ref.make(yield* Schedule.toStepWithSleep(probeBackoff))

  const textOf = (error: WriteError | null) => (error ? holdReason(error) : "")

  const say = (error: WriteError | null, lasts = false) =>
    Effect.gen(function* () {
      const before = textOf(yield* Ref.getAndSet(current, error))
      yield* Ref.set(isLasting, lasts)
      if (before !== textOf(error)) yield* told(error, before)
    })

  const inTime = (probe: Effect.Effect<void, DatabaseError>) =>
    Effect.timeoutOrElse(probe, {
      duration: PROBE_DEADLINE,
      orElse: () => new DatabaseUnavailable({ reason: "deadline passed", sqlstate: null }),
    })

  /** The backoff goes on where it was: a database that answers probes and fails batches is no hot loop. */
  const ask = Effect.fnUntraced(function* (probe: Effect.Effect<void, DatabaseError>) {
    while (true) {
      const step = yield* Ref.get(backoff)
      yield* Effect.ignore(step(undefined))
      const failure = yield* Effect.flip(inTime(probe)).pipe(
        Effect.catch(() => Effect.succeed(null)),
      )
      if (failure === null) break
      yield* say(failure)
    }
    yield* gate.open
    if (!(yield* Ref.get(isLasting))) yield* say(null)
    yield* ended
  })

  return {
    enter: (error: WriteError, probe: Effect.Effect<void, DatabaseError>) =>
      Effect.gen(function* () {
        yield* say(error, isOfRows(error))
        if (yield* gate.close) yield* Effect.forkIn(ask(probe), scope)
      }).pipe(Effect.uninterruptible),
    passed: gate.await,
    settled: Effect.gen(function* () {
      yield* Ref.set(backoff, yield* Schedule.toStepWithSleep(probeBackoff))
      if (yield* Ref.get(isLasting)) yield* say(null)
    }),
    reason: Effect.map(Ref.get(current), textOf),
    state: Effect.map(
      Ref.get(current),
      (error): HoldState => (gate.isOpen() ? (error ? "tried" : "open") : "held"),
    ),
  }
})

export class Hold extends Context.Service<
  Hold,
  {
    /** Stops claiming until the probe succeeds: the database's own, if no other is given. Returns at once. */
    readonly enter: (
      error: WriteError,
      probe?: Effect.Effect<void, DatabaseError>,
    ) => Effect.Effect<void>
    /** From now on writes of this table are to be parked, until its probe succeeds. Returns at once. */
    readonly enterTable: (table: Table, error: WriteError) => Effect.Effect<void>
    readonly stateOf: (table: Table) => Effect.Effect<HoldState>
    /** Waits while the hold of the database lasts. */
    readonly passed: Effect.Effect<void>
    /** Rows of these tables were stored: the next hold starts with short waits again. */
    readonly settled: (tables: ReadonlyArray<Table>) => Effect.Effect<void>
    /** Why writes are held, for people, a line for the database and for each table; "" when they are not. */
    readonly reason: Effect.Effect<string>
    /**
     * Of tables without parked writes: asks those that are only tried whether they take rows. Other workers
     * may have stored what this one was refused.
     */
    readonly review: (tables: ReadonlyArray<Table>) => Effect.Effect<void>
    /** Makes an effect that returns when `reason` or a table's state has changed since the last time. */
    readonly changes: Effect.Effect<Effect.Effect<void>, never, Scope.Scope>
  }
>()("write-buffer/worker/Hold") {
  static readonly layer = Layer.effect(
    Hold,
    Effect.gen(function* () {
      const database = yield* Database
      const watchers = new Set<Latch.Latch>()
      const change = Effect.suspend(() =>
        Effect.forEach(watchers, (latch) => latch.open, { discard: true }),
      )

      const names = new Set<string>()

      const tell = (name: string) => (error: WriteError | null, before: string) =>
        Effect.gen(function* () {
          yield* change
          if (error) names.add(name)
          else names.delete(name)
          if (error && before === "") yield* countHold(error)
          yield* setHeld(names.size > 0)
          const fields = name === "" ? {} : { table: name }
          yield* error
            ? Effect.logError("writes are held").pipe(
                Effect.annotateLogs({ ...fields, reason: holdReason(error) }),
              )
            : Effect.annotateLogs(Effect.logInfo("writes flow again"), fields)
        })

      const whole = yield* makeHold(tell(""), change)
      const tables = new Map<Table, Effect.Success<ReturnType<typeof makeHold>>>()
      for (const table of Object.values<Table>(TABLES)) {
        tables.set(table, yield* makeHold(tell(table.name), change))
      }

      const reason = Effect.gen(function* () {
        const lines = [yield* whole.reason]
        for (const [{ name }, hold] of tables) {
          const line = yield* hold.reason
          lines.push(line.replaceAll(/^(?=.)/gm, `${name}: `))
        }
        return lines.filter((line) => line !== "").join("\n")
      })

      const review = (table: Table) =>
        Effect.gen(function* () {
          const hold = tables.get(table)
          if (hold === undefined || (yield* hold.state) !== "tried") return
          if (yield* database.rehearse(table, "")) yield* hold.settled
        }).pipe(Effect.ignore)

      yield* setHeld(false)

      return Hold.of({
        enter: (error, probe = database.probe) => whole.enter(error, probe),
        enterTable: (table, error) =>
          tables.get(table)?.enter(error, database.probeTable(table)) ?? Effect.void,
        stateOf: (table) => tables.get(table)?.state ?? Effect.succeed("open"),
        passed: whole.passed,
        settled: (stored) =>
          Effect.andThen(
            whole.settled,
            Effect.forEach(stored, (table) => tables.get(table)?.settled ?? Effect.void, {
              discard: true,
            }),
          ),
        reason,
        review: (idle) => Effect.forEach(idle, review, { discard: true }),
        changes: Effect.gen(function* () {
          const latch = yield* Latch.make(false)
          watchers.add(latch)
          yield* Effect.addFinalizer(() => Effect.sync(() => watchers.delete(latch)))
          return Effect.andThen(latch.await, Effect.asVoid(latch.close))
        }),
      })
    }),
  )
}

/** Why nothing can be written, by reasons that are not PostgreSQL's own. */
const OF_WORKERS: ReadonlyArray<readonly [string, string]> = [
  [
    "queue of",
    "The queue belongs to another database: mend WRITE_QUEUE_NAME, REDIS_URL or DATABASE_URL, " +
      "or give it to this one with npm run queue -- adopt",
  ],
  ["version ", "The table has a version that is no time in microseconds: mend or delete that row"],
  ["defect", "The worker has a fault: its log says more"],
]

/** What the reader of a hold can expect of it. */
const OUTLOOK: Readonly<Record<WriteError["_tag"], string>> = {
  DatabaseUnavailable: "nothing is lost; it goes on by itself",
  BatchFailed: "nothing is lost; it is tried again by itself",
  WriteRejected: "nothing is lost",
  StatementRefused:
    "no other is taken either, so nothing is buried; it goes on after the repair, or when one is",
  DatabaseMisconfigured: "nothing is lost; it goes on by itself after the repair",
}

const OTHERWISE: Readonly<Record<WriteError["_tag"], string>> = {
  DatabaseUnavailable: "PostgreSQL does not answer",
  BatchFailed: "PostgreSQL fails batch after batch",
  WriteRejected: "PostgreSQL rejects a row",
  StatementRefused: "PostgreSQL refuses the rows that wait",
  DatabaseMisconfigured: "PostgreSQL cannot be used as it is",
}

/** Why writes are held: `PostgreSQL does not answer (CONNECT_TIMEOUT); nothing is lost; it goes …`. */
export const holdReason = (error: WriteError): string => {
  if (error.cause instanceof TableUnfit) return `${error.cause.message}; ${OUTLOOK[error._tag]}`
  const code = error.sqlstate ?? error.reason
  const what =
    databaseSentence(error.cause, code) ?? byCode(OF_WORKERS, code) ?? OTHERWISE[error._tag]
  return `${what} (${error.reason}); ${OUTLOOK[error._tag]}`
}
