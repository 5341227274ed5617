/** The reader process: GET /read/{key}, from PostgreSQL to HTTP. */
import { tokenFrom } from "../../shared/config.ts"
import { CONTRACT } from "../../shared/contract.ts"
import { metered } from "../../shared/http/metrics.ts"
import { serve } from "../../shared/http/serve.ts"
import { makeSparingLog } from "../../shared/log.ts"
import { makeApp } from "./app.ts"
import { openReads, readTrouble } from "./database.ts"
import { makeReach } from "./version.ts"

export default await serve("reader", (config, log) => {
  const { close, ...reads } = openReads(config.DATABASE_URL)
  const { reach, end } = makeReach(reads.read)
  const sparing = makeSparingLog(log)
  const report = (error: unknown) => sparing("warn", "read failed", { reason: readTrouble(error) })
  void reads.databaseTrouble().then(async (reason) => {
    if (reason !== null) return log("warn", "no database", { reason })
    const found = await reads.tableTrouble()
    if (found !== null) log("warn", "tables cannot be read", { reason: found })
  })
  const token = tokenFrom("READ_TOKEN", config)
  const app = makeApp({ ...reads, reach, token, report })
  const routes = CONTRACT.reader
  return { fetch: metered(app, routes), routes, endStreams: end, close }
})
