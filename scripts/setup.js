/**
 * Runs before `npm start`, `npm test` and `npm run check`, on whatever Node the machine has (20 or
 * newer, plain JavaScript): installs what package-lock.json names when it is not there, and makes sure
 * that the project's own Node 26 runs. Of two at once the second waits for the first.
 * With nothing to do it says nothing and takes 0.1 s.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"

const OLDEST_NODE = 20
const OWN_NODE = 26
const WAIT_LIMIT_MILLIS = 600_000
const WAIT_POLL_MILLIS = 200

const root = fileURLToPath(new URL("..", import.meta.url))
const modules = join(root, "node_modules")
const turn = join(modules, ".write-buffer-setup")

const fail = (message) => {
  console.error(message)
  process.exit(1)
}

const read = (path) => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return ""
  }
}

/** Whether each package is there in its locked version; the binaries of other platforms may be missing. */
const isInstalled = () => {
  // npm writes this second lockfile last, so an install that was interrupted has none or an old one.
  const text = read(join(modules, ".package-lock.json"))
  if (text === "") return false
  const installed = JSON.parse(text).packages
  const wanted = Object.entries(JSON.parse(read(join(root, "package-lock.json"))).packages)
  return wanted.every(([path, { version, optional }]) =>
    path === "" || (optional && !(path in installed)) ? true : installed[path]?.version === version,
  )
}

/**
 * Not `npm ci`, which deletes node_modules first, under an `npm start` that may be running. This
 * installs the same versions and changes no file outside node_modules. `--include` because NODE_ENV
 * or the user's npm settings may leave out the development tools, of which Node 26 is one.
 */
const install = () => {
  console.log("Installing dependencies (about a minute, once) ...")
  const begin = Date.now()
  const flags = ["--no-save", "--include=dev", "--include=optional", "--loglevel=error"]
  const { error, status, stdout, stderr } = spawnSync("npm", ["install", ...flags], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  })
  if (error) throw new Error(`npm cannot be run (${error.message})`)
  if (status !== 0) throw new Error(`npm install exited with ${status}\n${stdout}${stderr}`)
  console.log(`Installed in ${Math.round((Date.now() - begin) / 1_000)} s.`)
}

/** Takes the turn to install: a file with our pid, made only when no living process has it. */
const takeTurn = () => {
  mkdirSync(modules, { recursive: true })
  try {
    writeFileSync(turn, String(process.pid), { flag: "wx" })
    return true
  } catch (error) {
    if (error.code !== "EEXIST") throw error
  }
  const holder = Number(read(turn))
  try {
    if (holder > 0) process.kill(holder, 0)
  } catch (error) {
    if (error.code === "ESRCH") rmSync(turn, { force: true })
  }
  return false
}

const installInTurn = async () => {
  const deadline = Date.now() + WAIT_LIMIT_MILLIS
  for (let waited = false; !takeTurn(); waited = true) {
    if (!waited) console.log("Waiting for another installation of the dependencies ...")
    if (Date.now() > deadline) throw new Error(`another one never ended; else delete ${turn}`)
    await sleep(WAIT_POLL_MILLIS)
  }
  try {
    if (!isInstalled()) install()
  } finally {
    rmSync(turn, { force: true })
  }
}

const verifyNode = () => {
  // Under npm, which puts node_modules/.bin first, this process may be that Node. Else ask it, in 40 ms.
  if (process.execPath.startsWith(modules)) return
  const { stdout } = spawnSync(join(modules, ".bin", "node"), ["--version"], { encoding: "utf8" })
  if (stdout?.startsWith(`v${OWN_NODE}.`)) return
  fail(
    `Node ${OWN_NODE} (the npm package "node") is not there for ${process.platform}-${process.arch}. ` +
      "npm's install scripts put it there: if they are switched off, run\n" +
      "  npm rebuild --ignore-scripts=false",
  )
}

if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
  fail(`This is Node ${process.versions.node}: install Node ${OLDEST_NODE} or newer.`)
}
try {
  if (!isInstalled()) await installInTurn()
} catch (error) {
  fail(`The dependencies cannot be installed: ${error.message}`)
}
verifyNode()
