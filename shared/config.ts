/**
 * The one table of configuration, and the one place where services read the environment; scripts and
 * tests read a few more names of their own. `loadConfig` decodes the variables that a program uses and
 * looks at no other, reports every bad one at once, and never prints a secret.
 */
import { readFileSync } from "node:fs"
import process from "node:process"
import { parsePostgresUrl } from "./postgres/url.ts"
import { SHARDS_MAX } from "./queue/shards.ts"
import { parseRedisUrl } from "./redis/url.ts"
import { tracingOf } from "./tracing/variables.ts"
import {
  decode,
  integer,
  number,
  oneOf,
  origins,
  pattern,
  port,
  url,
  type Variable,
} from "./variable.ts"

/** The stores of `npm start`. Those of `compose.yaml` have the same ports, and passwords of their own. */
export const localDatabaseUrl = (port: number) =>
  `postgres://postgres:postgres@127.0.0.1:${port}/write_buffer`
export const localRedisUrl = (port: number) => `redis://127.0.0.1:${port}`

const SERVICES = ["ingest", "reader", "stats", "worker"] as const
export type ServiceName = (typeof SERVICES)[number]

/** What is configured: the four services, `npm start`, which runs all of them, and the commands. */
export type Program = ServiceName | "start" | "stores" | "migrate" | "queue"

const usedBy = <A, const P extends Program>(programs: ReadonlyArray<P>, variable: Variable<A>) => ({
  ...variable,
  programs,
})

const EACH = [...SERVICES, "start"] as const
const QUEUE = ["ingest", "stats", "worker", "start"] as const
const DATABASE = ["reader", "stats", "worker", "start"] as const
const WORKER = ["worker", "start"] as const

const TOKEN = pattern(/^[\x21-\x7e]{32,512}$/, "", "32 to 512 visible ASCII characters", true)

/**
 * Every variable: the programs that use it, its bounds and its default. The README's table is this
 * table in words. Instead of any of them NAME_FILE may be set: it names a file that holds the value,
 * which is how secrets are given to a container without standing in its environment.
 */
