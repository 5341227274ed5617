import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest"
import { accountFor } from "../scripts/servers/account.ts"
import { type Directory, temporaryDirectory } from "../scripts/servers/directory.ts"
import { freePort } from "../scripts/servers/port.ts"
import { startPostgres } from "../scripts/servers/postgres.ts"
import { nativeRedis, startRedis } from "../scripts/servers/redis.ts"
import type { Store } from "../scripts/servers/store.ts"
import { hasOpenssl, makeCertificates } from "../services/testing/certificates.ts"
import { execute } from "../services/testing/standby.ts"
import { openDatabase } from "./postgres/postgres.ts"
import { closeRedis, openRedis } from "./redis/redis.ts"

let directory: Directory
let files: Awaited<ReturnType<typeof makeCertificates>>
beforeAll(async () => {
  directory = await temporaryDirectory()
  if (hasOpenssl) {
    files = await makeCertificates(
      directory.path,
      await accountFor(join(directory.path, "postgres")),
    )
  }
})
afterAll(() => directory?.remove())

/** Two roles that may come in one way each. */
const RULES = `
hostssl all hostssl all scram-sha-256
hostnossl all hostnossl all scram-sha-256
host all postgres all scram-sha-256
local all all scram-sha-256
`

/** Names of files in a query stand for those of the test. */
const withFiles = (query: string) =>
  query.replace(/=(ca|stranger)$/, (_, name) => `=${files[name as "ca"]}`)

describe.runIf(hasOpenssl)("PostgreSQL with TLS", () => {
  let store: Store
  beforeAll(async () => {
    const path = join(directory.path, "postgres")
    await mkdir(path)
    const settings = { fsync: "off", unix_socket_directories: path }
    const tls = { ssl: "on", ssl_cert_file: files.cert, ssl_key_file: files.key }
    store = await startPostgres({ directory: path, settings: { ...settings, ...tls } })
    const [row] = await execute(store.url, "show hba_file")
    await writeFile(String(row?.hba_file), RULES)
    for (const role of ["hostssl", "hostnossl"]) {
      await execute(store.url, `create role ${role} login password 'postgres'`)
    }
    await execute(store.url, "select pg_reload_conf()")
  })
  afterAll(() => store?.stop())

  const at = (host: string, query: string) =>
    `${store.url.replace(/127\.0\.0\.1:\d+/, host)}?${withFiles(query)}`

  /** Whether the session is encrypted, or the code of why there is none. */
  const ask = async (url: string): Promise<boolean | string> => {
    const options = { name: "test", maxConnections: 1, deadlineMillis: 10_000 }
    const database = openDatabase(url, options)
    onTestFinished(() => database.close())
    return await database
      .run(
        (sql) => sql<[{ ssl: boolean }]>`select ssl from pg_stat_ssl where pid = pg_backend_pid()`,
      )
      .then(
        ([row]) => row.ssl,
        (error) => error.code,
      )
  }

  test.each([
    ["localhost", "", true],
    ["localhost", "sslmode=disable", false],
    ["localhost", "sslmode=allow", false],
    ["localhost", "sslmode=prefer", true],
    ["localhost", "sslmode=require", true],
    ["localhost", "sslmode=require&sslrootcert=ca", true],
    ["localhost", "sslmode=require&sslrootcert=stranger", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
    ["127.0.0.1", "sslmode=verify-ca&sslrootcert=ca", true],
    ["127.0.0.1", "sslmode=verify-ca&sslrootcert=stranger", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
    ["localhost", "sslmode=verify-full&sslrootcert=ca", true],
    ["127.0.0.1", "sslmode=verify-full&sslrootcert=ca", "ERR_TLS_CERT_ALTNAME_INVALID"],
    ["localhost", "sslmode=verify-full", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
    ["localhost", "sslmode=require&sslnegotiation=direct", true],
  ])("at %s with ?%s: %s", async (host, query, expected) => {
    expect(await ask(at(`${host}:${store.port}`, query))).toBe(expected)
  })

  test.each([
    ["hostssl", "", true],
    ["hostssl", "sslmode=allow", true],
    ["hostssl", "sslmode=disable", "28000"],
    ["hostnossl", "", false],
    ["hostnossl", "sslmode=allow", false],
    ["hostnossl", "sslmode=require", "28000"],
  ])("where the server wants %s of a role, ?%s: %s", async (role, query, expected) => {
    const url = at(`localhost:${store.port}`, query)
    expect(await ask(url.replace("postgres:postgres@", `${role}:postgres@`))).toBe(expected)
  })

  test("a unix socket needs no encryption, whatever is asked for", async () => {
    const folder = encodeURIComponent(join(directory.path, "postgres"))
    expect(await ask(at(`${folder}:${store.port}`, "sslmode=require"))).toBe(false)
  })
})

describe.runIf(hasOpenssl && nativeRedis() !== null)("Redis with TLS", () => {
  let store: Store
  let port: number
  let socket: string
  beforeAll(async () => {
    const path = join(directory.path, "redis")
    port = await freePort()
    socket = join(directory.path, "redis.sock")
    const tls = { "tls-port": String(port), "tls-auth-clients": "no", "tls-ca-cert-file": files.ca }
    const own = { "tls-cert-file": files.cert, "tls-key-file": files.key, unixsocket: socket }
    const acl = { requirepass: "p#w" }
    store = await startRedis({
      directory: path,
      kind: "native",
      settings: { ...tls, ...own, ...acl },
    })
  })
  afterAll(() => store?.stop())

  /** PONG, or the code of the first failure. */
  const ask = async (url: string): Promise<string> => {
    const redis = openRedis(url, { name: "test" })
    onTestFinished(() => closeRedis(redis))
    return await new Promise((resolve) => {
      redis.once("ready", () => resolve(redis.ping()))
      redis.once("error", (error: NodeJS.ErrnoException) => resolve(String(error.code)))
    })
  }

  test.each([
    ["rediss://:p%23w@localhost", "sslrootcert=ca", "PONG"],
    ["rediss://default:p%23w@localhost", "sslmode=require", "PONG"],
    ["rediss://:p%23w@127.0.0.1", "sslmode=verify-ca&sslrootcert=ca", "PONG"],
    ["rediss://:p%23w@127.0.0.1", "sslrootcert=ca", "ERR_TLS_CERT_ALTNAME_INVALID"],
    ["rediss://:p%23w@localhost", "sslrootcert=stranger", "SELF_SIGNED_CERT_IN_CHAIN"],
    ["rediss://:p%23w@localhost", "", "SELF_SIGNED_CERT_IN_CHAIN"],
  ])("%s with ?%s: %s", async (url, query, expected) => {
    expect(await ask(`${url}:${port}/0?${withFiles(query)}`)).toBe(expected)
  })

  test("a unix socket", async () => {
    expect(await ask(`unix://:p%23w@${socket}`)).toBe("PONG")
  })
})
