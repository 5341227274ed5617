/**
 * When a batch is taken: a window opens with its first write and closes with a reason. The rules are
 * pure functions of what a look at the queue showed; the waiting is Effect. Nothing is taken here, so a
 * worker that stops while a window is half open has nothing to give back.
 */
import { Clock, Duration, Effect } from "effect"
import type { Config } from "../../../shared/config.ts"
import { type Batch, type Closing, type Look, Queue, sizeOf, WAIT_SECONDS } from "../queue.ts"
import { Serving } from "../serving.ts"
import { PACE, Settings } from "../settings.ts"
import { Shards } from "../shards.ts"
import { ClaimSize } from "./claim-size.ts"

export type Rules = Pick<Config, "BATCH_SIZE" | "BATCH_TIMEOUT" | "WORKER_POLL_INTERVAL">

/**
 * How often an open window is looked at, by a worker that serves one shard: how late a `Full` may be seen. Idle
 * windows are not open.
 */
const LOOK_MILLIS = 20

/** A pause after a full window (PACE) is shorter than so many looks are apart. */
const LOOKS_OF_PAUSE = 2

/** Each shard is looked at the less often the more of them a worker serves. */
const lookMillis = Effect.map(
  Effect.flatMap(Shards, ({ served }) => served),
  (served) => LOOK_MILLIS * served,
)

/** How soon a worker notices that it may claim again. */
const PAUSED_LOOK = Duration.seconds(1)

/** A clock that nobody sets: set back by an hour, wall time would keep a window open for that hour. */
const monotonicMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)

/**
 * Why the window closes now, or in how many milliseconds to look again, after `lookAgain` at the latest.
 * `openFor` is its age by the worker's own clock. Ages of writes come from their versions, which run
 * ahead of time after a clock was set back: then they are negative, and `openFor` closes the window.
 */
export const decide = (
  rules: Rules,
  look: Look,
  openFor: number,
  lookAgain = LOOK_MILLIS,
): Closing | number => {
  // First: after a full window others gather for a while, for which a client who waits would wait as well.
  if (look.asked) return "Asked"
  if (look.depth >= rules.BATCH_SIZE) return "Full"
  const elapsed = rules.BATCH_TIMEOUT * 1_000 - Math.max(look.oldestAge, openFor)
  const quiet = rules.WORKER_POLL_INTERVAL * 1_000 - Math.max(look.newestAge, 0)
  if (elapsed <= 0) return "Elapsed"
  if (quiet <= 0) return "Quiet"
  return Math.min(elapsed, quiet, lookAgain)
}

/**
 * Waits until another batch is worth its round trips: at once when nothing speaks against it (`busy` has
 * ended), else when a whole claim waits, or a client for a commit. Batches taken beside one another from a short queue
 * would each be small, and a write costs the less the more of them share a commit.
 */
export const worthTaking = (busy: Effect.Effect<boolean>, notBusy: Effect.Effect<void>) =>
  Effect.gen(function* () {
    const queue = yield* Queue
    const claimSize = yield* ClaimSize
    if ((yield* (yield* Shards).served) > 1) {
      // To look meanwhile cost a batch as much as to claim it, and of many shards each has few more writes by then.
      yield* Effect.timeoutOption(notBusy, Duration.millis(LOOKS_OF_PAUSE * (yield* lookMillis)))
    }
    while (yield* busy) {
      const { depth, asked } = yield* queue.look
      if (asked || depth >= (yield* claimSize.size)) return
      yield* Effect.timeoutOption(notBusy, Duration.millis(yield* lookMillis))
    }
  })

/**
 * After a full window, lets what comes in gather for a while, the longer the more shards there are to serve; a backlog
 * has gathered already.
 */
export const pace = Effect.fnUntraced(function* (closing: Closing, batch: Batch) {
  const claimSize = yield* ClaimSize
  const { served } = yield* Shards
  const { BATCH_TIMEOUT } = yield* Settings
  const isBacklog = sizeOf(batch) >= (yield* claimSize.size)
  if (closing !== "Full" || isBacklog) return
  const pause = Duration.times(PACE, yield* served)
  yield* Effect.sleep(Duration.min(pause, Duration.max(PACE, Duration.seconds(BATCH_TIMEOUT))))
})

/**
 * Waits until a window has opened and closed; null when this worker serves the shard no more. Blocks in Redis while
 * nothing waits.
 */
export const nextWindow = Effect.gen(function* () {
  const queue = yield* Queue
  const rules = yield* Settings
  const serving = yield* Serving
  let openedAt: number | null = null
  while (yield* serving.isServed) {
    const look = yield* queue.look
    if (look.paused) {
      openedAt = null
      yield* Effect.sleep(PAUSED_LOOK)
      continue
    }
    if (look.depth === 0) {
      // Empty, or another worker was faster: the next write opens a new window.
      openedAt = null
      yield* queue.waitForWrite(WAIT_SECONDS)
      continue
    }
    const now = yield* monotonicMillis
    openedAt ??= now
    const decision = decide(rules, look, now - openedAt, yield* lookMillis)
    if (typeof decision === "string") return decision
    yield* Effect.sleep(Duration.millis(decision))
  }
  return null
})
