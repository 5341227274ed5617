/**
 * The queue protocol, and the typed calls of it: each is one Lua script, atomic in Redis, O(writes in the
 * call), in a file of its own beside this one. The scripts splice text and never parse a value. They
 * validate before their first write, because Redis does not roll back. Redis 7 or newer.
 *
 * What always holds: queued = waiting + in flight + processed + failed, and each write leaves its batch
 * once, by the one call that deletes the batch's list. Counts come from that list, never from a client.
 *
 * The words:
 * - write: what a client sends; version: its place in the order of all writes, given by `enqueue`
 * - item: a write with its version, as the queue has it; foreign: an item that `enqueue` did not make
 * - waiting: in the list, or parked; not in anybody's batch
 * - claim: moving waiting items into a batch of a worker's own, under a lease
 * - batch: what was claimed together, and is persisted and acknowledged together
 * - lease: until when a batch is its worker's; `heartbeat` extends it, `recover` ends it when it has passed
 * - lost lease: that of a worker which went silent; counted for each write, which may be what ends workers
 * - window: the time in which writes gather before a claim; closing: why it ended
 * - hold: while a worker claims nothing because of the database; pause: because of an operator
 * - park: to set claimed writes aside while their table cannot be written, and others flow; lot: those that wait
 *   for the same table, or for a worker that knows their column
 * - shard: one of several lists that share the writes of a queue, by their keys; layout: how many there are
 * - coalesce: to persist only the newest write of a key
 * - dead letter: a write that can never be stored, with the reason
 */
import type { Connection } from "../redis/redis.ts"
import { acknowledge } from "./acknowledge.ts"
import { claim } from "./claim.ts"
import { discardLetters } from "./discard-letters.ts"
import { enqueue } from "./enqueue.ts"
import { closeShard, openShard } from "./fence.ts"
import { heartbeat } from "./heartbeat.ts"
import { queueKeys } from "./keys.ts"
import { finishLayout, layoutOf, planLayout } from "./layout.ts"
import { leave } from "./leave.ts"
import { look } from "./look.ts"
import { oldest } from "./oldest.ts"
import { own } from "./own.ts"
import { park } from "./park.ts"
import { pause } from "./pause.ts"
import { purge } from "./purge.ts"
import { recover } from "./recover.ts"
import { release } from "./release.ts"
import { replay } from "./replay.ts"
import type { Script } from "./script.ts"
import { seed } from "./seed.ts"
import { snapshot } from "./snapshot.ts"
import { unpark } from "./unpark.ts"

export const SCRIPTS = {
  enqueue,
  look,
  claim,
  acknowledge,
  release,
  park,
  unpark,
  recover,
  heartbeat,
  leave,
  seed,
  own,
  snapshot,
  oldest,
  replay,
  discardLetters,
  purge,
  pause,
  layoutOf,
  planLayout,
  finishLayout,
  closeShard,
  openShard,
}

type Steps = {
  readonly [N in keyof typeof SCRIPTS]: (typeof SCRIPTS)[N] extends Script<infer Call, infer Reply>
    ? (call: Call) => Promise<Reply>
    : never
}

/** The queue of one name on one connection. Its calls reject as the connection's commands do. */
export type Queue = ReturnType<typeof openQueue>

type Command = (...parameters: ReadonlyArray<string | number>) => Promise<unknown>

export const openQueue = (redis: Connection, name: string) => {
  const keys = queueKeys(name)
  const commands = redis as unknown as Record<string, Command>
  const steps = Object.entries<Script<never, unknown>>(SCRIPTS).map(([step, script]) => {
    // Not the step's name alone: Redis has a command DISCARD.
    const command = `queue:${step}`
    // EVAL once for each connection, EVALSHA afterwards, again on NOSCRIPT, which means: not executed.
    if (!(command in commands)) redis.defineCommand(command, script)
    const call = async (given: object) =>
      script.reply(await commands[command]?.(...script.parametersOf(keys, given as never)))
    return [step, call] as const
  })
  return {
    ...(Object.fromEntries(steps) as unknown as Steps),
    keys,
    /** Items that wait, but parked ones, oldest first: the first `most`. They stay where they are. */
    peek: async (most: number) => (await redis.lrange(keys.waiting, -most, -1)).reverse(),
    /** Items that are parked in this lot, likewise. */
    peekLot: (lot: string, most: number) => redis.lrange(keys.lotPrefix + lot, 0, most - 1),
    /** Dead letters, oldest first: those after the first `after`, at most `most`. */
    letters: async (after: number, most: number) =>
      (await redis.lrange(keys.dead, -(after + most), -(after + 1))).reverse(),
    /**
     * What became of awaited writes, in the order of their versions: null while that is not known, the
     * dead letter of one that died, else its version as text.
     */
    outcomes: (versions: ReadonlyArray<number>) =>
      redis.mget(versions.map((version) => keys.outcomePrefix + version)),
    /**
     * How many replicas have what was written when the call before this one was done, once they are `most` or
     * `millis` have passed. Redis does nothing else for the connection meanwhile.
     */
    replicated: (most: number, millis: number) => redis.wait(most, millis),
    /** How many dead letters stand, and the newest of them; null when none does. */
    newestLetter: async () => {
      const newest = await redis.lindex(keys.dead, 0)
      return { total: await redis.llen(keys.dead), newest }
    },
    /** How much waits, and the newest version that was issued when it did. */
    waiting: async () => {
      const [newest, parked] = await redis.hmget(keys.counters, "version", "parked")
      return {
        writes: (await redis.llen(keys.waiting)) + Number(parked ?? 0),
        newest: Number(newest ?? 0),
      }
    },
    /** The workers with the latest deadlines, at most `most`: until when in ms, and why they hold. */
    workers: async (most: number) => {
      const [[seconds], flat, holds] = await Promise.all([
        redis.time(),
        redis.zrange(keys.workers, -most, "-1", "WITHSCORES"),
        redis.hgetall(keys.holds),
      ])
      return Array.from({ length: flat.length / 2 }, (_, index) => {
        const id = flat[2 * index] ?? ""
        const until = Number(flat[2 * index + 1])
        return { id, isAlive: until > Number(seconds) * 1_000, until, hold: holds[id] ?? "" }
      })
    },
    /**
     * Waits for a write, up to `seconds`, on a connection that does nothing else meanwhile.
     * `BLMOVE list list RIGHT RIGHT` rotates the rightmost item onto its own place: it changes nothing, so
     * a reply that is lost loses nothing. A full Redis refuses it, because it may write.
     */
    waitForWrite: async (seconds: number) =>
      void (await redis.blmove(keys.waiting, keys.waiting, "RIGHT", "RIGHT", seconds)),
  }
}

/** The identity of the database that a queue belongs to, when a call failed because of it; else null. */
export const ownerOf = (error: unknown): string | null =>
  (error instanceof Error && /^OWNED (.*)$/.exec(error.message)?.[1]) || null
