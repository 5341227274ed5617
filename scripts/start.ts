/**
 * `npm start`: everything on this machine, from nothing but Node and npm. Starts the stores (or uses
 * those that DATABASE_URL and REDIS_URL name), migrates, starts the four processes and says where they
 * are. Ctrl-C stops accepting, drains, and stops all it started; a second one does not wait for the
 * drain. Ends with 0 when it was asked to, and with 1 and the reason otherwise.
 */
import process from "node:process"
import { ConfigError, loadConfig } from "../shared/config.ts"
import { live } from "./life.ts"
import { PLACE } from "./stores.ts"
import { complain } from "./terminal.ts"

const main = async (): Promise<0 | 1> => {
  try {
    return await live(loadConfig("all"), PLACE)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    complain(error.message)
    return 1
  }
}

process.exit(await main())
