/** What `npm start` prints when all is up: where, on which stores, what a 202 is worth, what to try. */
import type { Health } from "./health.ts"

export interface Banner {
  readonly urls: Readonly<Record<"ingest" | "reader" | "stats", string>>
  readonly database: string | undefined
  readonly redis: string | undefined
  readonly health: Health
}

const promise = ({ durability, warnings = [] }: Health): string =>
  durability === "aof-always"
    ? "every 202 is on disk before it is answered (AOF always)"
    : warnings.join(" ")

export const banner = ({ urls, database, redis, health }: Banner): string => `
write-buffer is up. Ctrl-C stops it, after writing what is queued.

  write   ${urls.ingest}    database   ${database}
  read    ${urls.reader}    queue      ${redis}
  stats   ${urls.stats}    promise    ${promise(health)}
${[...(health.held ?? []), ...(health.paused ? ["paused by an operator"] : [])].map((reason) => `\nNothing is written: ${reason}.\n`).join("")}
Try:
  curl ${urls.ingest}/write -H 'content-type: application/json' -d '{"key":"user:123","value":"John Doe"}'
  curl ${urls.reader}/read/user:123
  curl ${urls.stats}/stats
and ${urls.stats}/ in a browser shows the queue live.
`
