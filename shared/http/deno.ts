/**
 * `deno serve` on Node's HTTP server, which Deno has too. Deno's own (2.9) answers 400 to each request
 * with a body and an Upgrade header, before any code of ours: to all writes of the JDK's HttpClient. It
 * drops the answer of a client that has closed its side, has no timeout for slow clients, and at a stop
 * cuts uploads off (denoland/deno#36809). There is no setting for any of it, but `deno serve` calls
 * `Deno.serve`, and that is a property. Where a later Deno does not, its own server calls our `fetch`.
 */

import type { Place } from "./listen.ts"

interface ServeOptions {
  readonly port: number
  readonly hostname: string
  /** Deno's word for one port and several threads, of which each is called: `deno serve --parallel`. */
  readonly [isParallel: symbol]: unknown
}

interface Namespace {
  serve: (options: ServeOptions) => { shutdown(): Promise<void> }
}

/** Null on Node. */
const namespace = (globalThis as unknown as { readonly Deno?: Namespace }).Deno ?? null

export const isDeno = namespace !== null

/** Calls `listen` when `deno serve` would have its own server listen. */
export const whenDenoServes = (listen: (place: Place) => void) => {
  if (namespace === null) return
  namespace.serve = (options) => {
    const { port, hostname: host } = options
    const reusePort = Object.getOwnPropertySymbols(options).some((name) => options[name] === true)
    listen({ port, host, reusePort })
    // Called at a signal, for which the service has an end of its own.
    return { shutdown: async () => {} }
  }
}
