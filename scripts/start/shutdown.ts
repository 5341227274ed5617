/**
 * The end of `npm start`: ingest first, so that the queue only shrinks; then the worker, when the
 * queue is empty; then the rest, the stores last. Each is awaited. Says what stays behind.
 */
import { setTimeout as sleep } from "node:timers/promises"
import type { ServiceName } from "../../shared/config.ts"
import { askWaiting } from "./health.ts"
import type { Stack } from "./stack.ts"
import { complain, say, step } from "./terminal.ts"

/** Counted from the last write that left the queue: a long backlog may take its time, an outage may not. */
const STALLED_LIMIT_MILLIS = 30_000
const POLL_MILLIS = 50
const PROGRESS_MILLIS = 1_000

/** What the user is told of a process that does not end: why, and for how long at most. */
const LATE = {
  service: "It finishes what it has begun, for up to 10 s. Ctrl-C again does not wait for it.",
  PostgreSQL: "PostgreSQL has not ended yet. It has up to 60 s; Ctrl-C again does not wait for it.",
  Redis: "Redis has not ended yet. It has up to 20 s; Ctrl-C again does not wait for it.",
} as const

const untilEmpty = async (stack: Stack, hurried: AbortSignal): Promise<void> => {
  let least = Number.POSITIVE_INFINITY
  let deadline = Date.now() + STALLED_LIMIT_MILLIS
  let shown = Date.now()
  let said = ""
  while (!hurried.aborted && stack.fallen === null) {
    const found = await askWaiting(stack.urls.stats)
    const waiting = found?.writes ?? null
    if (waiting === 0) return
    if (waiting !== null && waiting < least) {
      least = waiting
      deadline = Date.now() + STALLED_LIMIT_MILLIS
    }
    if (Date.now() > deadline) {
      return complain(`No write has left the queue for ${STALLED_LIMIT_MILLIS / 1_000} s.`)
    }
    if (Date.now() > shown + PROGRESS_MILLIS) {
      const reason = found?.reason ? ` (${found.reason})` : ""
      const left = `Writes left: ${waiting ?? "unknown"}${reason}. Ctrl-C again stops without them.`
      if (left !== said) say(left)
      said = left
      shown = Date.now()
    }
    await sleep(POLL_MILLIS)
  }
}

const sayWhatStays = ({ redis }: Stack, waiting: number | null): void => {
  if (waiting === 0) return
  const writes = `Writes not yet in PostgreSQL (${waiting ?? "unknown how many"})`
  if (redis?.store?.durable === false) {
    complain(`${writes} are lost: this Redis keeps nothing on disk.`)
  } else {
    say(`${writes} stay in the queue; the next start goes on with them.`)
  }
}

const stopServices = async (stack: Stack, drain: boolean, hurried: AbortSignal): Promise<void> => {
  const end = async (...names: ServiceName[]) => {
    const children = names.map((name) => stack.services[name])
    for (const name of names) stack.leaving.add(name)
    // A service that gets a second SIGTERM ends at once, without what it still had to do.
    const hurry = () => children.map((child) => child?.kill("SIGTERM"))
    hurried.addEventListener("abort", hurry)
    await Promise.all(children.map((child) => child?.stop(hurried)))
    hurried.removeEventListener("abort", hurry)
  }
  await step("Stopping ingest", () => end("ingest"), LATE.service)
  if (drain) await step("Draining the queue", () => untilEmpty(stack, hurried))
  await step("Stopping worker", () => end("worker"), LATE.service)
  if (stack.services.stats)
    sayWhatStays(stack, (await askWaiting(stack.urls.stats))?.writes ?? null)
  await step("Stopping reader and stats", () => end("reader", "stats"), LATE.service)
}

/**
 * Stops all that the stack holds. With `drain` it first waits until every accepted write is in
 * PostgreSQL, unless `hurried` aborts.
 */
export const shutDown = async (
  stack: Stack,
  drain: boolean,
  hurried: AbortSignal,
): Promise<void> => {
  const { database, redis, services, release } = stack
  stack.isUp = false
  // A process that does not end must not keep the others running.
  const attempt = async (work: () => Promise<unknown>) => {
    await work().catch((error: Error) => complain(error.message))
  }
  if (Object.keys(services).length > 0) {
    await attempt(() => stopServices(stack, drain, hurried))
  }
  const stores = { Redis: redis?.store, PostgreSQL: database?.store }
  for (const name of ["Redis", "PostgreSQL"] as const) {
    const store = stores[name]
    if (!store) continue
    stack.leaving.add(name)
    await attempt(() => step(`Stopping ${name}`, () => store.stop(hurried), LATE[name]))
  }
  if (release) await attempt(release)
}
