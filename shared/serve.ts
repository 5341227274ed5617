/**
 * The life of a service's process: configuration, listening, and a stop that finishes what has begun.
 * On Node it listens by itself. On Deno `deno serve` listens, and calls the `fetch` that is returned.
 */
import process from "node:process"
import { setTimeout as sleep } from "node:timers/promises"
import { type Config, ConfigError, leftOut, loadConfig } from "./config.ts"
import { exitOnCrash } from "./crash.ts"
import { type Fetch, listen } from "./listen.ts"
import { type Log, makeLog } from "./log.ts"
import { problem } from "./problem.ts"

/** Requests that have begun may take this long after the signal; then their connections are cut. */
const FINISH_MILLIS = 5_000

/** A stop that takes longer hangs. */
const STOP_MILLIS = 10_000

/** How soon a connection is closed after its last answer. */
const IDLE_CHECK_MILLIS = 20

/** Deno writes an answer out after `fetch` has returned it. */
const FLUSH_MILLIS = 100

export interface Service {
  readonly fetch: Fetch
  /** Ends the answers that have no end of their own, and would keep a stop waiting. */
  readonly endStreams?: () => void
  /** Closes the connections to the stores. */
  readonly close: () => Promise<void>
}

const isDeno = "Deno" in globalThis

const fail = (line: string): never => {
  process.stderr.write(`${line}\n`)
  process.exit(1)
}

const loadOrFail = (name: "ingest" | "reader" | "stats") => {
  try {
    return loadConfig(name)
  } catch (error) {
    if (error instanceof ConfigError) return fail(error.message)
    throw error
  }
}

const refuse = () => problem("stopping", { retryAfterSeconds: 1, headers: { connection: "close" } })

/** On the first SIGTERM or SIGINT: ends the work, closes the stores, exits. On a second: exits. */
const stopOnSignal = (log: Log, finish: () => Promise<void>, close: () => Promise<void>) => {
  let isStopping = false
  const stop = async (signal: string) => {
    if (isStopping) process.exit(1)
    isStopping = true
    log("info", "stopping", { signal })
    setTimeout(() => {
      log("error", "stop took too long", { millis: STOP_MILLIS })
      process.exit(1)
    }, STOP_MILLIS)
    await finish()
    await close()
    log("info", "stopped")
    process.exit(0)
  }
  process.on("SIGTERM", stop)
  process.on("SIGINT", stop)
}

const serveOnNode = async (
  name: string,
  port: number,
  log: Log,
  { fetch, endStreams, close }: Service,
) => {
  let current = fetch
  const { server, url } = await listen((request) => current(request), port).catch(
    ({ code }: NodeJS.ErrnoException) => {
      const reason = code === "EADDRINUSE" ? "is in use" : `cannot be had (${code})`
      return fail(`${name}: port ${port} ${reason}; set PORT to another`)
    },
  )
  const finish = async () => {
    // Connections that stay open are told to close; who asks on one whether we are ready hears no.
    current = (request) => (request.url.endsWith("/health") ? refuse() : fetch(request))
    server.prependListener("request", (_, response) => {
      response.shouldKeepAlive = false
    })
    const closed = new Promise((resolve) => server.close(resolve))
    endStreams?.()
    const closing = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MILLIS)
    await Promise.race([closed, sleep(FINISH_MILLIS)])
    clearInterval(closing)
    server.closeAllConnections()
  }
  stopOnSignal(log, finish, close)
  log("info", "listening", { url })
}

/**
 * At the signal `deno serve` itself stops accepting. What has begun is waited for here, but for bodies
 * that were being read: Deno 2.9 makes them unreadable at once (denoland/deno#36809), which looks as if
 * the client had gone away. The answer says whose fault it was, and that nothing was done.
 */
const serveOnDeno = (log: Log, { fetch, endStreams, close }: Service): Fetch => {
  let isStopping = false
  let running = 0
  const finish = async () => {
    isStopping = true
    endStreams?.()
    for (let left = FINISH_MILLIS; running > 0 && left > 0; left -= IDLE_CHECK_MILLIS) {
      await sleep(IDLE_CHECK_MILLIS)
    }
    await sleep(FLUSH_MILLIS)
  }
  stopOnSignal(log, finish, close)
  return async (request) => {
    running += 1
    try {
      const response = await fetch(request)
      return isStopping && response.status === 400 ? refuse() : response
    } finally {
      running -= 1
    }
  }
}

/** Starts a service; for `export default` in its `main.ts`, which is all that `deno serve` needs. */
export const serve = async (
  name: "ingest" | "reader" | "stats",
  open: (config: Config, log: Log) => Service | Promise<Service>,
): Promise<{ readonly fetch: Fetch }> => {
  const config = loadOrFail(name)
  const log = makeLog(name, config)
  exitOnCrash(log)
  for (const names of leftOut(config)) log("info", "parameters for other clients", names)
  const service = await open(config, log)
  if (isDeno) return { fetch: serveOnDeno(log, service) }
  await serveOnNode(name, config.PORT ?? 0, log, service)
  return service
}
