import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { loadConfig, reread, VARIABLES } from "./config.ts"
import { linesOf } from "./testing/config.ts"

const URL_OF_FILE = "postgres://worker:secret@database:5432/write_buffer"

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "write-buffer-config-"))
  await writeFile(join(directory, "url"), `${URL_OF_FILE}\n`)
  await writeFile(join(directory, "empty"), " \n")
})
afterAll(() => rm(directory, { recursive: true }))

const file = (name: string) => join(directory, name)

test("the README's table has each variable", async () => {
  const readme = await readFile(new URL("README.md", import.meta.url), "utf8")
  const [, table = ""] = readme.split("## Configuration")
  for (const name of Object.keys(VARIABLES)) expect(table).toContain(`\`${name}\``)
})

describe("loadConfig", () => {
  test("has the defaults of the table", () => {
    expect(loadConfig("start", {})).toMatchObject({
      DATABASE_URL: "postgres://postgres:postgres@127.0.0.1:5437/write_buffer",
      REDIS_URL: "redis://127.0.0.1:6385",
      POSTGRES_PORT: 5437,
      REDIS_PORT: 6385,
      KEEP_ALIVE_SECONDS: 75,
      INGEST_PORT: 8006,
      READER_PORT: 8007,
      STATS_PORT: 8008,
      WORKER_PORT: 8009,
      WRITE_QUEUE_NAME: "write_queue",
      BATCH_SIZE: 10,
      BATCH_TIMEOUT: 1,
      WORKER_POLL_INTERVAL: 0.1,
      BATCH_MAX: 1_000,
      WORKER_CONCURRENCY: 2,
      MAX_RETRIES: 3,
      RETRY_DELAY: 1,
      LEASE_SECONDS: 10,
      TOMBSTONE_DAYS: 7,
      QUEUE_MAX_DEPTH: 1_000_000,
      QUEUE_ALERT_DEPTH: 1_000,
      QUEUE_ALERT_AGE: 10,
      DEAD_LETTERS_ALERT: Number.POSITIVE_INFINITY,
      BUILD_COMMIT: "",
      IDEMPOTENCY_SECONDS: 3_600,
      VALUE_MAX_BYTES: 65_536,
      ...{ ADMIN_TOKEN: "", WRITE_TOKEN: "", READ_TOKEN: "", ALLOWED_ORIGINS: "" },
    })
  })

  test("gives the service started its PORT, else its own, and others none", () => {
    expect(loadConfig("reader", {}).PORT).toBe(8007)
    expect(loadConfig("stats", { STATS_PORT: "9008" }).PORT).toBe(9008)
    expect(loadConfig("ingest", { PORT: "80", INGEST_PORT: "9006" }).PORT).toBe(80)
    expect(loadConfig("worker", { WORKER_PORT: "0" }).PORT).toBe(0)
    expect(loadConfig("start", { PORT: "nonsense" })).not.toHaveProperty("PORT")
  })

  test("takes an empty or blank variable for the default", () => {
    const blank = Object.fromEntries(Object.keys(VARIABLES).map((name) => [name, ""]))
    expect(loadConfig("ingest", { ...blank, PORT: "" })).toEqual(loadConfig("ingest", {}))
    const spaces = Object.fromEntries(Object.keys(VARIABLES).map((name) => [name, " \t"]))
    expect(loadConfig("ingest", { ...spaces, PORT: " " })).toEqual(loadConfig("ingest", {}))
  })

  test("takes numbers with spaces around, and fractions only where they mean something", () => {
    expect(loadConfig("worker", { BATCH_SIZE: " 20 " }).BATCH_SIZE).toBe(20)
    expect(loadConfig("worker", { BATCH_TIMEOUT: "0.25" }).BATCH_TIMEOUT).toBe(0.25)
    expect(linesOf({ BATCH_SIZE: "2.5" })).toHaveLength(1)
  })

  test.each([
    ["KEEP_ALIVE_SECONDS", "620", "0"],
    ["BATCH_SIZE", "1", "0"],
    ["BATCH_TIMEOUT", "0", "-0.1"],
    ["BATCH_TIMEOUT", "60", "60.1"],
    ["WORKER_POLL_INTERVAL", "0", "-1"],
    ["BATCH_MAX", "10000", "10001"],
    ["WORKER_CONCURRENCY", "16", "17"],
    ["MAX_RETRIES", "0", "-1"],
    ["RETRY_DELAY", "0.001", "0"],
    ["LEASE_SECONDS", "1", "0.9"],
    ["TOMBSTONE_DAYS", "0.5", "0"],
    ["QUEUE_MAX_DEPTH", "1", "0"],
    ["IDEMPOTENCY_SECONDS", "604800", "0"],
    ["INGEST_PORT", "65535", "65536"],
    ["BATCH_SIZE", "10", "ten"],
    ["BATCH_SIZE", "10", "10 writes"],
    ["BATCH_TIMEOUT", "1", "Infinity"],
    ["BATCH_TIMEOUT", "1", "NaN"],
    ["WRITE_QUEUE_NAME", "a:b.c-d", "a b"],
    ["LOG_LEVEL", "silent", "loud"],
    ["REDIS_URL", "rediss://:secret@host:6380/1", "http://host"],
    ["REDIS_URL", "valkeys://host", "redis+sentinel://host"],
    ["REDIS_URL", "redis+sentinels://a,b/mymaster", "redisssentinel://a/mymaster"],
    ["REDIS_URL", "redis+clusters://a,b", "redis+clusterss://a,b"],
    ["DATABASE_URL", "postgresql://host/db", "host/db"],
    ["DATABASE_URL", "Postgres://host/db", "POSTGRE://host/db"],
    ["ADMIN_TOKEN", "x".repeat(32), "short"],
    ["WRITE_TOKEN", "~".repeat(512), "x".repeat(513)],
    ["READ_TOKEN", "!".repeat(32), `${"x".repeat(32)} x`],
  ])("%s may be %s and not %s", (name, good, bad) => {
    expect(linesOf({ [name]: good })).toEqual([])
    expect(linesOf({ [name]: bad })).toHaveLength(1)
  })

  test("reports every bad variable at once, in the order of the table", () => {
    const lines = linesOf({ LOG_LEVEL: "loud", BATCH_MAX: "0", BATCH_SIZE: "x", RETRY_DELAY: "-1" })
    expect(lines).toEqual([
      'BATCH_SIZE is "x"; allowed is a whole number from 1 to 10000 writes',
      'BATCH_MAX is "0"; allowed is a whole number from 1 to 10000 writes',
      'RETRY_DELAY is "-1"; allowed is a number from 0.001 to 60 seconds',
      'LOG_LEVEL is "loud"; allowed is info, debug, warn, error, silent',
    ])
  })

  test.each([
    ["postgresql+asyncpg://u:hunter2@h/db", ", without +asyncpg"],
    ["jdbc:postgresql://h/db?password=hunter2", ", without jdbc:"],
    ["jdbc:postgres+psycopg://h", ", without jdbc: and +psycopg"],
    ["mysql+hunter2://h/db", ""],
  ])("says of %s what to leave out%s", (text, advice) => {
    const [line] = linesOf({ DATABASE_URL: text })
    expect(line).toBe(
      "DATABASE_URL is (not shown); allowed is a URL that starts with postgres:// or postgresql://" +
        advice,
    )
  })

  test("refuses a window larger than a claim", () => {
    expect(linesOf({ BATCH_SIZE: "11", BATCH_MAX: "10" })).toEqual([
      "BATCH_SIZE is 11; allowed is at most BATCH_MAX, 10",
    ])
  })

  test("shows no secret and no more than the beginning of anything", () => {
    const secret = "hunter2 hunter2"
    const lines = linesOf({
      DATABASE_URL: `mysql://root:${secret}@host`,
      REDIS_URL: secret,
      ...{ ADMIN_TOKEN: secret, WRITE_TOKEN: secret, READ_TOKEN: secret },
      WRITE_QUEUE_NAME: "!".repeat(10_000),
    })
    expect(lines).toHaveLength(6)
    expect(lines.join()).not.toContain("hunter2")
    expect(lines.join().length).toBeLessThan(700)
  })
})

