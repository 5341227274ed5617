/**
 * Takes a batch from the queue. Its id is made here and claimed again when the reply was lost: the
 * queue then answers with the same batch. Before the first batch of a Redis that came back empty, the
 * versions are made to continue above those in the table.
 */
import { Effect } from "effect"
import { Bite } from "./bite.ts"
import { Database } from "./database.ts"
import { Hold } from "./hold.ts"
import { type Batch, Queue } from "./queue.ts"
import { releaseRetry } from "./retry.ts"
import { Settings } from "./settings.ts"

/** A lost reply is asked for again with the same id; then the lease of what was claimed brings it back. */
const CLAIM_RETRIES = 3

let taken = 0

/** Without this, writes whose versions are below the table's would be accepted and never be seen. */
const seed = Effect.gen(function* () {
  const queue = yield* Queue
  const database = yield* Database
  const lifted = yield* queue.seed(yield* database.highestVersion)
  if (lifted) yield* Effect.logWarning("versions were lifted above those in the table")
})

/** The next batch; an empty one when there was nothing to take, or the database could not be asked. */
export const takeBatch = Effect.gen(function* () {
  const queue = yield* Queue
  const hold = yield* Hold
  const bite = yield* Bite
  const { worker } = yield* Settings
  const id = `${worker}:${++taken}`
  const nothing: Batch = { id, items: [], unreadable: [], silences: 0 }
  // A claim that is given up may still happen; on one connection the release comes after it. Left to its
  // lease it would look as if a worker had gone silent with it.
  const claim = Effect.suspend(() => Effect.flatMap(bite.size, (max) => queue.claim(id, max))).pipe(
    Effect.retry({ times: CLAIM_RETRIES }),
    Effect.onError(() => Effect.ignore(Effect.retry(queue.release(id), releaseRetry))),
  )
  return (
    (yield* claim) ??
    (yield* Effect.andThen(seed, claim).pipe(
      Effect.catchTags({
        DatabaseUnavailable: (error) => hold.enter(error),
        BatchFailed: (error) => hold.enter(error),
        WriteRejected: (error) => hold.enter(error),
        DatabaseMisconfigured: (error) => hold.enter(error),
      }),
    )) ??
    nothing
  )
})
