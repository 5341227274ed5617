/** What `npm start` and `npm run stores` print when all is up: where, on which stores, what to try. */
import { VARIABLES } from "../../shared/config.ts"
import type { Health } from "./health.ts"
import type { Stack } from "./stack.ts"
import type { Used } from "./stores.ts"

const promise = ({ durability, warnings = [] }: Health): string =>
  durability === "aof-always"
    ? "every 202 is on disk before it is answered (AOF always)"
    : warnings.join(" ")

/** The variables before a command in another terminal, so that it finds what is not at its usual port. */
const moved = (
  ports: Readonly<
    Partial<Record<"STATS_PORT" | "POSTGRES_PORT" | "REDIS_PORT", number | undefined>>
  >,
): string =>
  (Object.keys(ports) as (keyof typeof ports)[])
    .filter((name) => (ports[name] ?? VARIABLES[name].fallback) !== VARIABLES[name].fallback)
    .map((name) => `${name}=${ports[name]} `)
    .join("")

/** How to look into a store that is ours. The URL of a user's own store has a password, and is not shown. */
const look = (command: string, used: Used | undefined): string =>
  used?.store ? `  ${command} ${used.url}\n` : ""

/** What does not go as the user may think it does. */
const notes = ({ urls, hasMetrics, isOpen }: Stack, { held = [], paused }: Health): string =>
  [
    ...[...held, ...(paused ? ["paused by an operator"] : [])].map(
      (reason) => `Nothing is written: ${reason}.`,
    ),
    ...(isOpen
      ? [`Whoever reaches port ${new URL(urls.ingest).port} may write: there is no WRITE_TOKEN.`]
      : []),
    ...(hasMetrics
      ? []
      : ["The worker has no port for its metrics: set WORKER_PORT to a free one."]),
  ]
    .map((note) => `\n${note}\n`)
    .join("")

export const banner = (stack: Stack, health: Health): string => {
  const { urls, database, redis } = stack
  return `
write-buffer is up. Ctrl-C stops it, after writing what is queued.

  write   ${urls.ingest}    database   ${database?.description}
  read    ${urls.reader}    queue      ${redis?.description}
  stats   ${urls.stats}    promise    ${promise(health)}
${notes(stack, health)}
Try:
  curl ${urls.ingest}/write -H 'content-type: application/json' -d '{"key":"user:123","value":"John Doe"}'
  curl ${urls.reader}/read/user:123
  curl ${urls.stats}/stats
  ${moved({ STATS_PORT: Number(new URL(urls.stats).port) })}npm run queue -- depth
${look("psql", database)}${look("redis-cli -u", redis)}and ${urls.stats}/ in a browser shows the queue live.
`
}

export const storesBanner = ({ database, redis }: Stack): string => {
  const ports = { POSTGRES_PORT: database?.store?.port, REDIS_PORT: redis?.store?.port }
  return `
The stores are up. Ctrl-C stops them.

  database   ${database?.description}
  queue      ${redis?.description}

Try:
${look("psql", database)}${look("redis-cli -u", redis)}  ${moved(ports)}npm run migrate
  ${moved(ports)}npm run ingest
`
}