describe("a program", () => {
  test("looks at nothing that it does not use", () => {
    const bad = { STATS_PORT: "x", BATCH_SIZE: "x", ADMIN_TOKEN: "x", DATABASE_URL: "x" }
    const unreadable = { QUEUE_ALERT_DEPTH_FILE: "/nowhere", POSTGRES_PORT: "x" }
    expect(loadConfig("ingest", { ...bad, ...unreadable }).PORT).toBe(8006)
    expect(loadConfig("reader", { ...bad, DATABASE_URL: URL_OF_FILE }).PORT).toBe(8007)
    expect(loadConfig("migrate", { PORT: "x", REDIS_URL: "x", REDIS_PORT: "x" })).toEqual(
      loadConfig("migrate", {}),
    )
    expect(() => loadConfig("start", bad)).toThrow(/^DATABASE_URL.*\nSTATS_PORT.*\nBATCH_SIZE/)
  })

  test("looks at its own port only without a PORT, and at a store's only without a URL", () => {
    expect(loadConfig("worker", { PORT: "1", WORKER_PORT: "x" }).PORT).toBe(1)
    expect(() => loadConfig("worker", { WORKER_PORT: "x" })).toThrow(/^WORKER_PORT is "x"; .*$/)
    const url = { REDIS_URL: "redis://host" }
    expect(loadConfig("ingest", { ...url, REDIS_PORT: "x" }).REDIS_URL).toBe(url.REDIS_URL)
    expect(() => loadConfig("ingest", { REDIS_PORT: "x" })).toThrow(/^REDIS_PORT is "x"; .*$/)
  })

  test("finds the stores of npm start where their ports say", () => {
    const { DATABASE_URL, REDIS_URL } = loadConfig("worker", {
      POSTGRES_PORT: "6437",
      REDIS_PORT: "7385",
    })
    expect(DATABASE_URL).toBe("postgres://postgres:postgres@127.0.0.1:6437/write_buffer")
    expect(REDIS_URL).toBe("redis://127.0.0.1:7385")
  })

  test.each(["tcp://10.0.0.1:8009", "udp://10.0.0.1:53", " tcp://[fd00::1]:80 "])(
    "takes the link %j of Kubernetes to a service for no port",
    (link) => {
      const names = Object.keys(VARIABLES).filter((name) => name.endsWith("_PORT"))
      expect(names).toHaveLength(6)
      const links = Object.fromEntries(names.map((name) => [name, link]))
      for (const program of ["ingest", "reader", "stats", "worker", "start", "queue"] as const) {
        expect(loadConfig(program, links)).toEqual(loadConfig(program, {}))
      }
      expect(() => loadConfig("ingest", { PORT: link })).toThrow(/^PORT is /)
    },
  )
})

