/**
 * The queue in memory: the contract of `shared/queue` on plain arrays. Each call is one atomic
 * step, items are the same JSON text, and all time is Clock's, so that TestClock drives every lease.
 */
import { Clock, Context, Duration, Effect, Latch, Layer } from "effect"
import type { Write } from "../../../shared/write.ts"
import { QueueOwned, type QueueUnavailable } from "../errors.ts"
import { isSameDatabase, Queue, readBatch } from "../queue.ts"
import { Settings } from "../settings.ts"
import { type Faults, makeFaults } from "./fault-memory.ts"
import { type Snapshot, Store } from "./store-memory.ts"

export type { Snapshot }

/** The queue as everybody but the worker meets it; the conformance suites drive both stores with it. */
export class QueueOutside extends Context.Service<
  QueueOutside,
  {
    /** Ingest: returns the version of the first. Clients may wait for the commits. */
    readonly enqueue: (writes: ReadonlyArray<Write>, isAwaited?: boolean) => Effect.Effect<number>
    /** Somebody with redis-cli: LPUSH. */
    readonly push: (...texts: ReadonlyArray<string>) => Effect.Effect<void>
    readonly snapshot: Effect.Effect<Snapshot>
    /** How long a lease still lasts, in milliseconds; null when there is none. */
    readonly leaseLeft: (id: string) => Effect.Effect<number | null>
    /** An operator, who stops claiming on every worker, or lets it go on. */
    readonly pause: (paused: boolean) => Effect.Effect<void>
    /** An operator, who gives the queue to another database. */
    readonly give: (database: string) => Effect.Effect<void>
    /** An operator, who puts a dead letter back. */
    readonly replay: (letter: string) => Effect.Effect<void>
    /** Lets the deadline of a lease pass. */
    readonly expire: (id: string) => Effect.Effect<void>
  }
>()("write-buffer/worker/QueueOutside") {}

export type QueueCall = keyof Queue["Service"]

export class QueueFaults extends Context.Service<
  QueueFaults,
  Faults<QueueCall, QueueUnavailable>
>()("write-buffer/worker/QueueFaults") {}

export const layerMemory = Layer.effectContext(
  Effect.gen(function* () {
    const settings = yield* Settings
    const store = new Store()
    const { faults, around } = makeFaults<QueueCall, QueueUnavailable>()
    const bell = yield* Latch.make(false)
    const leaseMillis = settings.LEASE_SECONDS * 1_000

    const atomic = <A>(run: (now: number) => A): Effect.Effect<A> =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const result = run(now)
        if (store.waiting.length > 0) bell.openUnsafe()
        else bell.closeUnsafe()
        return result
      })
    const step = <A>(call: QueueCall, run: (now: number) => A) => around(call, atomic(run))

    /** Fails when the queue belongs to another database, else keeps the fuller of the two names. */
    const ownedBy = (database: string) =>
      Effect.suspend(() => {
        if (!isSameDatabase(store.owner, database)) {
          return Effect.fail(new QueueOwned({ owner: store.owner }))
        }
        if (store.owner.length < database.length && store.seeded) store.owner = database
        return Effect.void
      })

    const queue = Queue.of({
      waitForWrite: (seconds) =>
        around(
          "waitForWrite",
          Effect.asVoid(Effect.timeoutOption(bell.await, Duration.seconds(seconds))),
        ),
      look: step("look", (now) => store.look(now)),
      claim: (id, max, database) =>
        Effect.andThen(
          ownedBy(database),
          step("claim", (now) => {
            const texts = store.claim(now, id, max, leaseMillis)
            return texts && readBatch(id, texts, store.silent(texts[0]), store.waiting.length)
          }),
        ),
      acknowledge: (id, closing, coalesced, dead) =>
        step("acknowledge", () => store.acknowledge(id, closing, coalesced, dead)),
      release: (id) => step("release", () => store.release(id)),
      park: (id, lot, versions) => step("park", () => store.park(id, lot, versions)),
      unpark: (lot, most) => step("unpark", () => store.unpark(lot, most)),
      recover: (id) => step("recover", (now) => store.recover(now, id)),
      heartbeat: (ids, held) =>
        step("heartbeat", (now) => store.heartbeat(now, settings.worker, ids, held, leaseMillis)),
      leave: step("leave", () => store.leave(settings.worker)),
      seed: (highest, database) =>
        Effect.andThen(
          ownedBy(database),
          step("seed", (now) => store.seed(now, highest, database)),
        ),
      owner: step("owner", () => store.owner),
      oldest: (database) =>
        Effect.andThen(
          ownedBy(database),
          step("oldest", () => store.oldest()),
        ),
      layout: () => step("layout", () => ({ shards: 1, ever: 0 })),
      letters: (after, most) => step("letters", () => store.dead.slice(after, after + most)),
    })
    const outside = QueueOutside.of({
      enqueue: (writes, isAwaited) => atomic((now) => store.enqueue(now, writes, isAwaited)),
      push: (...texts) => atomic(() => void store.waiting.push(...texts)),
      snapshot: atomic((now) => store.snapshot(now)),
      leaseLeft: (id) =>
        atomic((now) => (store.leases.get(id) ?? Number.NaN) - now).pipe(
          Effect.map((left) => (Number.isNaN(left) ? null : left)),
        ),
      pause: (paused) =>
        atomic(() => {
          store.paused = paused
        }),
      give: (database) =>
        atomic(() => {
          store.owner = database
          store.seeded = false
        }),
      replay: (letter) => atomic(() => store.replay(letter)),
      expire: (id) => atomic((now) => void store.leases.set(id, now)),
    })
    return Context.make(Queue, queue).pipe(
      Context.add(QueueOutside, outside),
      Context.add(QueueFaults, faults),
    )
  }),
)
