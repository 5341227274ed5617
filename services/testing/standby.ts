/**
 * Two real servers for a file of tests: a primary with the table, and a standby made of a copy of its files.
 * Nothing is streamed between the two; that a standby is one and can be promoted is what tests need.
 */
import { execFile } from "node:child_process"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll } from "vitest"
import { type Directory, temporaryDirectory } from "../../scripts/servers/directory.ts"
import { startPostgres } from "../../scripts/servers/postgres.ts"
import type { Store } from "../../scripts/servers/store.ts"
import { openDatabase } from "../../shared/postgres/postgres.ts"
import { migrate } from "./migrate.ts"

const SETTINGS = { fsync: "off", shared_buffers: "16MB" }

/** Runs statements on a connection of their own. */
export const execute = async (
  url: string,
  ...statements: ReadonlyArray<string>
): Promise<ReadonlyArray<Record<string, unknown>>> => {
  const database = openDatabase(url, { name: "outside", maxConnections: 1, deadlineMillis: 10_000 })
  try {
    let rows: ReadonlyArray<Record<string, unknown>> = []
    for (const statement of statements) rows = await database.run((sql) => sql.unsafe(statement))
    return rows
  } finally {
    await database.close()
  }
}

export const useStandby = () => {
  const directories: Directory[] = []
  let primary: Store
  let standby: Store
  beforeAll(async () => {
    const [mine, copy] = [await temporaryDirectory(), await temporaryDirectory()]
    directories.push(mine, copy)
    primary = await startPostgres({ directory: mine.path, settings: SETTINGS })
    await migrate(primary.url)
    const [row] = await execute(primary.url, "show data_directory")
    const data = String(row?.data_directory)
    await primary.stop()
    await promisify(execFile)("cp", ["-a", data, copy.path])
    await writeFile(join(copy.path, "data", "standby.signal"), "")
    const options = { directory: mine.path, settings: SETTINGS, port: primary.port }
    const servers = [
      startPostgres(options),
      startPostgres({ ...options, directory: copy.path, port: 0 }),
    ]
    ;[primary, standby] = (await Promise.all(servers)) as [Store, Store]
  })
  afterAll(async () => {
    await Promise.all([primary?.stop(), standby?.stop()])
    await Promise.all(directories.map(({ remove }) => remove()))
  })
  return {
    primary: () => primary,
    standby: () => standby,
  }
}
