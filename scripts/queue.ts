/**
 * `npm run queue -- <command>`: the operators' calls of the stats service from a terminal. Needs the
 * service's address (STATS_URL, else localhost and STATS_PORT) and, but for `depth`, its ADMIN_TOKEN.
 * Prints a table, or with --json the answer as it came; exits with 1 and one line when it is refused.
 */
import process from "node:process"
import { parseArgs } from "node:util"
import { ConfigError, loadConfig } from "../shared/config.ts"

const DEADLINE_MILLIS = 10_000

const USAGE = `npm run queue -- <command> [--json]
  depth                        how much waits, is in flight, and has died
  peek     [--limit N]         the oldest writes that wait
  dead     [--limit N] [--after N]   the dead letters, oldest first
  replay   --all | VERSION…    dead letters back to the queue, with their versions
  discard  --all | VERSION…    dead letters thrown away
  purge    --confirm DEPTH     the waiting writes thrown away, if there are still about DEPTH
  pause | resume               claiming, on every worker`

interface Call {
  readonly method: "GET" | "POST" | "DELETE"
  readonly path: string
  readonly body?: object
}

/** What is wrong with the command line. */
class UsageError extends Error {}

const parse = () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      all: { type: "boolean", default: false },
      limit: { type: "string" },
      after: { type: "string" },
      confirm: { type: "string" },
      help: { type: "boolean", default: false },
    },
  })
  const [command, ...versions] = positionals
  return { ...values, command, versions }
}

type Options = ReturnType<typeof parse>

const selection = ({ all, versions }: Options): object => {
  if (all === versions.length > 0) throw new UsageError("name versions, or --all")
  return all ? { all } : { versions: versions.map(Number) }
}

const query = ({ limit, after }: Options) => {
  const parameters = new URLSearchParams({ ...(limit && { limit }), ...(after && { after }) })
  return parameters.size > 0 ? `?${parameters}` : ""
}

const toCall = (options: Options): Call => {
  switch (options.command) {
    case "depth":
      return { method: "GET", path: "/stats" }
    case "peek":
      return { method: "GET", path: `/queue${query(options)}` }
    case "dead":
      return { method: "GET", path: `/dead${query(options)}` }
    case "replay":
      return { method: "POST", path: "/dead/replay", body: selection(options) }
    case "discard":
      return { method: "DELETE", path: "/dead", body: selection(options) }
    case "purge":
      if (!options.confirm) throw new UsageError("--confirm says how many writes you saw waiting")
      return { method: "DELETE", path: "/queue", body: { confirm: options.confirm } }
    case "pause":
    case "resume":
      return { method: "POST", path: `/worker/${options.command}` }
    default:
      throw new UsageError(options.command ? `no command ${options.command}` : "no command")
  }
}

const ask = async ({ method, path, body }: Call): Promise<Record<string, unknown>> => {
  const { STATS_PORT, ADMIN_TOKEN } = loadConfig("queue")
  const base = process.env.STATS_URL || `http://localhost:${STATS_PORT}`
  const response = await fetch(new URL(path, base), {
    method,
    headers: {
      ...(ADMIN_TOKEN && { authorization: `Bearer ${ADMIN_TOKEN}` }),
      ...(body && { "content-type": "application/json" }),
    },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(DEADLINE_MILLIS),
  }).catch(() => {
    throw new Error("the stats service does not answer: is it running, and STATS_URL right?")
  })
  const answer = (await response.json()) as Record<string, unknown>
  if (!response.ok) throw new Error(`${answer.title}: ${answer.detail}`)
  return answer
}

/** Rows as a table; an object as names and values. */
const show = ({ success: _, dead, queue, ...rest }: Record<string, unknown>) => {
  const rows = dead ?? queue
  if (Array.isArray(rows) && rows.length > 0) console.table(rows)
  else if (rows) console.log("none")
  if (Object.keys(rest).length > 0) console.table(rest)
}

try {
  const options = parse()
  if (options.help) {
    console.log(USAGE)
    process.exit(0)
  }
  const answer = await ask(toCall(options))
  if (options.json) console.log(JSON.stringify(answer))
  else show(answer)
} catch (error) {
  const isUsage =
    error instanceof UsageError || (error as { code?: string }).code?.startsWith("ERR_PARSE")
  const { message } = error as Error
  // The first sentence names the option; the others are about how to pass a positional argument.
  const [sentence] = isUsage ? message.split(/\. /) : [message]
  console.error(error instanceof ConfigError ? message : `queue: ${sentence}`)
  if (isUsage) console.error(USAGE)
  process.exitCode = 1
}
