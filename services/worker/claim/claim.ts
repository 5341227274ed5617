/**
 * Claims a batch from the queue. Its id is new, and is claimed again when the reply was lost: the
 * queue then answers with the same batch. Before the first batch of a Redis that came back empty, the
 * versions are made to continue above those in the table. A queue of another database is held.
 */
import { Duration, Effect } from "effect"
import { Database } from "../database.ts"
import { DatabaseMisconfigured, QueueOwned } from "../errors.ts"
import { Place } from "../evidence/doubt.ts"
import { Hold } from "../hold.ts"
import { Lease } from "../lease.ts"
import { isSameDatabase, Queue, sizeOf } from "../queue.ts"
import { releaseRetry } from "../retry.ts"
import { Shards } from "../shards.ts"
import { ClaimSize } from "./claim-size.ts"

/** A lost reply is asked for again with the same id; then the lease of what was claimed brings it back. */
const CLAIM_RETRIES = 3

/** Versions are µs since 1970 and exact up to 2^53: this is the year 2252. */
const HIGHEST_VERSION = 8_900_000_000_000_000

/** The scan for the highest version is not repeated at once while batches of others are under way. */
const SEED_PAUSE = Duration.seconds(1)

/** Without this, writes whose versions are below the table's would be accepted and never be seen. */
const seed = Effect.fnUntraced(function* (identity: string) {
  const queue = yield* Queue
  const shards = yield* Shards
  const database = yield* Database
  const highest = yield* database.highestVersion
  if (highest > HIGHEST_VERSION) {
    return yield* new DatabaseMisconfigured({ reason: `version ${highest}`, sqlstate: null })
  }
  const seeded = yield* queue.seed(highest, identity)
  // With one look at the table for all: a shard that were seeded later would see the others' rows, and lift the
  // versions of its own first writes above them, after their clients were told other ones.
  const others = ((yield* shards.queues) ?? []).filter((other) => other !== queue)
  yield* Effect.forEach(others, (other) => Effect.ignore(other.seed(highest, identity)), {
    ...{ concurrency: "unbounded", discard: true },
  })
  if (seeded === "lifted") yield* Effect.logWarning("versions were lifted above those in the table")
  if (seeded === "waits") yield* Effect.sleep(SEED_PAUSE)
})

const name = (identity: string) => {
  const [system, database, schema] = identity.split("/")
  return `"${database}"${schema && ` (schema ${schema})`}${system && ` of server ${system}`}`
}

/** Two stacks on one Redis: whoever claimed would write the other's rows into its own table. */
const holdOwned = Effect.fnUntraced(function* ({ owner }: QueueOwned, own: string) {
  const queue = yield* Queue
  const database = yield* Database
  const hold = yield* Hold
  const error = new DatabaseMisconfigured({
    reason: `queue of ${name(owner)}, worker of ${name(own)}`,
    sqlstate: null,
  })
  const isOurs = Effect.zipWith(queue.owner, database.identity, isSameDatabase)
  const probe = Effect.andThen(database.probe, isOurs).pipe(
    Effect.catchTag("QueueUnavailable", () => Effect.succeed(false)),
    Effect.flatMap((ours) => (ours ? Effect.void : Effect.fail(error))),
  )
  yield* hold.enter(error, probe)
})

/**
 * For the start of a worker: an idle one claims nothing, and would not say that the queue is not its
 * own. A queue that nobody has seeded is seeded now: the first write is then told the version that it keeps. What
 * cannot be asked now is asked by the first claim.
 */
export const checkOwner = Effect.gen(function* () {
  const queue = yield* Queue
  const database = yield* Database
  const identity = yield* database.identity
  const owner = yield* queue.owner
  if (owner === "") yield* seed(identity)
  else if (!isSameDatabase(owner, identity)) yield* holdOwned(new QueueOwned({ owner }), identity)
}).pipe(Effect.ignore)

/** The next batch; null when nothing waits, when an operator pauses the workers, or when a hold begins. */
export const claimBatch = Effect.gen(function* () {
  const queue = yield* Queue
  const database = yield* Database
  const hold = yield* Hold
  const claimSize = yield* ClaimSize
  const lease = yield* Lease
  const { leaveSlot } = yield* Place
  const id = yield* lease.nextId
  // A claim that is given up may still happen; on one connection the release comes after it. Left to its
  // lease it would look as if a worker had gone silent with it.
  const claim = (identity: string) =>
    Effect.flatMap(claimSize.size, (max) => queue.claim(id, max, identity)).pipe(
      Effect.tapErrorTag("QueueUnavailable", () => leaveSlot),
      Effect.retry({ times: CLAIM_RETRIES, while: ({ _tag }) => _tag === "QueueUnavailable" }),
      Effect.onError(() => Effect.ignore(Effect.retry(queue.release(id), releaseRetry))),
    )
  const batch = yield* Effect.gen(function* () {
    const identity = yield* database.identity
    return yield* Effect.gen(function* () {
      return (yield* claim(identity)) ?? (yield* Effect.andThen(seed(identity), claim(identity)))
    }).pipe(Effect.catchTag("QueueOwned", (error) => holdOwned(error, identity)))
  }).pipe(
    Effect.catchTags({
      DatabaseUnavailable: (error) => hold.enter(error),
      BatchFailed: (error) => hold.enter(error),
      WriteRejected: (error) => hold.enter(error),
      DatabaseMisconfigured: (error) => hold.enter(error),
    }),
  )
  return batch && sizeOf(batch) > 0 ? batch : null
})
