/**
 * What operators do to the queue: look at what waits and at the dead letters, replay or discard these,
 * purge, pause and resume. Each step is atomic and counted in Redis; what takes many steps is bounded by
 * what was there when it began. Rejects when Redis does not answer; what was done until then stays done.
 */
import { Result } from "effect"
import { type QueueConnection, queueKeys } from "../../shared/queue.ts"
import { decodeDeadLetter, decodeItem } from "../../shared/write.ts"

/** A page of letters of 64 KiB each is 6 MiB: well within the deadline of a reply. */
export const PAGE_MAX = 100

/** Purging is one RPOP a call: a thousand writes block Redis for less than a millisecond. */
const PURGE_CALL_WRITES = 1_000

/** Which dead letters: those of these versions, or all. */
export type Selection = { readonly versions: ReadonlyArray<number> } | { readonly all: true }

export type Operations = ReturnType<typeof makeOperations>

export const makeOperations = (redis: QueueConnection, queueName: string) => {
  const keys = queueKeys(queueName)

  /** Dead letters as they stand in the list, oldest first, after so many older ones. */
  const page = async (after: number, limit: number) =>
    (await redis.lrange(keys.dead, -(after + limit), -(after + 1))).reverse()

  /** Calls `use` with the letters of a selection, a page at a time; returns the sum of its answers. */
  const select = async (selection: Selection, use: (letters: string[]) => Promise<number>) => {
    const total = await redis.llen(keys.dead)
    const wanted = "versions" in selection ? new Set(selection.versions) : null
    let done = 0
    // What was used is gone from the list, so the next page begins after what was left standing.
    for (let seen = 0, kept = 0; seen < total; seen += PAGE_MAX) {
      const letters = await page(kept, Math.min(PAGE_MAX, total - seen))
      const chosen = wanted
        ? letters.filter((letter) => wanted.has(decodeDeadLetter(letter).version))
        : letters
      const used = chosen.length > 0 ? await use(chosen) : 0
      done += used
      kept += letters.length - used
    }
    return done
  }

  return {
    /** `next` is the `after` of the next page; null on the last. */
    dead: async (after: number, limit: number) => {
      const [letters, total] = await Promise.all([page(after, limit), redis.llen(keys.dead)])
      const next = after + letters.length
      return {
        dead: letters.map((letter) => decodeDeadLetter(letter).shown),
        total,
        next: letters.length > 0 && next < total ? next : null,
      }
    },
    replay: (selection: Selection) =>
      select(selection, (letters) =>
        redis.replay(
          ...[keys.waiting, keys.dead, keys.counters],
          ...letters.flatMap((letter) => [letter, decodeDeadLetter(letter).item]),
        ),
      ),
    discard: (selection: Selection) =>
      select(selection, (letters) => redis.discard(keys.dead, keys.counters, ...letters)),
    /** The oldest writes that wait; they stay where they are. */
    peek: async (limit: number) => {
      const items = (await redis.lrange(keys.waiting, -limit, -1)).reverse()
      return items.map((text) => {
        const item = decodeItem(text)
        return Result.isSuccess(item)
          ? { version: item.success.version, ...item.success.write }
          : { version: item.failure.version || null, unreadable: text }
      })
    },
    depth: () => redis.llen(keys.waiting),
    /** Throws away so many of the oldest writes that wait; returns how many there were. */
    purge: async (writes: number) => {
      let gone = 0
      while (gone < writes) {
        const count = await redis.purge(
          ...[keys.waiting, keys.counters, keys.silences],
          Math.min(PURGE_CALL_WRITES, writes - gone),
        )
        if (count === 0) break
        gone += count
      }
      return gone
    },
    /** Workers look at this mark whenever they look at the queue, and claim asks for it again. */
    pause: async () => void (await redis.hset(keys.counters, "paused", 1)),
    resume: async () => void (await redis.hdel(keys.counters, "paused")),
  }
}
