/**
 * Changes the number of shards while writes flow, in milliseconds and without draining. What must be so: no shard
 * takes a write by the old layout after any has taken one by the new layout, and every version of the new one is
 * above all of the old one. So all are closed, the highest version is found, and the new ones are opened above it.
 * Writes meanwhile are refused, and come again. Each step may be repeated: a change that broke off is done again.
 */
import type { Closed } from "./fence.ts"
import type { Shard, Shards } from "./open-shards.ts"
import { seriesOf, shardNames } from "./shards.ts"

/** Why nothing was changed: another change is under way, to so many shards. */
export interface Busy {
  readonly to: number
}

/** Nothing is known of the versions that a shard has issued: it has lost its data, and no worker has seen it since. */
export class Unseeded extends Error {
  override readonly name = "Unseeded"
  constructor() {
    super("a shard has lost its data")
  }
}

const highest = (closed: ReadonlyArray<Closed>) =>
  Math.max(0, ...closed.map(({ version }) => version))

/** What a shard goes on with that follows these. */
const saidBy = (closed: ReadonlyArray<Closed>) => ({
  isSeeded: closed.some(({ isSeeded }) => isSeeded),
  database: closed.find(({ database }) => database !== "")?.database ?? "",
})

/**
 * Resolves to how many shards there were, or why nothing was changed. Rejects when one does not answer: then all is
 * as before, or the change has to be done again.
 */
export const changeShards = async (
  shards: Shards,
  to: number,
): Promise<{ readonly from: number } | Busy> => {
  const { home } = shards
  const before = await home.queue.planLayout({ shards: to })
  if (before.to !== null && before.to !== to) return { to: before.to }
  const from = before.shards
  await shards.refresh()
  const byName = new Map(shards.every().map((shard) => [shard.name, shard]))
  const named = (count: number) =>
    shardNames(home.name, count).map((name) => byName.get(name) as Shard)
  const old = new Set(named(from))
  const others = new Set([...old, ...named(to)])
  others.delete(home)

  const open = (count: number, closed: ReadonlyArray<Closed>) =>
    Promise.all(
      named(count).map(({ queue }, index) =>
        queue.openShard({
          ...{ shards: count, least: highest(closed), ...seriesOf(count, index) },
          ...saidBy(closed),
          isPaused: closed.some(({ isPaused }) => isPaused),
        }),
      ),
    )

  const closeHome = (count: number, closed: ReadonlyArray<Closed>) =>
    home.queue.closeShard({
      ...{ shards: count, least: highest(closed), ...seriesOf(count, count) },
      ...saidBy(closed),
    })
  const close = async () => {
    const asked = await Promise.allSettled(
      [...others].map(({ queue }) =>
        queue.closeShard({ shards: to, least: 0, step: 0, residue: 0, ...saidBy([]) }),
      ),
    )
    // All have answered, or will not: none is closed after the old ones were opened again.
    const closed = asked.map((one) => {
      if (one.status === "rejected") throw one.reason
      return one.value
    })
    // What it had may be in the table, above all that the others have issued. Amid a change it could take no write.
    const isLost =
      before.to === null && [...others].some((shard, at) => old.has(shard) && !closed[at]?.isSeeded)
    if (isLost && closed.some(({ isSeeded }) => isSeeded)) throw new Unseeded()
    // The last one: what it issues for others' pushes is of the new series, and the old ones end before.
    return [...closed, await closeHome(to, closed)]
  }

  const closed = await close().catch(async (error) => {
    // Nothing was written by the new layout yet, unless somebody had begun before: the old one goes on.
    if (before.to === null) {
      await closeHome(from, []).catch(() => {})
      await open(from, [])
      await home.queue.finishLayout({ shards: from })
    }
    throw error
  })
  await open(to, closed)
  await home.queue.finishLayout({ shards: to })
  await shards.refresh()
  return { from }
}
