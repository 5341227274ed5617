/** What is seen of writes from outside, whatever is going on: no version falls, and no commit is undone. */
import { TABLE } from "../../shared/testing/table.ts"
import type { TestPostgres } from "./postgres.ts"
import { APPENDED, type Sent } from "./sent.ts"

/** How long a reader may take for a read of which it is not asked to wait, and this machine. */
const READ_LIMIT_MILLIS = 3_000
const WAIT_SECONDS = 1

const placeOf = ({ key, version, isAppended }: Sent) =>
  isAppended ? `${APPENDED}/${version}` : encodeURIComponent(key)

/** Asks PostgreSQL itself for what is said to be committed; null when it is there, or nobody can say. */
export const checkCommit = async (postgres: TestPostgres, write: Sent): Promise<string | null> => {
  const { key, version, isAppended } = write
  const look = postgres.run((sql) =>
    isAppended
      ? sql`select version from ${sql(APPENDED)} where type = ${key} and version = ${version}`
      : sql`select version from ${sql(TABLE)} where key = ${key} and version >= ${version}`,
  )
  const rows = await look.catch(() => null)
  return rows?.length === 0 ? `${key}: said to be committed, and not there` : null
}

export const makeGlance = (url: string, sent: ReadonlyArray<Sent>, broken: string[]) => {
  /** The versions below which nobody may see a row any more. */
  const least = new Map<string, number>()
  const learn = (place: string, version: number) =>
    least.set(place, Math.max(least.get(place) ?? 0, version))
  const isDeleted = (key: string) => sent.some((one) => one.key === key && one.value === null)

  return {
    /** Its client was told that it is committed. */
    learn: (write: Sent) => learn(placeOf(write), write.version),
    /** Reads the row, from the version of the write on where `isWanted`. Rejects when nobody answers. */
    read: async (write: Sent, isWanted: boolean) => {
      const { key, outcome } = write
      const place = placeOf(write)
      const known = least.get(place) ?? 0
      const asked = Math.max(known, isWanted && outcome === "ok" ? write.version : 0)
      const query = asked > 0 ? `?min_version=${asked}` : ""
      const response = await fetch(`${url}/read/${place}${query}`, {
        headers: asked > known ? { prefer: `wait=${WAIT_SECONDS}` } : {},
        signal: AbortSignal.timeout(READ_LIMIT_MILLIS + WAIT_SECONDS * 1_000),
      })
      const { version } = JSON.parse(await response.text()) as { version?: number | null }
      if (response.status === 404 && asked > 0 && !isDeleted(key))
        broken.push(`${key} has vanished`)
      if (response.status === 412) {
        if ((version ?? 0) < known) broken.push(`${key}: its version fell`)
        if ((version ?? 0) >= asked) broken.push(`${key}: its version was there`)
      }
      if (response.status !== 200) return
      if ((version ?? 0) < asked) broken.push(`${key}: is older than was asked for`)
      learn(place, version ?? 0)
    },
  }
}
