/** Whether PostgreSQL answers, within a second, and if not, why. The statistics themselves need no database. */
import { reread } from "../../shared/config.ts"
import { openDatabase, ping } from "../../shared/postgres/postgres.ts"
import { describeTrouble } from "../../shared/postgres/trouble.ts"
import { selectIdentity } from "../../shared/table/select.ts"
import { TABLES } from "../../shared/tables.ts"

/** Redis is asked meanwhile, so that /health is answered in less than two. */
const DEADLINE_MILLIS = 1_000

/** `report` hears each trouble in words. */
export const openProbe = (url: string, report: (reason: string) => void) => {
  const database = openDatabase(url, {
    name: "stats",
    maxConnections: 1,
    deadlineMillis: DEADLINE_MILLIS,
    reread: () => reread("DATABASE_URL"),
  })
  return {
    /** Why PostgreSQL cannot be used, null when it can. Never rejects. */
    databaseTrouble: () =>
      database.run(ping).then(
        () => null,
        (error) => {
          const reason = describeTrouble(error)
          report(reason)
          return reason
        },
      ),
    /** Which database it is. Rejects when it does not answer. */
    identity: () => database.run((sql) => selectIdentity(sql, Object.values(TABLES))),
    close: () => database.close(),
  }
}
