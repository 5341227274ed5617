/**
 * `npm run queue -- <command>`: the operators' calls of the stats service from a terminal. Prints a table, or
 * with --json the whole answer. When the service refuses a call, or has no such dead letter, the command
 * prints why in a line and exits with 1.
 */
import process from "node:process"
import { ConfigError } from "../../shared/config.ts"
import { type Answer, call, callUntilDone } from "./call.ts"
import { type Command, readCommand } from "./command.ts"
import { countReasons, move, queryOf } from "./letters.ts"
import { reshard } from "./shards.ts"
import { show } from "./show.ts"
import { USAGE, UsageError } from "./usage.ts"

/** With the warnings of the health, as that the queue is full: nothing else says what to do about a depth. */
const depth = async (): Promise<Answer> => {
  const [stats, { warnings = [] }] = await Promise.all([
    call({ method: "GET", path: "stats" }),
    call({ method: "GET", path: "health", accepts: 503 }),
  ])
  return { ...stats, warnings }
}

const run = async ({ name, versions, ...options }: Command): Promise<Answer> => {
  const { limit, after, reason, key, table, confirm } = options
  const filter = { ...(reason && { reason }), ...(key && { key }), ...(table && { table }) }
  const page = { ...(limit && { limit }), ...(after && { after }) }
  switch (name) {
    case "depth":
      return await depth()
    case "peek":
      return await call({ method: "GET", path: `queue${queryOf(page)}` })
    case "dead":
      return await call({ method: "GET", path: `dead${queryOf({ ...page, ...filter })}` })
    case "reasons":
      return await countReasons(filter)
    case "replay":
    case "discard":
      return await move(name, versions, { ...filter, ...(confirm && { confirm }) })
    case "purge":
      if (!confirm) throw new UsageError("--confirm says how many writes you saw waiting")
      return await callUntilDone({ method: "DELETE", path: "queue", body: { confirm } }, "purged")
    case "adopt":
      return await call({ method: "POST", path: "queue/adopt" })
    case "shards":
      return await reshard(versions[0])
    case "pause":
    case "resume":
      return await call({ method: "POST", path: `worker/${name}` })
  }
}

const fail = (error: unknown) => {
  const { message } = error as Error
  console.error(error instanceof ConfigError ? message : `queue: ${message}`)
  if (error instanceof UsageError) console.error(USAGE)
  process.exitCode = 1
}

try {
  const command = readCommand(process.argv.slice(2))
  if (command === null) console.log(USAGE)
  else {
    const answer = await run(command)
    if (command.json) console.log(JSON.stringify(answer))
    else show(answer)
    const { missing = [] } = answer
    if (missing.length > 0) throw new Error(`there is no dead letter ${missing.join(", ")}`)
  }
} catch (error) {
  fail(error)
}
