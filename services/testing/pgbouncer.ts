/** A real PgBouncer as Debian packages it, in front of a PostgreSQL, where the machine has one. */
import { existsSync } from "node:fs"
import { chmod, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { accountFor } from "../../scripts/servers/account.ts"
import { temporaryDirectory } from "../../scripts/servers/directory.ts"
import { freePort } from "../../scripts/servers/port.ts"
import { launch } from "../../scripts/servers/process.ts"

const PATHS = ["/usr/sbin/pgbouncer", "/usr/local/bin/pgbouncer", "/opt/homebrew/bin/pgbouncer"]
const READY_LIMIT_MILLIS = 10_000
const STOP_LIMIT_MILLIS = 2_000

const program = PATHS.find((path) => existsSync(path))

export const hasPgBouncer = program !== undefined

/** Transactions of one client go to changing sessions, of which there are a few. */
const configuration = (databasePort: number, port: number, users: string) => `
[databases]
write_buffer = host=127.0.0.1 port=${databasePort} user=postgres password=postgres pool_size=2
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = md5
auth_file = ${users}
pool_mode = transaction
`

/** Resolves to the URL of the database behind it, and what stops it. */
export const startPgBouncer = async (databasePort: number) => {
  const { path, remove } = await temporaryDirectory()
  // It refuses to run as root, as PostgreSQL does.
  const account = await accountFor(path)
  const port = await freePort()
  const [users, file] = [join(path, "users.txt"), join(path, "pgbouncer.ini")]
  await writeFile(users, '"postgres" "postgres"\n')
  await writeFile(file, configuration(databasePort, port, users))
  for (const each of [users, file]) await chmod(each, 0o644)
  const child = await launch(program ?? "", [file], { name: "pgbouncer", account })
  await child.printed(/process up/, READY_LIMIT_MILLIS)
  return {
    url: `postgres://postgres:postgres@127.0.0.1:${port}/write_buffer`,
    stop: async () => {
      await child.stop(STOP_LIMIT_MILLIS)
      await remove()
    },
  }
}
