/**
 * The one table of configuration, and the one place that reads the environment. `loadConfig` decodes
 * what a process names, reports every bad variable at once, and never prints a secret.
 */
import { readFileSync } from "node:fs"
import process from "node:process"
import { Result, Schema } from "effect"

/** The stores of `npm start`. Those of `compose.yaml` have the same ports, and passwords of their own. */
export const LOCAL_DATABASE_URL = "postgres://postgres:postgres@127.0.0.1:5437/write_buffer"
export const LOCAL_REDIS_URL = "redis://127.0.0.1:6385"

interface Variable<A> {
  readonly schema: Schema.ConstraintDecoder<A>
  readonly fallback: A
  /** What is allowed, for the line that reports a bad value. */
  readonly allowed: string
  readonly secret?: true
}

const number = (
  minimum: number,
  maximum: number,
  fallback: number,
  unit = "",
): Variable<number> => ({
  schema: Schema.FiniteFromString.check(Schema.isBetween({ minimum, maximum })),
  fallback,
  allowed: `a number from ${minimum} to ${maximum}${unit && ` ${unit}`}`,
})

const integer = (
  minimum: number,
  maximum: number,
  fallback: number,
  unit = "",
): Variable<number> => ({
  schema: Schema.FiniteFromString.check(Schema.isInt(), Schema.isBetween({ minimum, maximum })),
  fallback,
  allowed: `a whole number from ${minimum} to ${maximum}${unit && ` ${unit}`}`,
})

const pattern = (
  regExp: RegExp,
  fallback: string,
  allowed: string,
  secret?: true,
): Variable<string> => ({
  schema: Schema.String.check(Schema.isPattern(regExp)),
  fallback,
  allowed,
  ...(secret && { secret }),
})

const url = (schemes: string, fallback: string): Variable<string> =>
  pattern(
    new RegExp(`^(${schemes})://[^\\s]+$`),
    fallback,
    `a URL that starts with ${schemes.split("|").join(":// or ")}://`,
    true,
  )

const oneOf = <const A extends string>(fallback: A, ...others: A[]): Variable<A> => ({
  schema: Schema.Literals([fallback, ...others]),
  fallback,
  allowed: [fallback, ...others].join(", "),
})

const port = (fallback: number) => integer(0, 65_535, fallback)

/**
 * Every variable: its bounds and its default. The README's table is this table in words. Instead of any
 * of them NAME_FILE may be set: it names a file that holds the value, which is how secrets are given to
 * a container without standing in its environment.
 */
export const VARIABLES = {
  DATABASE_URL: url("postgres|postgresql", LOCAL_DATABASE_URL),
  REDIS_URL: url("redis|rediss", LOCAL_REDIS_URL),
  INGEST_PORT: port(8006),
  READER_PORT: port(8007),
  STATS_PORT: port(8008),
  // For its metrics alone; 0 is none, for more than one worker on a machine.
  WORKER_PORT: port(8009),
  WRITE_QUEUE_NAME: pattern(
    /^[\w:.-]{1,128}$/,
    "write_queue",
    "1 to 128 letters, digits or _ : . -",
  ),
  BATCH_SIZE: integer(1, 10_000, 10, "writes"),
  BATCH_TIMEOUT: number(0, 60, 1, "seconds"),
  WORKER_POLL_INTERVAL: number(0, 60, 0.1, "seconds"),
  BATCH_MAX: integer(1, 10_000, 1_000, "writes"),
  WORKER_CONCURRENCY: integer(1, 16, 2, "batches"),
  MAX_RETRIES: integer(0, 20, 3, "tries after the first"),
  RETRY_DELAY: number(0.001, 60, 1, "seconds"),
  LEASE_SECONDS: number(1, 3_600, 10, "seconds"),
  QUEUE_MAX_DEPTH: integer(1, 1_000_000_000, 1_000_000, "writes"),
  QUEUE_ALERT_DEPTH: integer(0, 1_000_000_000, 1_000, "writes"),
  QUEUE_ALERT_AGE: number(0.1, 86_400, 10, "seconds"),
  // Unset, dead letters are a warning and no more, however many there are.
  DEAD_LETTERS_ALERT: integer(0, 1_000_000_000, Number.POSITIVE_INFINITY, "dead letters"),
  VALUE_MAX_BYTES: integer(1, 1_048_576, 65_536, "bytes"),
  LOG_LEVEL: oneOf("info", "debug", "warn", "error", "silent"),
  LOG_FORMAT: oneOf("json", "pretty"),
  // Of the source that an image was built from; shown beside the version.
  BUILD_COMMIT: pattern(/^[0-9a-f]{7,40}$/, "", "7 to 40 hexadecimal digits"),
  ADMIN_TOKEN: pattern(/^[\x21-\x7e]{32,512}$/, "", "32 to 512 visible ASCII characters", true),
} satisfies Record<string, Variable<number> | Variable<string>>

type Name = keyof typeof VARIABLES
export type Config = { readonly [N in Name]: (typeof VARIABLES)[N]["fallback"] } & {
  /** The port of the one service started: PORT, else the service's own. Null when several are. */
  readonly PORT: number | null
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

/** What is configured, as text. A blank variable counts as unset: `PORT= npm start` means the default. */
const find = (name: string, environment: Environment, bad: string[]): string | undefined => {
  const text = environment[name]?.trim() || undefined
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

const decode = <A>(
  name: string,
  variable: Variable<A>,
  environment: Environment,
  bad: string[],
): A => {
  const text = find(name, environment, bad)
  if (text === undefined) return variable.fallback
  const result = Schema.decodeUnknownResult(variable.schema)(text)
  if (Result.isSuccess(result)) return result.success
  const shown = variable.secret ? "(not shown)" : JSON.stringify(text.slice(0, 80))
  bad.push(`${name} is ${shown}; allowed is ${variable.allowed}`)
  return variable.fallback
}

/**
 * Decodes the environment. `service` says whose port `PORT` is.
 * @throws {ConfigError} with a line for every variable that is out of bounds.
 */
export const loadConfig = (
  service: "ingest" | "reader" | "stats" | "worker" | "all",
  environment: Environment = process.env,
): Config => {
  const bad: string[] = []
  const values = Object.fromEntries(
    Object.entries(VARIABLES).map(([name, variable]) => [
      name,
      decode<number | string>(name, variable as Variable<number | string>, environment, bad),
    ]),
  ) as unknown as { [N in Name]: (typeof VARIABLES)[N]["fallback"] }
  const ports = {
    ingest: values.INGEST_PORT,
    reader: values.READER_PORT,
    stats: values.STATS_PORT,
    worker: values.WORKER_PORT,
  }
  const PORT =
    service in ports
      ? decode("PORT", port(ports[service as keyof typeof ports]), environment, bad)
      : null
  // A window that waits for more writes than one bite may take would always wait for its timeout.
  if (values.BATCH_SIZE > values.BATCH_MAX) {
    bad.push(
      `BATCH_SIZE is ${values.BATCH_SIZE}; allowed is at most BATCH_MAX, ${values.BATCH_MAX}`,
    )
  }
  if (bad.length > 0) throw new ConfigError(bad)
  return { ...values, PORT }
}
