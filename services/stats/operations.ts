/**
 * What operators do to the queue: look at what waits and at the dead letters, replay or discard these,
 * purge, pause and resume. Each step is atomic and counted in Redis; what takes many steps is bounded by
 * what was there when it began. Rejects when Redis does not answer; what was done until then stays done.
 */
import { Result } from "effect"
import { type QueueConnection, queueKeys } from "../../shared/queue.ts"
import { decodeDeadLetter, decodeItem } from "../../shared/write.ts"

/** The most that one call shows. */
export const PAGE_MAX = 100

/** In bytes of values; of control characters a letter has six bytes for each. Well within a deadline. */
const PAGE_MAX_BYTES = 8 * 1024 * 1024

/** A replay sends each letter and the item that it was, so with such values twelve times as much. */
const REPLAY_MAX_BYTES = 1024 * 1024

/** Purging is one RPOP a call: a thousand small writes, or so many bytes, block Redis for some 50 ms at most. */
const PURGE_MAX_WRITES = 1_000
const PURGE_MAX_BYTES = 8 * 1024 * 1024

/** Which dead letters: those of these versions, or all. */
export type Selection = { readonly versions: ReadonlyArray<number> } | { readonly all: true }

/** What waits, and the newest version that was issued when it did. */
export interface Seen {
  readonly writes: number
  readonly newest: number
}

/** How many writes one call to Redis handles. */
const bounds = (valueMaxBytes: number) => {
  const atOnce = (most: number, mostBytes: number) =>
    Math.max(1, Math.min(most, Math.floor(mostBytes / valueMaxBytes)))
  return {
    shownAtOnce: atOnce(PAGE_MAX, PAGE_MAX_BYTES),
    movedAtOnce: atOnce(PAGE_MAX, REPLAY_MAX_BYTES),
    purgedAtOnce: atOnce(PURGE_MAX_WRITES, PURGE_MAX_BYTES),
  }
}

export type Operations = ReturnType<typeof makeOperations>

export const makeOperations = (
  redis: QueueConnection,
  queueName: string,
  valueMaxBytes: number,
) => {
  const keys = queueKeys(queueName)
  const { shownAtOnce, movedAtOnce, purgedAtOnce } = bounds(valueMaxBytes)

  /** Dead letters as they stand in the list, oldest first, after so many older ones. */
  const page = async (after: number, limit: number) =>
    (await redis.lrange(keys.dead, -(after + limit), -(after + 1))).reverse()

  /** Calls `use` with the letters of a selection, a page at a time; returns the sum of its answers. */
  const select = async (selection: Selection, use: (letters: string[]) => Promise<number>) => {
    const total = await redis.llen(keys.dead)
    const wanted = "versions" in selection ? new Set(selection.versions) : null
    let done = 0
    // What was used is gone from the list, so the next page begins after what was left standing.
    for (let seen = 0, kept = 0; seen < total; seen += movedAtOnce) {
      const letters = await page(kept, Math.min(movedAtOnce, total - seen))
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
    /** Up to `limit`, fewer when values may be large. `next` is the `after` of the next page; null on the last. */
    dead: async (after: number, limit: number) => {
      const [letters, total] = await Promise.all([
        page(after, Math.min(limit, shownAtOnce)),
        redis.llen(keys.dead),
      ])
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
    /** The oldest writes that wait, fewer when values may be large; they stay where they are. */
    peek: async (limit: number) => {
      const items = (await redis.lrange(keys.waiting, -Math.min(limit, shownAtOnce), -1)).reverse()
      return items.map((text) => {
        const item = decodeItem(text)
        return Result.isSuccess(item)
          ? { version: item.success.version, ...item.success.write }
          : { version: item.failure.version || null, unreadable: text }
      })
    },
    waiting: async (): Promise<Seen> => {
      const newest = Number((await redis.hget(keys.counters, "version")) ?? 0)
      return { writes: await redis.llen(keys.waiting), newest }
    },
    /** Throws away what waited then and waits still, and what somebody pushed; returns how many that were. */
    purge: async ({ writes, newest }: Seen) => {
      let gone = 0
      while (gone < writes) {
        const count = await redis.purge(
          ...[keys.waiting, keys.counters, keys.silences],
          ...[Math.min(purgedAtOnce, writes - gone), newest],
        )
        if (count === 0) break
        gone += count
      }
      return gone
    },
    pause: async () => void (await redis.pause(keys.counters, 1)),
    resume: async () => void (await redis.pause(keys.counters, 0)),
  }
}
