/**
 * The life of `npm start`: up, until a signal or the death of a child, and down again. Promises that
 * whatever ends it, all that it started is gone when it resolves.
 */
import { once } from "node:events"
import process from "node:process"
import type { Config } from "../shared/config.ts"
import { banner } from "./banner.ts"
import { freePort } from "./port.ts"
import { shutDown } from "./shutdown.ts"
import { makeStack } from "./stack.ts"
import { Interrupted, startUp } from "./startup.ts"
import type { Place } from "./stores.ts"
import { complain, say } from "./terminal.ts"

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const

/** `npm` hands a Ctrl-C on that the terminal has already sent to us too, a few ms apart. */
const SAME_SIGNAL_MS = 300

/** The shell that `npm` starts us in dies of a SIGTERM without passing it on, and of course of SIGKILL. */
const PARENT_POLL_MS = 500

const listenForSignals = () => {
  const first = new AbortController()
  const second = new AbortController()
  let at = 0
  const onSignal = () => {
    const isSame = first.signal.aborted && Date.now() - at < SAME_SIGNAL_MS
    at = Date.now()
    if (isSame) return
    const next = first.signal.aborted ? second : first
    next.abort()
  }
  for (const signal of SIGNALS) process.on(signal, onSignal)
  const parent = process.ppid
  // Only under npm: whoever runs us with nohup from a shell may close that shell.
  if (process.env.npm_lifecycle_event !== undefined) {
    const watch = setInterval(() => {
      if (process.ppid === parent) return
      clearInterval(watch)
      onSignal()
    }, PARENT_POLL_MS)
  }
  return { first: first.signal, second: second.signal }
}

/** Port 0 means any free one; here it must be known before the service has it. */
const withPorts = async (config: Config): Promise<Config> => ({
  ...config,
  INGEST_PORT: config.INGEST_PORT || (await freePort()),
  READER_PORT: config.READER_PORT || (await freePort()),
  STATS_PORT: config.STATS_PORT || (await freePort()),
})

/** Resolves to the exit code: 0 when it was asked to end, 1 after saying the reason. */
export const live = async (given: Config, place: Place): Promise<0 | 1> => {
  const { first, second } = listenForSignals()
  const config = await withPorts(given)
  const stack = makeStack(config)
  try {
    const health = await startUp(stack, config, place, first)
    const { urls, database, redis } = stack
    say(banner({ urls, database: database?.description, redis: redis?.description, health }))
    stack.isUp = true
    const ended = AbortSignal.any([first, stack.fall.signal])
    if (!ended.aborted) await once(ended, "abort")
    if (stack.fallen !== null) throw new Error(stack.fallen)
    await shutDown(stack, true, second)
    if (stack.fallen !== null) complain(stack.fallen)
    return stack.fallen === null ? 0 : 1
  } catch (error) {
    const asked = error instanceof Interrupted
    if (!asked) complain((error as Error).message)
    await shutDown(stack, false, second)
    return asked ? 0 : 1
  }
}