export const VARIABLES = {
  DATABASE_URL: usedBy(
    [...DATABASE, "stores", "migrate"],
    url(["postgres", "postgresql"], parsePostgresUrl),
  ),
  REDIS_URL: usedBy(
    [...QUEUE, "stores"],
    url(
      [
        ...["redis", "rediss", "unix", "valkey", "valkeys"],
        ...["redis+sentinel", "redis+sentinels", "redis+cluster", "redis+clusters"],
      ],
      parseRedisUrl,
    ),
  ),
  // Of the stores of `npm start`. Other programs look there when their URL is not set.
  POSTGRES_PORT: usedBy(["start", "stores"], port(5437, 1)),
  REDIS_PORT: usedBy(["start", "stores"], port(6385, 1)),
  // Of the one service started. Unset, the service has its own of the following.
  PORT: usedBy(SERVICES, port(0)),
  INGEST_PORT: usedBy(["start"], port(8006)),
  READER_PORT: usedBy(["start"], port(8007)),
  STATS_PORT: usedBy(["start", "queue"], port(8008)),
  // For its metrics alone; 0 is none, for more than one worker on a machine.
  WORKER_PORT: usedBy(["start"], port(8009)),
  KEEP_ALIVE_SECONDS: usedBy(EACH, number(1, 3_600, 75, "seconds")),
  WRITE_QUEUE_NAME: usedBy(
    QUEUE,
    pattern(/^[\w:.-]{1,128}$/, "write_queue", "1 to 128 letters, digits or _ : . -"),
  ),
  // Of a queue in which nothing has ever been; `npm run queue -- shards` changes it.
  WRITE_QUEUE_SHARDS: usedBy(QUEUE, integer(1, SHARDS_MAX, 1, "shards")),
  // That have a write before it counts as queued.
  REDIS_REPLICAS: usedBy(["ingest", "start"], integer(0, 10, 0, "replicas")),
  BATCH_SIZE: usedBy(WORKER, integer(1, 10_000, 10, "writes")),
  BATCH_TIMEOUT: usedBy(WORKER, number(0, 60, 1, "seconds")),
  WORKER_POLL_INTERVAL: usedBy(WORKER, number(0, 60, 0.1, "seconds")),
  BATCH_MAX: usedBy(WORKER, integer(1, 10_000, 1_000, "writes")),
  WORKER_CONCURRENCY: usedBy(WORKER, integer(1, 16, 2, "batches")),
  MAX_RETRIES: usedBy(WORKER, integer(0, 20, 3, "tries after the first")),
  RETRY_DELAY: usedBy(WORKER, number(0.001, 60, 1, "seconds")),
  LEASE_SECONDS: usedBy(WORKER, number(1, 3_600, 10, "seconds")),
  // At least a quarter of an hour: longer than any statement that is under way.
  TOMBSTONE_DAYS: usedBy(WORKER, number(0.01, 3_650, 7, "days")),
  // Stats says when it is reached.
  QUEUE_MAX_DEPTH: usedBy(
    ["ingest", "stats", "start"],
    integer(1, 1_000_000_000, 1_000_000, "writes"),
  ),
  QUEUE_ALERT_DEPTH: usedBy(["stats", "start"], integer(0, 1_000_000_000, 1_000, "writes")),
  QUEUE_ALERT_AGE: usedBy(["stats", "start"], number(0.1, 86_400, 10, "seconds")),
  // Unset, dead letters are a warning and no more, however many there are.
  DEAD_LETTERS_ALERT: usedBy(
    ["stats", "start"],
    integer(0, 1_000_000_000, Number.POSITIVE_INFINITY, "dead letters"),
  ),
  IDEMPOTENCY_SECONDS: usedBy(["ingest", "start"], integer(1, 604_800, 3_600, "seconds")),
  // Of pages in browsers. Unset, no other site's may write.
  ALLOWED_ORIGINS: usedBy(["ingest", "start"], origins),
  VALUE_MAX_BYTES: usedBy(["ingest", "stats", "start"], integer(1, 1_048_576, 65_536, "bytes")),
  LOG_LEVEL: usedBy(EACH, oneOf("info", "debug", "warn", "error", "silent")),
  LOG_FORMAT: usedBy(EACH, oneOf("json", "pretty")),
  // Of the source that an image was built from; shown beside the version.
  BUILD_COMMIT: usedBy(
    ["stats", "start"],
    pattern(/^[0-9a-f]{7,40}$/, "", "7 to 40 hexadecimal digits"),
  ),
  ADMIN_TOKEN: usedBy(["stats", "start", "queue"], TOKEN),
  // Unset, whoever reaches ingest may write, and whoever reaches the reader may read.
  WRITE_TOKEN: usedBy(["ingest", "start"], TOKEN),
  READ_TOKEN: usedBy(["reader", "start"], TOKEN),
  ...tracingOf(EACH),
}

type Name = keyof typeof VARIABLES
type Values = { readonly [N in Name]: (typeof VARIABLES)[N]["fallback"] }

/** What a program uses of the table; without a program, all of it. */
export type Config<P extends Program = Program> = {
  readonly [N in Name as P extends (typeof VARIABLES)[N]["programs"][number] ? N : never]: Values[N]
}
export type Environment = Readonly<Record<string, string | undefined>>

/** Why a process does not start: one line for each bad variable, in the order of the table. */
export class ConfigError extends Error {
  override readonly name = "ConfigError"
  readonly lines: ReadonlyArray<string>
  constructor(lines: ReadonlyArray<string>) {
    super(lines.join("\n"))
    this.lines = lines
  }
}

/**
 * Kubernetes tells each pod of a service "worker" by WORKER_PORT=tcp://10.0.0.1:8009, and Docker of a
 * linked container likewise. That is not said to us.
 */
const isServiceLink = (name: string, text: string) =>
  name.endsWith("_PORT") && /^(tcp|udp|sctp):\/\//.test(text)

