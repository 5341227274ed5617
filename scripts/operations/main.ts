/**
 * `npm run queue -- <command>`: the operators' calls of the stats service from a terminal. Prints a table, or
 * with --json the answer as it came. When the service refuses a call, or has no such dead letter, the command
 * prints why in a line and exits with 1.
 */
import process from "node:process"
import { parseArgs } from "node:util"
import { ConfigError } from "../../shared/config.ts"
import { type Answer, call, callUntilDone } from "./call.ts"
import { countReasons, move, queryOf } from "./letters.ts"
import { show } from "./show.ts"
import { USAGE, UsageError } from "./usage.ts"

const text = { type: "string" } as const
const flag = { type: "boolean", default: false } as const

const parse = () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      limit: text,
      after: text,
      reason: text,
      key: text,
      confirm: text,
      json: flag,
      all: flag,
      help: flag,
    },
  })
  const [command, ...versions] = positionals
  return { ...values, command, versions }
}

type Options = ReturnType<typeof parse>

const run = async ({ command, versions, ...options }: Options): Promise<Answer> => {
  const { limit, after, reason, key, confirm, all } = options
  const filter = { ...(reason && { reason }), ...(key && { key }) }
  const page = { ...(limit && { limit }), ...(after && { after }) }
  switch (command) {
    case "depth":
      return await call({ method: "GET", path: "stats" })
    case "peek":
      return await call({ method: "GET", path: `queue${queryOf(page)}` })
    case "dead":
      return await call({ method: "GET", path: `dead${queryOf({ ...page, ...filter })}` })
    case "reasons":
      return await countReasons(filter)
    case "replay":
    case "discard":
      return await move(command, versions, { all, ...filter, ...(confirm && { confirm }) })
    case "purge":
      if (!confirm) throw new UsageError("--confirm says how many writes you saw waiting")
      return await callUntilDone({ method: "DELETE", path: "queue", body: { confirm } }, "purged")
    case "adopt":
      return await call({ method: "POST", path: "queue/adopt" })
    case "pause":
    case "resume":
      return await call({ method: "POST", path: `worker/${command}` })
    default:
      throw new UsageError(command ? `no command ${command}` : "no command")
  }
}

const fail = (error: unknown) => {
  const isUsage =
    error instanceof UsageError || (error as { code?: string }).code?.startsWith("ERR_PARSE")
  const { message } = error as Error
  // The first sentence names the option; the others are about how to pass a positional argument.
  const [sentence] = isUsage ? message.split(/\. /) : [message]
  console.error(error instanceof ConfigError ? message : `queue: ${sentence}`)
  if (isUsage) console.error(USAGE)
  process.exitCode = 1
}

try {
  const options = parse()
  if (options.help) console.log(USAGE)
  else {
    const answer = await run(options)
    if (options.json) console.log(JSON.stringify(answer))
    else show(answer)
    const { missing = [] } = answer
    if (missing.length > 0) throw new Error(`there is no dead letter ${missing.join(", ")}`)
  }
} catch (error) {
  fail(error)
}
