/**
 * Decides rows in doubt: writes them until each is stored or rejected. While nothing speaks for or
 * against a row, its batch stands aside, so that others pass and give evidence, and asks ever more
 * rarely; when none came, the row's refusal holds the database, and nothing is buried.
 */
import { Array as Arr, Context, Effect, Option, Random, Schedule } from "effect"
import type { Item } from "../../../shared/item.ts"
import { doubtRetry } from "../retry.ts"
import { Settings } from "../settings.ts"
import { Evidence } from "./evidence.ts"
import { type Bad, type Sifted, sift } from "./sift.ts"
import type { Trial } from "./trial.ts"

/** The place of a batch among WORKER_CONCURRENCY. */
export const Place = Context.Reference<{
  /** Leaves the place to the next batch before this one has ended. Of many calls the first counts. */
  readonly leave: Effect.Effect<void>
}>("write-buffer/worker/Place", { defaultValue: () => ({ leave: Effect.void }) })

/** Returns when another look is worth it; fails when nothing has changed for as long as one waits. */
const untilEvidence = Effect.fnUntraced(function* (
  doubtful: Arr.NonEmptyReadonlyArray<Sifted["doubtful"][number]>,
  trial: Trial,
) {
  const place = yield* Place
  yield* place.leave
  const sleep = yield* Schedule.toStepWithSleep(doubtRetry(yield* Settings))
  while (true) {
    const { item, error } = yield* Random.choice(doubtful)
    const refusal = yield* trial.attempt([item])
    if (refusal?._tag !== "StatementRefused" || (yield* trial.hasEvidence)) return
    const goesOn = yield* Effect.raceFirst(
      Effect.as(trial.awaitEvidence, true),
      Effect.matchEager(sleep(undefined), { onSuccess: () => true, onFailure: () => false }),
    )
    if (!goesOn) return yield* error
  }
})

/** Whether what was stored last is still accepted. If not, the table broke since, and is no evidence. */
const isStillAccepted = Effect.fnUntraced(function* (trial: Trial) {
  const { witness } = yield* Evidence
  const item = yield* witness
  return item !== null && (yield* trial.attempt([item])) === null
})

/** Writes rows; returns those that can never be stored. */
export const settle = Effect.fnUntraced(function* (rows: ReadonlyArray<Item>, trial: Trial) {
  const evidence = yield* Evidence
  const bad: Bad[] = []
  let left = rows
  // With evidence a search leaves nothing in doubt; without, each wait for it is bounded.
  while (left.length > 0) {
    const { rejected, refused, doubtful } = yield* sift(left, trial)
    bad.push(...rejected)
    const isEvidence = refused.length === 0 || (yield* isStillAccepted(trial))
    if (isEvidence) bad.push(...refused)
    else yield* trial.forget
    const undecided = isEvidence ? doubtful : [...refused, ...doubtful]
    if (Arr.isReadonlyArrayNonEmpty(undecided) && !(yield* trial.hasEvidence)) {
      const waited = yield* evidence.waiting(untilEvidence(undecided, trial))
      if (Option.isNone(waited)) return yield* undecided[0].error
    }
    left = undecided.map(({ item }) => item)
  }
  return bad
})
