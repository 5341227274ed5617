/**
 * The account that runs PostgreSQL, which refuses to run as root, and what that account can reach. A user
 * other than root runs PostgreSQL as themselves, and everything stays in the checkout. For root it is the
 * owner of existing data, else a user that the machine already has; none is added. Where that user can
 * neither read nor write the checkout (under /root), binaries and data move to /var/lib/write-buffer.
 */
import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import {
  chmod,
  chown,
  cp,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  stat,
  writeFile,
} from "node:fs/promises"
import { basename, dirname, join, sep } from "node:path"
import process from "node:process"
import { promisify } from "node:util"

/** initdb looks its user up by uid, so a made-up uid would not do. */
const CANDIDATES = ["postgres", "_postgres", "nobody"]
const STATE = "/var/lib/write-buffer"
/** A file in a place outside the checkout: it names the directory that the place stands for. */
const ORIGIN = "origin"

export interface Account {
  readonly uid: number
  readonly gid: number
}

const run = promisify(execFile)

/**
 * Servers get none of the caller's environment: LC_*, PG* and LD_LIBRARY_PATH would change what
 * initdb makes, and messages must be in English for us to wait for them.
 */
export const ENVIRONMENT = { LC_ALL: "C", TZ: "UTC" }

const lookUp = async (name: string): Promise<Account | null> => {
  const id = (flag: string) => run("id", [flag, name]).then(({ stdout }) => Number(stdout))
  return await Promise.all([id("-u"), id("-g")]).then(
    ([uid, gid]) => ({ uid, gid }),
    () => null,
  )
}

/** The account for these data; undefined for the one that this process has. */
export const accountFor = async (directory: string): Promise<Account | undefined> => {
  if (process.getuid?.() !== 0) return undefined
  const owner = await stat(directory).catch(() => null)
  if (owner !== null && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid }
  for (const name of CANDIDATES) {
    const account = await lookUp(name)
    if (account !== null && account.uid !== 0) return account
  }
  throw new Error(
    `PostgreSQL does not run as root, and there is no user ${CANDIDATES.join(", ")}: ` +
      "start as another user, or set DATABASE_URL",
  )
}

const canUse = (directory: string, account: Account | undefined): Promise<boolean> =>
  run("sh", ["-c", 'cd "$1" && test -w .', "sh", directory], { ...account, cwd: "/" }).then(
    () => true,
    () => false,
  )

/** The directory itself where the account can work there, else its place outside the checkout. */
export const placeFor = async (
  directory: string,
  account: Account | undefined,
): Promise<string> => {
  const hash = createHash("sha256").update(directory).digest("hex").slice(0, 12)
  const outside = join(STATE, `${basename(directory)}-${hash}`)
  // A place outside that exists was needed by an earlier start, and has held the data since.
  const moved = await stat(outside).then(
    () => [outside],
    () => [directory, outside],
  )
  for (const place of account === undefined ? [directory] : moved) {
    await mkdir(dirname(place), { recursive: true })
    await mkdir(place, { recursive: true, mode: 0o700 })
    if (account !== undefined) await chown(place, account.uid, account.gid)
    if (!(await canUse(place, account))) continue
    if (place === outside) await writeFile(join(place, ORIGIN), directory)
    return place
  }
  throw new Error(`PostgreSQL cannot write to ${directory}: give it to the user who starts this`)
}

/** Removes the places outside that stand for this directory or for one in it. */
export const removeOutside = async (directory: string): Promise<void> => {
  for (const name of await readdir(STATE).catch(() => [])) {
    const place = join(STATE, name)
    const origin = await readFile(join(place, ORIGIN), "utf8").catch(() => "")
    if (`${origin}${sep}`.startsWith(`${directory}${sep}`)) await rm(place, { recursive: true })
  }
  // The system refuses this while another place is in there.
  await rmdir(STATE).catch(() => {})
}

const works = (program: string, account: Account | undefined): Promise<string | null> =>
  run(program, ["--version"], { ...account, cwd: "/", env: ENVIRONMENT }).then(
    () => null,
    (error: Error) => error.message,
  )

/** Copied under another name first, so that a copy that was interrupted is never used. */
const copy = async (from: string, to: string): Promise<void> => {
  const unfinished = `${to}.${process.pid}`
  await mkdir(STATE, { recursive: true })
  await chmod(STATE, 0o755)
  await cp(from, unfinished, { recursive: true, verbatimSymlinks: true })
  await run("chmod", ["-R", "a+rX", unfinished])
  // The system refuses this when another start has just put the same files there.
  await rename(unfinished, to).catch(() => rm(unfinished, { recursive: true }))
}

/**
 * The folder of `postgres` and `initdb`, such that the account can run them. `package_` is the folder
 * of the npm package; its 60 MB are copied once a version when the account cannot read them.
 */
export const binariesFor = async (
  package_: string,
  account: Account | undefined,
): Promise<string> => {
  const installed = join(package_, "native", "bin")
  const problem = await works(join(installed, "initdb"), undefined)
  if (problem !== null) {
    throw new Error(
      `PostgreSQL's programs do not run here. Delete node_modules, let \`npm ci\` run install scripts, ` +
        `or set DATABASE_URL\n${problem}`,
    )
  }
  if ((await works(join(installed, "initdb"), account)) === null) return installed
  const about = JSON.parse(await readFile(join(package_, "package.json"), "utf8"))
  const copied = join(STATE, `postgresql-${about.version}-${basename(about.name)}`)
  if ((await works(join(copied, "bin", "initdb"), account)) !== null) {
    await copy(join(package_, "native"), copied)
  }
  return join(copied, "bin")
}
