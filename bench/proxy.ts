/**
 * Distance: a TCP proxy that delivers every byte so many milliseconds after it came, in both directions,
 * in order. It limits no throughput: a chunk does not wait for the one before it.
 */
import { connect, createServer, type Server, type Socket } from "node:net"

/** Timers are late by up to a millisecond, so what is due within the half of one goes with the rest. */
const SLACK_MILLIS = 0.5

type Delivery = { readonly due: number; readonly deliver: () => void }

/** Runs what it is given `millis` later, in order. */
export const makeDelay = (millis: number) => {
  const waiting: Delivery[] = []
  let timer: NodeJS.Timeout | null = null

  const arm = () => {
    const [next] = waiting
    if (next === undefined) return
    const wait = Math.max(1, Math.floor(next.due - performance.now()))
    timer = setTimeout(flush, wait)
  }
  const flush = () => {
    timer = null
    const now = performance.now() + SLACK_MILLIS
    const late = waiting.findIndex(({ due }) => due > now)
    for (const { deliver } of waiting.splice(0, late < 0 ? waiting.length : late)) deliver()
    arm()
  }
  return (deliver: () => void) => {
    waiting.push({ due: performance.now() + millis, deliver })
    if (timer === null) arm()
  }
}

const carry = (from: Socket, to: Socket, millis: number) => {
  const later = makeDelay(millis)
  from.setNoDelay(true)
  from.on("data", (chunk) =>
    later(() => {
      // A receiver slower than loopback is not hurried: memory would have to hold the difference.
      if (!to.write(chunk) && !from.isPaused()) {
        from.pause()
        to.once("drain", () => from.resume())
      }
    }),
  )
  from.on("end", () => later(() => to.end()))
  from.on("error", () => later(() => to.destroy()))
}

/** A proxy in front of one server, or its socket in a folder, not yet listening; `millis` is the way there, and the way back. */
export const makeProxy = (host: string, port: number, millis: number): Server =>
  // Half open: what is on its way to one who has said goodbye is still delivered.
  createServer({ allowHalfOpen: true }, (client) => {
    const target = host.startsWith("/") ? { path: `${host}/.s.PGSQL.${port}` } : { host, port }
    const server = connect({ ...target, allowHalfOpen: true })
    carry(client, server, millis)
    carry(server, client, millis)
  })