describe("NAME_FILE", () => {
  test("names a file whose trimmed content is the value", () => {
    expect(loadConfig("worker", { DATABASE_URL_FILE: file("url") }).DATABASE_URL).toBe(URL_OF_FILE)
  })

  test("works for the service's own port as well", async () => {
    await writeFile(file("port"), "8123\n")
    expect(loadConfig("ingest", { PORT_FILE: file("port") }).PORT).toBe(8123)
  })

  test("counts as unset when it is empty, like every variable", () => {
    const environment = { DATABASE_URL: URL_OF_FILE, DATABASE_URL_FILE: "" }
    expect(loadConfig("worker", environment).DATABASE_URL).toBe(URL_OF_FILE)
  })

  test("is refused together with NAME, and neither is shown", () => {
    const environment = { DATABASE_URL: URL_OF_FILE, DATABASE_URL_FILE: file("url") }
    expect(linesOf(environment)).toEqual([
      "DATABASE_URL and DATABASE_URL_FILE are both set; allowed is one of them",
    ])
  })

  test("is refused when there is no such file, or nothing in it", () => {
    const environment = { DATABASE_URL_FILE: file("none"), REDIS_URL_FILE: file("empty") }
    expect(linesOf(environment)).toEqual([
      "DATABASE_URL_FILE names a file that cannot be read (ENOENT)",
      "REDIS_URL_FILE names an empty file; allowed is a file with a value",
    ])
  })

  test("has its content held to the rules of the variable", () => {
    expect(linesOf({ REDIS_URL_FILE: file("url") })).toEqual([
      "REDIS_URL is (not shown); allowed is a URL that starts with redis:// or rediss:// or unix:// " +
        "or valkey:// or valkeys:// or redis+sentinel:// or redis+sentinels:// or redis+cluster:// or redis+clusters://",
    ])
  })

  test("is read again when a login was refused, and only what can be used counts", async () => {
    const environment = { DATABASE_URL_FILE: file("rotating") }
    await writeFile(file("rotating"), `${URL_OF_FILE}\n`)
    expect(reread("DATABASE_URL", environment)).toBe(URL_OF_FILE)
    await writeFile(file("rotating"), URL_OF_FILE.replace("secret", "new"))
    expect(reread("DATABASE_URL", environment)).toContain(":new@")
    await writeFile(file("rotating"), "postgres://half#")
    expect(reread("DATABASE_URL", environment)).toBeUndefined()
    expect(reread("DATABASE_URL", { DATABASE_URL: URL_OF_FILE })).toBeUndefined()
    await writeFile(file("rotating"), "t".repeat(32))
    expect(reread("WRITE_TOKEN", { WRITE_TOKEN_FILE: file("rotating") })).toBe("t".repeat(32))
  })
})
