/** Whether PostgreSQL answers, within a second. The statistics themselves need no database. */
import { reread } from "../../shared/config.ts"
import { openDatabase, ping } from "../../shared/postgres/postgres.ts"
import { selectIdentity } from "../../shared/table.ts"

/** Redis is asked meanwhile, so that /health is answered in less than two. */
const DEADLINE_MILLIS = 1_000

export const openProbe = (url: string) => {
  const database = openDatabase(url, {
    name: "stats",
    maxConnections: 1,
    deadlineMillis: DEADLINE_MILLIS,
    reread: () => reread("DATABASE_URL"),
  })
  return {
    /** Never rejects. */
    isDatabaseUp: () =>
      database.run(ping).then(
        () => true,
        () => false,
      ),
    /** Which database it is. Rejects when it does not answer. */
    identity: () => database.run(selectIdentity),
    close: () => database.close(),
  }
}
