/**
 * The connections to one database: at most so many, and each query on the one with the fewest in flight.
 * They are made when they are needed, and replaced when they are old, lost, or on a server that has changed.
 */

import type { Connection, Sql } from "./connection.ts"
import { type HostsOptions, openHosts } from "./hosts.ts"
import { isOfStatement, isReadOnly } from "./refusal.ts"

interface Slot {
  readonly opening: Promise<Connection>
  /** Null while it is being made. */
  connection: Connection | null
  inFlight: number
  /** For no new queries; closed when the last has ended. */
  isRetired: boolean
}

/** So that a balancer in front gets its share again, and a name that moved is asked for again. */
const LIFE_MIN_MILLIS = 30 * 60_000
const LIFE_SPREAD_MILLIS = 30 * 60_000

export const openPool = (url: string, maxConnections: number, options: HostsOptions) => {
  const hosts = openHosts(url, options)
  let slots: Slot[] = []
  let generation = 0

  const retire = (slot: Slot) => {
    slot.isRetired = true
    slots = slots.filter((other) => other !== slot)
    if (slot.inFlight === 0) void slot.connection?.close()
  }

  const onOpen = (slot: Slot, connection: Connection) => {
    slot.connection = connection
    if (slot.isRetired && slot.inFlight === 0) return void connection.close()
    const life = LIFE_MIN_MILLIS + Math.random() * LIFE_SPREAD_MILLIS
    const timer = setTimeout(() => retire(slot), life)
    void connection.spent.then(() => {
      clearTimeout(timer)
      retire(slot)
    })
  }

  const add = (): Slot => {
    const slot = { opening: hosts.connect(), connection: null, inFlight: 0, isRetired: false }
    slots.push(slot)
    slot.opening.then(
      (connection) => onOpen(slot, connection),
      () => retire(slot),
    )
    return slot
  }

  /** One without queries, or a new one while there may be more, or the one with the fewest. */
  const choose = (): Slot => {
    let best: Slot | undefined
    for (const slot of slots) {
      if (best === undefined || slot.inFlight < best.inFlight) best = slot
    }
    return best && (best.inFlight === 0 || slots.length >= maxConnections) ? best : add()
  }

  const renew = () => {
    for (const slot of slots) retire(slot)
  }

  const onFailure = (slot: Slot, error: unknown) => {
    if (slot.isRetired) return
    if (isReadOnly(error)) {
      // After a switch-over new connections reach the server that writes.
      hosts.pass()
      renew()
    } else if (!isOfStatement(error)) retire(slot)
  }

  return {
    /** Changes with each `stall`. */
    generation: () => generation,
    use: async <A>(query: (sql: Sql) => Promise<A>): Promise<A> => {
      const slot = choose()
      slot.inFlight += 1
      try {
        const { sql } = slot.connection ?? (await slot.opening)
        return await query(sql)
      } catch (error) {
        onFailure(slot, error)
        throw error
      } finally {
        slot.inFlight -= 1
        if (slot.isRetired && slot.inFlight === 0) void slot.connection?.close()
      }
    },
    /** The next queries are asked on new connections; what runs may end. */
    renew,
    /** A query was not answered in time: ends all connections, and begins with the next host. */
    stall: () => {
      generation += 1
      hosts.pass()
      renew()
      hosts.cut()
    },
    close: async (seconds: number) => {
      await Promise.all(slots.map(({ connection }) => connection?.close(seconds)))
      renew()
      hosts.cut()
    },
  }
}