/** What is configured, as text. A blank variable counts as unset: `PORT= npm start` means the default. */
const find = (name: string, environment: Environment, bad: string[]): string | undefined => {
  const given = environment[name]?.trim() ?? ""
  const text = given === "" || isServiceLink(name, given) ? undefined : given
  const file = environment[`${name}_FILE`]
  if (!file) return text
  if (text !== undefined) bad.push(`${name} and ${name}_FILE are both set; allowed is one of them`)
  try {
    const content = readFileSync(file, "utf8").trim()
    // Not the default: whoever names a file means what is in it.
    if (content === "") bad.push(`${name}_FILE names an empty file; allowed is a file with a value`)
    return content || undefined
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    bad.push(`${name}_FILE names a file that cannot be read (${code})`)
    return undefined
  }
}

/**
 * Decodes what the environment says to a program.
 * @throws {ConfigError} with a line for every variable of its own that is out of bounds.
 */
export const loadConfig = <P extends Program>(
  program: P,
  environment: Environment = process.env,
): Config<P> => {
  const bad: string[] = []
  const values: Partial<Record<Name, string | number>> = {}

  /** What a variable that is not set follows from: another one, which is looked at only then. */
  const follow: Partial<Record<Name, () => string | number>> = {
    DATABASE_URL: () => localDatabaseUrl(Number(read("POSTGRES_PORT"))),
    REDIS_URL: () => localRedisUrl(Number(read("REDIS_PORT"))),
    PORT: () => read(`${program.toUpperCase()}_PORT` as Name),
  }
  const lookUp = (name: Name): string | number => {
    const variable = VARIABLES[name] as Variable<string | number>
    const text = find(name, environment, bad)
    return text === undefined
      ? (follow[name]?.() ?? variable.fallback)
      : decode(name, variable, text, bad)
  }
  /** Once each: a variable that another one follows is reported once. */
  const read = (name: Name): string | number => {
    values[name] ??= lookUp(name)
    return values[name]
  }

  for (const name of Object.keys(VARIABLES) as Name[]) {
    const programs: ReadonlyArray<Program> = VARIABLES[name].programs
    if (programs.includes(program)) read(name)
  }
  const { BATCH_SIZE, BATCH_MAX } = values
  // A window that waits for more writes than one claim may take would always wait for its timeout.
  if (BATCH_SIZE !== undefined && BATCH_MAX !== undefined && BATCH_SIZE > BATCH_MAX) {
    bad.push(`BATCH_SIZE is ${BATCH_SIZE}; allowed is at most BATCH_MAX, ${BATCH_MAX}`)
  }
  // The driver would read it, and understands it otherwise than libpq does.
  if (values.DATABASE_URL !== undefined && environment.PGTARGETSESSIONATTRS) {
    bad.push("PGTARGETSESSIONATTRS is not read: DATABASE_URL has target_session_attrs")
  }
  if (bad.length > 0) throw new ConfigError(bad)
  return values as unknown as Config<P>
}

/** Whether somebody has set it: a URL may well be the one that follows from nothing being set. */
export const isGiven = (name: UrlName, environment: Environment = process.env): boolean =>
  Boolean(environment[name]?.trim() || environment[`${name}_FILE`])

type UrlName = "DATABASE_URL" | "REDIS_URL"
type TokenName = "ADMIN_TOKEN" | "WRITE_TOKEN" | "READ_TOKEN"

/** The secret as it is now when a file holds it, and one that can be used: secrets rotate. */
export const reread = (
  name: UrlName | TokenName,
  environment: Environment = process.env,
): string | undefined => {
  if (!environment[`${name}_FILE`]) return undefined
  const bad: string[] = []
  const text = find(name, environment, bad)
  if (text !== undefined) decode<string>(name, VARIABLES[name], text, bad)
  return bad.length === 0 ? text : undefined
}

/** A bearer token, for who guards calls with it. */
export const tokenFrom = <N extends TokenName>(name: N, config: Readonly<Record<N, string>>) => ({
  ...{ name, first: config[name], reread: () => reread(name) },
})

/** Of each URL the parameters that are for other clients, and mean nothing here: a line for the log. */
export const leftOut = (config: Partial<Pick<Config, UrlName>>) =>
  (["DATABASE_URL", "REDIS_URL"] as const).flatMap((variable) => {
    const text = config[variable]
    const names = (text && VARIABLES[variable].read?.(text).leftOut) || []
    return names.length > 0 ? [{ variable, parameters: names.join(", ") }] : []
  })
