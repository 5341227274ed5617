/**
 * The stack's published ports as a process: `node scripts/compose/gateway.ts ingest:8006 redis:6379 …`,
 * the same port outside as inside. Its container is the only one with a network to the outside: a port that it
 * does not forward cannot be reached, and the other containers reach nothing but what they need.
 */
import { resolve4 } from "node:dns/promises"
import process from "node:process"
import { forward, type Locate } from "./forward.ts"

/** By then the services have ended their connections; the gateway cuts those that are left. */
const STOP_LIMIT_MILLIS = 8_000

/** Docker's DNS has an address for each running container of a name. */
const containers =
  (name: string, port: number): Locate =>
  async () =>
    (await resolve4(name)).map((host) => ({ host, port }))

const targets = process.argv.slice(2)
const servers = await Promise.all(
  targets.map((target) => {
    const [name = "", port] = target.split(":")
    return forward(Number(port), containers(name, Number(port)))
  }),
)
const stop = async () => {
  setTimeout(() => process.exit(0), STOP_LIMIT_MILLIS)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  process.exit(0)
}
process.once("SIGTERM", stop)
process.once("SIGINT", stop)
console.log(`forwarding ${targets.join(" ")}`)
