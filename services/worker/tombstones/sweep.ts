/**
 * Sweeps tombstones: deletes the rows that stand for deletions of more than TOMBSTONE_DAYS ago, in small
 * steps, once an hour. Never while a hold lasts, and never one that an older write may still meet. Every
 * worker sweeps; what one has locked the others pass over.
 */
import { Cause, Duration, Effect, Layer, Schedule } from "effect"
import { parsePostgresUrl } from "../../../shared/postgres/url.ts"
import type { Table } from "../../../shared/table/table.ts"
import { TABLES } from "../../../shared/tables.ts"
import { Database } from "../database.ts"
import { Hold } from "../hold.ts"
import { kindOf } from "../log.ts"
import { Settings } from "../settings.ts"
import { type Bound, makeBounds } from "./bounds.ts"

/** Soon after the start too: where workers live less than an hour, nothing would ever be swept. */
const FIRST = Duration.minutes(1)
const INTERVAL = Duration.hours(1)

/** A step locks its rows for some milliseconds. With the pauses an hour's steps take 20 minutes. */
const STEP_ROWS = 1_000
const STEP_PAUSE = Duration.millis(100)
const STEPS_MAX = 10_000

/** SQLSTATE 42501, insufficient_privilege. */
const NO_RIGHT = "42501"

/** As a person would write it. */
const identifier = (name: string) =>
  /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`

const grantOf = ({ name }: Table, url: string) =>
  `grant delete on ${identifier(name)} to ${identifier(parsePostgresUrl(url).user)}`

const SWEPT = Object.values<Table>(TABLES).filter(({ deletes }) => deletes)

const sayFailed = (reason: string) =>
  Effect.annotateLogs(Effect.logWarning("tombstones were not swept"), { reason })

/** One round over all tables, which never fails; what it has said once it does not say again. */
export const makeRound = Effect.gen(function* () {
  const database = yield* Database
  const hold = yield* Hold
  const { TOMBSTONE_DAYS: days, DATABASE_URL } = yield* Settings
  const bounds = yield* makeBounds
  const said = new Set<string>()

  const sayOnce = (message: string, table: Table, fields: object = {}) =>
    Effect.suspend(() => {
      const line = `${message} ${table.name}`
      if (said.has(line)) return Effect.void
      said.add(line)
      return Effect.annotateLogs(Effect.logWarning(message), { table: table.name, ...fields })
    })

  const sayRefused = (table: Table) =>
    sayOnce("tombstones stay: the right to delete them is missing", table, {
      mend: grantOf(table, DATABASE_URL),
    })

  const sweepTable = Effect.fnUntraced(function* (table: Table, { below, isByLetters }: Bound) {
    let rows = 0
    const tell = Effect.suspend(() =>
      rows === 0
        ? Effect.void
        : Effect.annotateLogs(Effect.logInfo("tombstones swept"), { table: table.name, rows }),
    )
    yield* Effect.gen(function* () {
      for (let step = 0; step < STEPS_MAX; step += 1) {
        if ((yield* hold.reason) !== "") return
        const { looked, swept } = yield* database.sweep(table, { days, below, most: STEP_ROWS })
        rows += swept
        if (isByLetters && swept < looked) {
          yield* sayOnce("tombstones stay: older dead letters stand, replay or discard them", table)
        }
        if (swept < STEP_ROWS) return
        yield* Effect.sleep(STEP_PAUSE)
      }
    }).pipe(Effect.ensuring(tell))
  })

  return Effect.gen(function* () {
    if ((yield* hold.reason) !== "") return
    const boundOf = yield* bounds(yield* database.identity)
    if (boundOf === null) return
    for (const table of SWEPT) {
      const bound = boundOf(table)
      if (bound === null) continue
      yield* Effect.catchIf(
        sweepTable(table, bound),
        (error) => error.sqlstate === NO_RIGHT,
        () => sayRefused(table),
      )
    }
  }).pipe(
    Effect.catch((error) => sayFailed(error._tag === "QueueOwned" ? error._tag : error.reason)),
    // A dead letter that is none of ours is no reason not to write.
    Effect.catchDefect((defect) => sayFailed(kindOf(Cause.die(defect)))),
  )
})

/** Sweeps for as long as the worker runs. */
export const layerSweep = Layer.effectDiscard(
  Effect.gen(function* () {
    const round = yield* makeRound
    const hourly = Effect.repeat(round, Schedule.jittered(Schedule.spaced(INTERVAL)))
    yield* Effect.forkScoped(Effect.delay(hourly, FIRST))
  }),
)
