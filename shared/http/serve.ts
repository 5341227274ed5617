/**
 * The life of a service's process: configuration, listening, and a stop that finishes what has begun.
 * On Node it listens by itself, on Deno when `deno serve` says where.
 */
import process from "node:process"
import { setTimeout as sleep } from "node:timers/promises"
import { type Config, ConfigError, leftOut, loadConfig, type ServiceName } from "../config.ts"
import { exitOnCrash } from "../crash.ts"
import { type Log, makeLog } from "../log.ts"
import { printError } from "../output.ts"
import { type Settings, withTraces } from "../tracing/open.ts"
import { problem } from "./answer.ts"
import { isDeno, whenDenoServes } from "./deno.ts"
import { type Fetch, listen, type Place } from "./listen.ts"
import type { Routes } from "./route.ts"

/** Requests that have begun may take this long after the signal; then their connections are cut. */
const FINISH_MILLIS = 5_000

/** A stop that takes longer hangs. */
const STOP_MILLIS = 10_000

/** How soon a connection is closed after its last answer. */
const IDLE_CHECK_MILLIS = 20

export interface Service {
  readonly fetch: Fetch
  /** Under which its requests are traced. */
  readonly routes?: Routes
  /** Ends the answers that have no end of their own, or wait for something: they would keep a stop waiting. */
  readonly endStreams?: () => void
  /** Closes the connections to the stores. */
  readonly close: () => Promise<void>
}

const fail = (line: string): never => {
  printError(`${line}\n`)
  process.exit(1)
}

type HttpService = Exclude<ServiceName, "worker">

/** What the service uses; of what all of them use, the compiler knows that it is part of it. */
type ServiceConfig<N extends HttpService> = Config<N> &
  Settings &
  Pick<Config, "PORT" | "KEEP_ALIVE_SECONDS" | "LOG_LEVEL" | "LOG_FORMAT">

const loadOrFail = <N extends HttpService>(name: N) => {
  try {
    return loadConfig(name) as ServiceConfig<N>
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

const listenUntilStopped = async <N extends HttpService>(
  name: N,
  place: Place,
  { KEEP_ALIVE_SECONDS }: ServiceConfig<N>,
  log: Log,
  { fetch, endStreams, close }: Service,
) => {
  let current = fetch
  const limits = { keepAliveTimeout: KEEP_ALIVE_SECONDS * 1_000 }
  const { server, url } = await listen((request) => current(request), place, limits).catch(
    ({ code }: NodeJS.ErrnoException) => {
      const reason = code === "EADDRINUSE" ? "is in use" : `cannot be had (${code})`
      return fail(
        `${name}: port ${place.port} ${reason}; set ${isDeno ? "--port" : "PORT"} to another`,
      )
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

/** Starts a service; for `export default` in its `main.ts`, which is all that `deno serve` needs. */
export const serve = async <N extends HttpService>(
  name: N,
  open: (config: ServiceConfig<N>, log: Log) => Service | Promise<Service>,
): Promise<{ readonly fetch: Fetch }> => {
  const config = loadOrFail(name)
  const log = makeLog(name, config)
  exitOnCrash(log)
  for (const names of leftOut(config as Partial<Config>)) {
    log("info", "parameters for other clients", names)
  }
  const service = await withTraces(await open(config, log), name, config, log)
  const start = (place: Place) => listenUntilStopped(name, place, config, log, service)
  if (isDeno) whenDenoServes(start)
  else await start({ port: config.PORT })
  return service
}
