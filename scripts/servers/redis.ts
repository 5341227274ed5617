/**
 * A Redis of our own: the machine's `redis-server` or `valkey-server`, which has every write on disk
 * before it answers, else Valkey in WebAssembly, which keeps nothing. Listens on 127.0.0.1 only,
 * never evicts, reads no configuration file of the machine.
 */
import { spawnSync } from "node:child_process"
import { access, constants, mkdir } from "node:fs/promises"
import { join, resolve } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { stopLeftover } from "./leftover.ts"
import { freePort } from "./port.ts"
import { type Child, launch } from "./process.ts"
import { READY_LIMIT_MILLIS, type Store, type StoreOptions, shown } from "./store.ts"

/** The scripts of the queue need `#!lua flags=…`, which came with 7.0. */
const OLDEST_MAJOR = 7
const PROGRAMS = ["redis-server", "valkey-server"]
const STOP_LIMIT_MILLIS = 20_000

/** 202 means on disk (`always`), and a full Redis refuses writes rather than forget some. */
const NATIVE = {
  appendonly: "yes",
  appendfsync: "always",
  "no-appendfsync-on-rewrite": "no",
  save: "",
  "maxmemory-policy": "noeviction",
  // Redis would rewrite its command line, on which the next start finds `--dir …` and knows a leftover.
  "set-proc-title": "no",
}
/** Above 2 GiB the pointers of WebAssembly turn negative and Valkey dies. Below, it refuses writes in time. */
const WASM = { maxmemory: "1gb", "maxmemory-policy": "noeviction" }

interface Program {
  readonly path: string
  readonly version: string
}

const find = (name: string): Program | null => {
  const path = spawnSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).stdout.trim()
  if (path === "") return null
  const about = spawnSync(path, ["--version"], { encoding: "utf8" }).stdout ?? ""
  const version = /v=(\S+)/.exec(about)?.[1] ?? "0"
  return Number.parseInt(version, 10) >= OLDEST_MAJOR ? { path, version } : null
}

const native = (): Program | null => PROGRAMS.map(find).find((found) => found !== null) ?? null

/** The path of a `redis-server` or `valkey-server` that is new enough, or null. */
export const nativeRedis = (): string | null => native()?.path ?? null

const pidFile = (directory: string): string => join(directory, "redis.pid")

/** Stops a server that an earlier start left on this directory; resolves to its pid or null. */
export const stopLeftoverRedis = (directory: string): Promise<number | null> =>
  stopLeftover(pidFile(directory), `--dir ${directory}`, "SIGTERM")

interface Server {
  readonly child: Child
  readonly ready: RegExp
  readonly description: string
}

const launchNative = async (port: number, options: StoreOptions): Promise<Server> => {
  const program = native()
  if (program === null) throw new Error(`No ${PROGRAMS.join(" or ")} of version 7 or newer`)
  const directory = resolve(options.directory)
  // Private: what users write lies in there.
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await access(directory, constants.W_OK).catch(() => {
    throw new Error(`Redis cannot write to ${directory}: give it to the user who starts this`)
  })
  await stopLeftoverRedis(directory)
  const settings = {
    bind: "127.0.0.1",
    port: String(port),
    dir: directory,
    pidfile: pidFile(directory),
    ...NATIVE,
    ...options.settings,
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
  return {
    child: await launch(program.path, flags, {
      name: "redis",
      onLine: options.onLine,
      ...(options.env && { env: { ...process.env, ...options.env } }),
    }),
    ready: /Ready to accept connections/,
    description: `Redis ${program.version} (${program.path}), ${shown(directory)}`,
  }
}

const launchWasm = async (port: number, options: StoreOptions): Promise<Server> => {
  const script = fileURLToPath(new URL("valkey.ts", import.meta.url))
  const settings = Object.entries({ ...WASM, ...options.settings }).flat()
  const parameters = ["--disable-warning=ExperimentalWarning", script, String(port), ...settings]
  return {
    child: await launch(process.execPath, parameters, { name: "redis", onLine: options.onLine }),
    ready: /^READY$/,
    description: "Valkey 9 (WebAssembly), in memory",
  }
}

/** @throws with the server's last lines when it does not start. */
export const startRedis = async (
  options: StoreOptions & { readonly kind: "native" | "wasm" },
): Promise<Store> => {
  const port = options.port || (await freePort())
  const start = options.kind === "native" ? launchNative : launchWasm
  const { child, ready, description } = await start(port, options)
  await child.printed(ready, READY_LIMIT_MILLIS)
  return {
    ...child,
    url: `redis://127.0.0.1:${port}`,
    port,
    description,
    durable: options.kind === "native",
    stop: (hurried) => child.stop(STOP_LIMIT_MILLIS, hurried),
  }
}
