/**
 * Decides rows in doubt: writes them until each is stored or rejected. A row is buried after it was
 * refused alone REFUSALS_MIN times, with the table in order before and after each of them. A table that
 * is not in order is waited for; if it stays so, the row's refusal holds the database, and nothing is
 * buried.
 */
import { Array as Arr, Context, Effect, Option, Random, Schedule } from "effect"
import type { Item } from "../../../shared/item.ts"
import { doubtRetry } from "../retry.ts"
import { REFUSALS_MIN, Settings } from "../settings.ts"
import { Evidence } from "./evidence.ts"
import { type Bad, type Sifted, sift } from "./sift.ts"
import type { Trial } from "./trial.ts"

/** The place of a batch among WORKER_CONCURRENCY. */
export const Place = Context.Reference<{
  /** Leaves the place to the next batch before this one has ended. Of many calls the first counts. */
  readonly leave: Effect.Effect<void>
  /** Lets other shards have its slot: what it waits for is this one's Redis. */
  readonly leaveSlot: Effect.Effect<void>
}>("write-buffer/worker/Place", {
  defaultValue: () => ({ leave: Effect.void, leaveSlot: Effect.void }),
})

const undecidedOf = ({ alone, among }: Sifted) => [...alone, ...among]

/** Those that stood alone do so again; the others are searched. */
const statementsOf = ({ alone, among }: Sifted): ReadonlyArray<ReadonlyArray<Item>> => [
  ...alone.map(({ item }) => [item]),
  ...(among.length > 0 ? [among.map(({ item }) => item)] : []),
]

/** Decides what a search has left undecided; returns those that can never be stored. */
const decide = Effect.fnUntraced(function* (first: Sifted, trial: Trial, mayWait: boolean) {
  const sleeps = Schedule.toStepWithSleep(doubtRetry(yield* Settings))
  // All waits for a table that is not in order share one schedule: so they end.
  const wait = yield* sleeps
  const bad: Bad[] = []
  let found = first
  /** How often the rows were refused since the table was last found not to be in order. */
  let refusals = 0
  let pause: typeof wait | null = null
  while (true) {
    const undecided = undecidedOf(found)
    if (!Arr.isReadonlyArrayNonEmpty(undecided)) return bad
    if (yield* trial.isInOrder) {
      // The first time nothing is known of the table as it was when the rows were refused.
      refusals = pause === null || found.among.length > 0 ? 0 : refusals + 1
      if (refusals >= REFUSALS_MIN) return [...bad, ...undecided]
      pause ??= yield* sleeps
      yield* Effect.mapError(pause(undefined), () => undecided[0].error)
    } else {
      if (!mayWait) return yield* undecided[0].error
      pause = null
      yield* Effect.mapError(wait(undefined), () => undecided[0].error)
      // One of them is enough to see that the table is mended, and costs a table that is not one statement.
      const { item } = yield* Random.choice(undecided)
      if ((yield* trial.attempt([item])) !== null) continue
    }
    found = yield* sift(statementsOf(found), trial)
    bad.push(...found.rejected)
  }
})

/** Writes rows; returns those that can never be stored. */
export const storeRows = Effect.fnUntraced(function* (rows: ReadonlyArray<Item>, trial: Trial) {
  const evidence = yield* Evidence
  const place = yield* Place
  const found = yield* sift([rows], trial)
  if (undecidedOf(found).length === 0) return found.rejected
  // What is in doubt takes seconds, and others pass meanwhile; they may also bring a table its first row.
  const decided = yield* evidence.waiting(Effect.andThen(place.leave, decide(found, trial, true)))
  const bad = Option.getOrNull(decided) ?? (yield* decide(found, trial, false))
  return [...found.rejected, ...bad]
})
