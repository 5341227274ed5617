/**
 * `near` and `far`: PostgreSQL as it is, and 20 ms of round trip away, through a proxy in a process of
 * its own. The distance is measured before anything else is.
 */
import process from "node:process"
import { fileURLToPath } from "node:url"
import { freePort } from "../scripts/servers/port.ts"
import { launch } from "../scripts/servers/process.ts"
import { openDatabase, ping } from "../shared/postgres/postgres.ts"
import type { Stoppable } from "./cleanup.ts"
import { serverOf, throughProxy } from "./database-url.ts"

export type Distance = "near" | "far"

/** There and back again, in ms. */
export const FAR_MILLIS = 20

/** What the shortest measured round trip may differ; a proxy that is further off is not the one we want. */
const TOLERANCE_MILLIS = 2

const SAMPLES = 20
const ATTEMPTS = 10
const DEADLINE_MILLIS = 5_000
const READY_LIMIT_MILLIS = 10_000
const STOP_LIMIT_MILLIS = 2_000

export interface Proxy extends Stoppable {
  /** The same database, further away. */
  readonly url: string
  readonly port: number
  readonly pid: number
}

/** Starts a proxy in front of the host of a URL; `millis` is the round trip that it adds. */
export const startProxy = async (url: string, millis: number, port?: number): Promise<Proxy> => {
  const near = serverOf(url)
  const listening = port ?? (await freePort())
  const script = fileURLToPath(new URL("proxy-main.ts", import.meta.url))
  const child = await launch(
    process.execPath,
    [script, String(listening), near.host, String(near.port), String(millis / 2)],
    { name: "proxy" },
  )
  await child.printed(/listening/, READY_LIMIT_MILLIS)
  return {
    url: throughProxy(url, listening),
    port: listening,
    pid: child.pid,
    stop: () => child.stop(STOP_LIMIT_MILLIS),
  }
}

/** The shortest of some round trips to PostgreSQL, in ms. */
const measureRoundTrip = async (url: string): Promise<number> => {
  const options = { name: "bench", maxConnections: 1, deadlineMillis: DEADLINE_MILLIS }
  const database = openDatabase(url, options)
  try {
    let shortest = Number.POSITIVE_INFINITY
    for (let sample = 0; sample < SAMPLES; sample++) {
      const begin = performance.now()
      await database.run(ping)
      shortest = Math.min(shortest, performance.now() - begin)
    }
    return shortest
  } finally {
    await database.close(1)
  }
}

/**
 * Both round trips, in ms. A busy machine delays timers, so far is measured again a few times.
 * @throws when far is not as far as it says.
 */
export const measureDistances = async (url: Readonly<Record<Distance, string>>) => {
  const near = await measureRoundTrip(url.near)
  let far = Number.POSITIVE_INFINITY
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    far = Math.min(far, await measureRoundTrip(url.far))
    if (Math.abs(far - near - FAR_MILLIS) <= TOLERANCE_MILLIS) return { near, far }
  }
  const added = (far - near).toFixed(1)
  throw new Error(`The proxy adds ${added} ms, not ${FAR_MILLIS}: is the machine very busy?`)
}
