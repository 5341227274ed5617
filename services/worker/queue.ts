/**
 * The queue as the worker sees it: a service with two layers, Redis here and memory in
 * `queue-memory.ts`, which pass the same tests. Each call is one atomic step of the protocol in
 * `shared/queue`, answers within its deadline, and fails as `QueueUnavailable`.
 */
import { Context, Duration, Effect, Layer, RcRef, Result } from "effect"
import { decodeItem, type Item, type Unknown, type Unreadable } from "../../shared/item.ts"
import type { Look } from "../../shared/queue/look.ts"
import type { Oldest } from "../../shared/queue/oldest.ts"
import { openQueue, ownerOf } from "../../shared/queue/queue.ts"
import type { Layout } from "../../shared/queue/shards.ts"
import {
  closeRedis,
  connectRedis,
  isRefusal,
  type Link,
  redisErrorReason,
} from "../../shared/redis/redis.ts"
import { QueueOwned, QueueUnavailable } from "./errors.ts"
import { CLAIM_MAX_BYTES, RECOVER_MAX, Settings } from "./settings.ts"

export type { Look }

/**
 * Why a window closed: BATCH_SIZE writes wait; a client waits for the commit; BATCH_TIMEOUT since the first;
 * nothing new for WORKER_POLL_INTERVAL.
 */
export type Closing = "Full" | "Asked" | "Elapsed" | "Quiet"

export interface Batch {
  readonly id: string
  readonly items: ReadonlyArray<Item>
  readonly unreadable: ReadonlyArray<Unreadable>
  /** Writes of a newer build, which this worker cannot write. */
  readonly unknown: ReadonlyArray<Unknown>
  /** How many writes waited still when it was claimed. */
  readonly left: number
  /** How many workers went silent with the first of them. From three on it is claimed alone. */
  readonly lostLeases: number
}

/** How many writes were claimed. */
export const sizeOf = ({ items, unreadable, unknown }: Batch) =>
  items.length + unreadable.length + unknown.length

/** What became of the versions when a worker told the queue of those in the table. */
export type Seeded = "lifted" | "kept" | "waits"

type Step<A> = Effect.Effect<A, QueueUnavailable>

export class Queue extends Context.Service<
  Queue,
  {
    /** Returns when a write waits, and at the latest after `seconds`. Takes nothing. */
    readonly waitForWrite: (seconds: number) => Step<void>
    readonly look: Step<Look>
    /**
     * Moves up to `max` writes into the batch, under a lease; null until `seed` was called. Fails as
     * `QueueOwned` when the queue belongs to a database of another identity.
     */
    readonly claim: (
      id: string,
      max: number,
      database: string,
    ) => Effect.Effect<Batch | null, QueueUnavailable | QueueOwned>
    /** Ends a batch. False when it had been recovered: then nothing was counted. */
    readonly acknowledge: (
      id: string,
      closing: Closing,
      coalesced: number,
      dead: ReadonlyArray<string>,
    ) => Step<boolean>
    /** Puts a batch back, in order. Returns how many writes that were. */
    readonly release: (id: string) => Step<number>
    /** Puts a batch back if its lease is past the deadline. Returns how many writes that were. */
    readonly recover: (id: string) => Step<number>
    /**
     * Sets the writes of these versions in a batch aside, in a lot: nobody claims them until `unpark`.
     * Returns how many that were.
     */
    readonly park: (id: string, lot: string, versions: ReadonlyArray<number>) => Step<number>
    /** Puts up to `most` writes of a lot back, the oldest. Returns how many that were. */
    readonly unpark: (lot: string, most: number) => Step<number>
    /**
     * Extends this worker's leases; says which are lost, which of anybody's have expired, what is parked, and
     * which workers are able to write: those that do not hold, or all that live when all hold.
     */
    readonly heartbeat: (
      ids: ReadonlyArray<string>,
      held: string,
    ) => Step<Readonly<Record<"lost" | "expired" | "lots" | "able", ReadonlyArray<string>>>>
    /** Takes the worker off the list of live ones. */
    readonly leave: Step<void>
    /**
     * Makes versions continue above `highest`, and the queue that database's. They are lifted when they
     * have to be; while batches with lower versions are under way, it waits and does nothing yet.
     */
    readonly seed: (
      highest: number,
      database: string,
    ) => Effect.Effect<Seeded, QueueUnavailable | QueueOwned>
    /** The identity of the database that the queue belongs to; "" before the first seed. */
    readonly owner: Step<string>
    /**
     * The lowest version that a write in the queue has; null when that cannot be said now. Fails as claim
     * does.
     */
    readonly oldest: (
      database: string,
    ) => Effect.Effect<Oldest | null, QueueUnavailable | QueueOwned>
    /** How many shards there are. Only the queue's own list knows, or has it said when it has lost its data. */
    readonly layout: (known: Layout) => Step<Layout>
    /** Dead letters, oldest first: those after the first `after`, at most `most`. */
    readonly letters: (after: number, most: number) => Step<ReadonlyArray<string>>
  }
