/**
 * `npm start`: everything on this machine, from nothing but Node and npm. Starts the stores (or uses
 * those that DATABASE_URL and REDIS_URL name), migrates, starts the four processes and says where they
 * are. Ctrl-C stops accepting, drains, and stops all it started; a second one does not wait for the
 * drain. Ends with 0 when it was asked to, and with 1 and the reason otherwise.
 * `npm run stores` is the same with the stores alone.
 */
import process from "node:process"
import { ConfigError, loadConfig } from "../shared/config.ts"
import { banner, storesBanner } from "./start/banner.ts"
import { live } from "./start/life.ts"
import { startStores, startUp } from "./start/startup.ts"
import { complain } from "./start/terminal.ts"

const DIRECTORY = ".data"

const main = async (isStores: boolean): Promise<0 | 1> => {
  try {
    if (isStores) {
      const config = loadConfig("stores")
      return await live(async (stack, check) => {
        await startStores(stack, config, DIRECTORY, check)
        return storesBanner(stack)
      })
    }
    const config = loadConfig("start")
    return await live(async (stack, check) =>
      banner(stack, await startUp(stack, config, DIRECTORY, check)),
    )
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    complain(error.message)
    return 1
  }
}

process.exit(await main(process.argv[2] === "--stores"))
