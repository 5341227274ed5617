import { IDENTITY, VERSION_MAX } from "./prelude.ts"
import { script, text } from "./script.ts"

/** How much is read, values included: 20,000 writes of 200 bytes, and a few milliseconds of Redis. */
const READ_MAX_BYTES = 4 * 1_024 * 1_024

/** One read stops at so many writes, so that one of many bytes ends soon after its limit. */
const READ_MAX = 100

/** The lowest version that still lives in the queue. */
export interface Oldest {
  /** Of what waits and what is in a batch; the highest there can be when nothing is. */
  readonly lowest: number
  /** Lots with parked writes, in any order of versions: nothing is known of those but that they live. */
  readonly lots: ReadonlyArray<string>
  /** How many dead letters stand, and the newest: while both are the same, so are all others. */
  readonly letters: number
  readonly newestLetter: string | null
}

/**
 * What may still be written, from the lowest version on; it takes nothing. Replies with null when that
 * cannot be said now: more waits than is read at once, no worker has seeded the versions, or an operator
 * pauses the workers. Fails with OWNED as claim does.
 * Put-back and replayed writes may have any version, so all are looked at and not the oldest alone. No later
 * call brings a version below `lowest` back but a replay of a dead letter.
 */
export const oldest = script({
  mode: "looks",
  keys: ["waiting", "leases", "batchPrefix", "lots", "dead", "counters"],
  args: { database: text },
  reply: (raw: readonly [number, string[], number, string | null] | null): Oldest | null => {
    if (raw === null) return null
    const [lowest, lots, letters, newestLetter] = raw
    return { lowest, lots, letters, newestLetter }
  },
  lua: `${IDENTITY}
local seeded, owner, paused = unpack(redis.call('HMGET', counters, 'seeded', 'database', 'paused'))
local refused = demandOwner(owner, database)
if refused then return refused end
if not seeded or paused then return false end
local lists, lowest, bytes = { waiting }, ${VERSION_MAX}, 0
for _, id in ipairs(redis.call('ZRANGE', leases, 0, -1)) do lists[#lists + 1] = batchPrefix .. id end
for _, items in ipairs(lists) do
  for from = 0, redis.call('LLEN', items) - 1, ${READ_MAX} do
    if bytes > ${READ_MAX_BYTES} then return false end
    for _, item in ipairs(redis.call('LRANGE', items, from, from + ${READ_MAX - 1})) do
      lowest = math.min(lowest, versionOf(item) or lowest)
      bytes = bytes + #item
    end
  end
end
return { lowest, redis.call('SMEMBERS', lots), redis.call('LLEN', dead), redis.call('LINDEX', dead, 0) }
`,
})