>()("write-buffer/worker/Queue") {}

/** Sorts a claimed batch into writes and what is none. */
export const readBatch = (
  id: string,
  texts: ReadonlyArray<string>,
  lostLeases: number,
  left: number,
): Batch => {
  const items: Item[] = []
  const unreadable: Unreadable[] = []
  const unknown: Unknown[] = []
  for (const text of texts) {
    const item = decodeItem(text)
    if (Result.isSuccess(item)) items.push(item.success)
    else if ("lot" in item.failure) unknown.push(item.failure)
    else unreadable.push(item.failure)
  }
  return { id, items, unreadable, unknown, left, lostLeases }
}

const makeStep =
  (link: Link) =>
  <A>(run: () => Promise<A>): Step<A> =>
    Effect.tryPromise({
      try: run,
      catch: (cause) => new QueueUnavailable({ reason: redisErrorReason(cause, link), cause }),
    })

/** A queue of another database refuses, and names the database that it belongs to. */
const owned = (error: QueueUnavailable) => {
  const owner = ownerOf(error.cause)
  return owner === null ? error : new QueueOwned({ owner })
}

/** As the scripts compare them: a server that a role may not ask for is believed; "" is nobody yet. */
export const isSameDatabase = (owner: string, identity: string) => {
  const [server, ...place] = owner.split("/")
  const [ownServer, ...ownPlace] = identity.split("/")
  const isPlace = place.join("/") === ownPlace.join("/")
  return owner === "" || (isPlace && (server === ownServer || server === "" || ownServer === ""))
}

/** An idle worker looks and blocks once in so many seconds, and sends heartbeats besides. */
export const WAIT_SECONDS = 5

const REFUSED_PAUSE = Duration.millis(100)

const connection = (...parameters: Parameters<typeof connectRedis>) =>
  Effect.acquireRelease(
    Effect.promise(() => connectRedis(...parameters)),
    (redis) => Effect.sync(() => closeRedis(redis)),
  )

/** A shard that others serve is not waited for, and needs no connection for it. */
const BELL_IDLE = Duration.seconds(6 * WAIT_SECONDS)

/** The queue in one list: the queue's own, or a shard. */
export const layerRedis = (name: string) =>
  Layer.effect(
    Queue,
    Effect.gen(function* () {
      const { REDIS_URL, LEASE_SECONDS, worker } = yield* Settings
      const redis = yield* connection(REDIS_URL, { name: "worker", slotOf: name })
      // A blocked connection answers nothing else, so waiting has one of its own.
      const bell = yield* RcRef.make({
        acquire: connection(REDIS_URL, {
          ...{ name: "worker-bell", slotOf: name, blockingMillis: WAIT_SECONDS * 1_000 },
        }),
        idleTimeToLive: BELL_IDLE,
      })
      const queue = openQueue(redis, name)
      const step = makeStep(redis.link)
      const lease = Duration.toMillis(Duration.seconds(LEASE_SECONDS))

      return Queue.of({
        // A full Redis refuses to block; then the queue is looked at again after a pause.
        waitForWrite: (seconds) =>
          RcRef.get(bell).pipe(
            Effect.flatMap((connection) =>
              makeStep(connection.link)(() => openQueue(connection, name).waitForWrite(seconds)),
            ),
            Effect.scoped,
            Effect.catchIf(
              ({ cause }) => isRefusal(cause),
              () => Effect.sleep(REFUSED_PAUSE),
            ),
          ),
        look: step(() => queue.look({})),
        claim: (id, most, database) =>
          step(() => queue.claim({ id, most, mostBytes: CLAIM_MAX_BYTES, lease, database })).pipe(
            Effect.mapError(owned),
            Effect.map(
              (found) => found && readBatch(id, found.items, found.lostLeases, found.left),
            ),
          ),
        acknowledge: (id, closing, coalesced, letters) =>
          step(() => queue.acknowledge({ id, closing, coalesced, letters })).pipe(
            Effect.map((count) => count >= 0),
          ),
        release: (id) => step(() => queue.release({ id })),
        recover: (id) => step(() => queue.recover({ id })),
        park: (id, lot, versions) =>
          step(() => queue.park({ id, lot, versions: versions.map(String) })),
        unpark: (lot, most) => step(() => queue.unpark({ lot, most })),
        heartbeat: (ids, hold) =>
          step(() => queue.heartbeat({ worker, lease, hold, most: RECOVER_MAX, ids })),
        leave: step(() => queue.leave({ worker })),
        seed: (highest, database) =>
          step(() => queue.seed({ highest, database })).pipe(Effect.mapError(owned)),
        owner: step(() => queue.own({ database: "" })),
        oldest: (database) => step(() => queue.oldest({ database })).pipe(Effect.mapError(owned)),
        layout: ({ shards, ever }) => step(() => queue.layoutOf({ first: shards, ever })),
        letters: (after, most) => step(() => queue.letters(after, most)),
      })
    }),
  )
