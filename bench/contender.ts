/**
 * The contenders, each in processes of its own: `sync` asks PostgreSQL for each request, `async` is our ingest
 * and worker, `accept` is ingest alone, `ceiling` is ingest's app without Redis, `reader` our reader. Each that
 * writes is asked for a right answer before anything is timed; of reads all answers are looked at.
 */
import { type Runtime, startService } from "../scripts/servers/service.ts"
import { identity } from "../shared/write.ts"
import type { Cleanup, Stoppable } from "./cleanup.ts"
import type { Marked } from "./mark.ts"

export type ContenderName = "sync" | "async" | "accept" | "ceiling" | "reader"

export interface Contender extends Stoppable {
  readonly name: ContenderName
  readonly url: string
  /** The name of its queue; null when it has none. */
  readonly queue: string | null
  readonly server: number
  readonly worker: number | null
}

export interface ContenderOptions {
  readonly marked: Marked
  readonly databaseUrl: string
  readonly redisUrl: string
  readonly queue: string
  readonly runtime: Runtime
  readonly env?: Readonly<Record<string, string>>
}

export const startWorker = (
  cleanup: Cleanup,
  { databaseUrl, redisUrl, queue, runtime, env }: ContenderOptions,
) => {
  const own = { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl, WRITE_QUEUE_NAME: queue }
  return cleanup.add(startService("worker", { runtime, env: { ...own, ...env } }))
}

/** POSTs one write and reads the answer whole. @throws when it is not the one that is promised. */
const checkAnswer = async (name: ContenderName, url: string, marked: Marked): Promise<void> => {
  const write = marked.write(marked.mark(`check-${name}`, 0, 0))
  const response = await fetch(`${url}${marked.path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(write.row),
  })
  const body = (await response.json()) as Record<string, unknown>
  const isRight =
    name === "sync"
      ? response.status === 200
      : response.status === 202 && body.queued === true && Number(body.version) > 0
  if (!isRight || body.success !== true || body.key !== identity(write)) {
    throw new Error(`${name} answers ${response.status} ${JSON.stringify(body)}`)
  }
}

/** Starts a contender and checks that it answers as it must. */
export const startContender = async (
  cleanup: Cleanup,
  name: ContenderName,
  options: ContenderOptions,
): Promise<Contender> => {
  const { databaseUrl, redisUrl, queue, runtime, env = {} } = options
  const own = { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl, WRITE_QUEUE_NAME: queue }
  const hasQueue = name === "async" || name === "accept"
  const permissions = ["--allow-all"]
  const other = name === "reader" ? name : { name, file: `bench/${name}.ts`, permissions }
  const service = hasQueue ? "ingest" : other
  const server = await cleanup.add(startService(service, { runtime, env: { ...own, ...env } }))
  const worker = name === "async" ? await startWorker(cleanup, options) : null
  if (name !== "reader") await checkAnswer(name, server.url, options.marked)
  return {
    name,
    url: server.url,
    queue: hasQueue ? queue : null,
    server: server.pid,
    worker: worker?.pid ?? null,
    stop: async () => {
      await cleanup.stop(server)
      if (worker) await cleanup.stop(worker)
    },
  }
}
