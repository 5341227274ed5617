/**
 * Finds each query a connection to one database: a free one, or a new one while there may be more, or else
 * the one with the fewest queries in flight. A query that a new connection is made for takes any other that
 * is free first, and shares one when the new one cannot be made: until then nothing of it was sent.
 */
import type { Sql } from "./connection.ts"
import { type HostsOptions, openHosts } from "./hosts.ts"
import { isOfStatement, isReadOnly } from "./refusal.ts"
import { makeSlots, type Slot } from "./slots.ts"
import { SocketError } from "./socket.ts"

type Hosts = ReturnType<typeof openHosts>
type Slots = ReturnType<typeof makeSlots>

/** A query without a connection. */
interface Waiter {
  readonly take: (slot: Slot) => void
  readonly fail: (error: unknown) => void
}

/** The queries that wait, first come, first served. While there are any, a connection is being made. */
const makeQueue = (hosts: Hosts, slots: Slots, maxConnections: number) => {
  const waiters = new Set<Waiter>()
  let opening = 0
  /** Changes when what is being made is not wanted any more. */
  let generation = 0
  /** Counts how often a host was given up. */
  let cuts = 0

  const give = (waiter: Waiter, slot: Slot) => {
    waiters.delete(waiter)
    slot.inFlight += 1
    waiter.take(slot)
  }

  const serve = () => {
    for (const waiter of waiters) {
      const slot = slots.leastBusy()
      if (!slot || (slot.inFlight > 0 && slots.count() < maxConnections)) break
      give(waiter, slot)
    }
    // One at first, then as many at a time as are open: of a server that is away one query asks for all.
    const most = Math.min(maxConnections - slots.count(), Math.max(1, slots.count()))
    while (opening < Math.min(waiters.size, most)) void grow()
  }

  /** There will be no new connection. */
  const settle = (error: unknown) => {
    for (const waiter of waiters) {
      const slot = slots.leastBusy()
      if (slot) give(waiter, slot)
      else if (opening === 0) {
        waiters.delete(waiter)
        waiter.fail(error)
      }
    }
  }

  const grow = async () => {
    const begun = generation
    const cutsBefore = cuts
    const isWanted = () => begun === generation
    opening += 1
    try {
      const connection = await hosts.connect(isWanted)
      opening -= 1
      if (isWanted()) slots.add(connection)
      else void connection.close()
    } catch (error) {
      opening -= 1
      // What was cut says nothing to a query that came later: for that one it is begun again.
      if (isWanted() && cuts === cutsBefore) settle(error)
    }
    serve()
  }

  return {
    add: (waiter: Waiter) => {
      waiters.add(waiter)
      serve()
    },
    serve,
    /** It has waited since then and waits no longer. A host that had half of that time is given up. */
    giveUp: (waiter: Waiter, since: number) => {
      waiters.delete(waiter)
      if (hosts.cut((since + performance.now()) / 2)) cuts += 1
    },
    /** What is being made is given up, and made anew for those that wait. */
    renew: () => {
      generation += 1
      hosts.cut(performance.now())
    },
    /** Fails those that wait. */
    close: () => {
      generation += 1
      hosts.cut(performance.now())
      const closed = new SocketError("CONNECTION_CLOSED", "the database was closed")
      for (const { fail } of waiters) fail(closed)
      waiters.clear()
    },
  }
}

export const openPool = (url: string, maxConnections: number, options: HostsOptions) => {
  const hosts = openHosts(url, options)
  const slots = makeSlots()
  const queue = makeQueue(hosts, slots, maxConnections)

  const renew = () => {
    slots.retireAll()
    queue.renew()
  }

  const onFailure = (slot: Slot, error: unknown) => {
    if (slot.isRetired) return
    if (isReadOnly(error)) {
      // After a switch-over new connections reach the server that writes.
      hosts.pass()
      renew()
    } else if (!isOfStatement(error)) slots.retire(slot)
  }

  const ask = async <A>(slot: Slot, query: (sql: Sql) => Promise<A>): Promise<A> => {
    try {
      return await query(slot.connection.sql)
    } catch (error) {
      onFailure(slot, error)
      throw error
    } finally {
      slots.release(slot)
      queue.serve()
    }
  }

  return {
    use: <A>(query: (sql: Sql) => Promise<A>) => {
      const { promise, resolve, reject } = Promise.withResolvers<Slot>()
      const waiter = { take: resolve, fail: reject }
      queue.add(waiter)
      const begun = performance.now()
      return {
        answer: promise.then((slot) => ask(slot, query)),
        /** It was not answered in time: it will not be sent, and what was silent all the while ends. */
        giveUp: () => {
          if (slots.cutSilent(begun)) hosts.pass()
          queue.giveUp(waiter, begun)
        },
      }
    },
    /** The next queries are asked on new connections; what runs may end. */
    renew,
    close: async (seconds: number) => {
      queue.close()
      await slots.close(seconds)
    },
  }
}
