/**
 * The hold: while the database is away or misconfigured, nothing is claimed, so the queue keeps the
 * writes and shows the true depth. One probe at a time asks for it, ever more rarely, and ends the hold.
 * A hold uses up no attempt and lasts as long as it must. What refuses rows may still answer probes:
 * then batches are tried again, and the reason stays until one was stored. The reason is in plain words,
 * and never PostgreSQL's own message, detail or hint, which may quote values.
 */
import { Context, Effect, Latch, Layer, Ref, Schedule } from "effect"
import { byCode, databaseSentence } from "../../shared/postgres/trouble.ts"
import { Database } from "./database.ts"
import { type DatabaseError, DatabaseUnavailable, type WriteError } from "./errors.ts"
import { countHold } from "./metrics.ts"
import { probeBackoff } from "./retry.ts"
import { PROBE_DEADLINE } from "./settings.ts"

export class Hold extends Context.Service<
  Hold,
  {
    /** Stops claiming until the probe succeeds: the database's own, if no other is given. Returns at once. */
    readonly enter: (
      error: WriteError,
      probe?: Effect.Effect<void, DatabaseError>,
    ) => Effect.Effect<void>
    /** Waits while the hold lasts. */
    readonly passed: Effect.Effect<void>
    /** A batch was stored: the next hold starts with short waits again. */
    readonly settled: Effect.Effect<void>
    /** Why writes are held, for people; "" when they are not. */
    readonly reason: Effect.Effect<string>
    /** Returns when `reason` has changed since the last time. */
    readonly changed: Effect.Effect<void>
  }
>()("write-buffer/worker/Hold") {
  static readonly layer = Layer.effect(
    Hold,
    Effect.gen(function* () {
      const database = yield* Database
      const scope = yield* Effect.scope
      const gate = yield* Latch.make(true)
      const changed = yield* Latch.make(false)
      const current = yield* Ref.make<WriteError | null>(null)
      const backoff = yield* Ref.make(yield* Schedule.toStepWithSleep(probeBackoff))

      yield* countHold(null, false)

      const textOf = (error: WriteError | null) => (error ? holdReason(error) : "")

      const say = (error: WriteError | null) =>
        Effect.gen(function* () {
          const next = textOf(error)
          const before = textOf(yield* Ref.getAndSet(current, error))
          if (before === next) return
          yield* changed.open
          yield* countHold(error, before === "")
          yield* error
            ? Effect.logError("writes are held").pipe(Effect.annotateLogs({ reason: next }))
            : Effect.logInfo("writes flow again")
        })

      const isRefusal = Effect.map(Ref.get(current), (error) => error?._tag === "StatementRefused")

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
        if (!(yield* isRefusal)) yield* say(null)
        yield* gate.open
      })

      return Hold.of({
        enter: (error, probe = database.probe) =>
          Effect.gen(function* () {
            yield* say(error)
            if (yield* gate.close) yield* Effect.forkIn(ask(probe), scope)
          }).pipe(Effect.uninterruptible),
        passed: gate.await,
        settled: Effect.gen(function* () {
          yield* Ref.set(backoff, yield* Schedule.toStepWithSleep(probeBackoff))
          if (yield* isRefusal) yield* say(null)
        }),
        reason: Effect.map(Ref.get(current), textOf),
        changed: Effect.andThen(changed.await, Effect.asVoid(changed.close)),
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
  const code = error.sqlstate ?? error.reason
  const what =
    databaseSentence(error.cause, code) ?? byCode(OF_WORKERS, code) ?? OTHERWISE[error._tag]
  return `${what} (${error.reason}); ${OUTLOOK[error._tag]}`
}
