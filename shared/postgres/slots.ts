/**
 * The open connections to one database: those for the next queries, and those that are retired and end
 * with their last query. Whether one is alive shows in when it was heard last.
 */
import type { Connection } from "./connection.ts"

export interface Slot {
  readonly connection: Connection
  inFlight: number
  /** When it was opened, or a query on it ended. */
  heardAt: number
  isRetired: boolean
}

/** So that a balancer in front gets its share again, and a name that moved is asked for again. */
const LIFE_MIN_MILLIS = 30 * 60_000
const LIFE_SPREAD_MILLIS = 30 * 60_000

export const makeSlots = () => {
  let current: Slot[] = []
  const retired = new Set<Slot>()

  const closeUnused = (slot: Slot) => {
    if (slot.inFlight > 0) return void retired.add(slot)
    retired.delete(slot)
    void slot.connection.close()
  }

  const retire = (slot: Slot) => {
    slot.isRetired = true
    current = current.filter((other) => other !== slot)
    closeUnused(slot)
  }

  return {
    /** How many there are for the next queries. */
    count: () => current.length,
    add: (connection: Connection) => {
      const slot = { connection, inFlight: 0, heardAt: performance.now(), isRetired: false }
      current.push(slot)
      const life = LIFE_MIN_MILLIS + Math.random() * LIFE_SPREAD_MILLIS
      const timer = setTimeout(() => retire(slot), life)
      void connection.spent.then(() => {
        clearTimeout(timer)
        retire(slot)
      })
    },
    leastBusy: (): Slot | undefined => {
      let best: Slot | undefined
      for (const slot of current) {
        if (best === undefined || slot.inFlight < best.inFlight) best = slot
      }
      return best
    },
    /** A query on it ended. */
    release: (slot: Slot) => {
      slot.inFlight -= 1
      slot.heardAt = performance.now()
      if (slot.isRetired) closeUnused(slot)
    },
    /** For no new queries from now on. */
    retire,
    retireAll: () => {
      for (const slot of current) retire(slot)
    },
    /** Ends those that were not heard since then; tells whether the next queries lost any. */
    cutSilent: (since: number): boolean => {
      const before = current.length
      for (const slot of [...current, ...retired]) {
        if (slot.heardAt > since) continue
        retire(slot)
        void slot.connection.close()
      }
      return current.length < before
    },
    /** Ends all when their queries have ended, or so many seconds have passed. */
    close: async (seconds: number) => {
      const all = [...current, ...retired]
      await Promise.all(all.map(({ connection }) => connection.close(seconds)))
    },
  }
}
