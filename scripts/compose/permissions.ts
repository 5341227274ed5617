/** What each container, and each user of the stores and of the operators' calls, may not do. */
import assert from "node:assert/strict"
import { openDatabase, type Sql } from "../../shared/postgres/postgres.ts"
import { closeRedis, openRedis, untilReady } from "../../shared/redis/redis.ts"
import type { Stack } from "./engine.ts"
import { ALLOWED_SQL, FORBIDDEN_SQL } from "./roles.ts"

const DEADLINE_MILLIS = 5_000

const OTHER_KEY = "somebody-elses"
/** Its name begins like a shard's, which has a number. */
const OTHER_QUEUE = "{write_queue:others}"
const FORBIDDEN_COMMANDS = [
  ["FLUSHALL"],
  ["FLUSHDB"],
  ["KEYS", "*"],
  ["CONFIG", "SET", "appendfsync", "no"],
  ["ACL", "LIST"],
  ["SCRIPT", "FLUSH"],
  ["SHUTDOWN"],
  ["GET", OTHER_KEY],
  ["LPUSH", OTHER_KEY, "x"],
  ["LLEN", OTHER_KEY],
  ["LLEN", OTHER_QUEUE],
  ["EVAL", "return redis.call('LPUSH', KEYS[1], 'x')", "1", OTHER_KEY],
]

type Role = keyof typeof FORBIDDEN_SQL

/** Tries what a role may do, and what it may not. @returns how many were refused, which must be all of these. */
export const tryRole = async (url: string, role: Role): Promise<number> => {
  const options = { name: "check", maxConnections: 1, deadlineMillis: DEADLINE_MILLIS }
  const database = openDatabase(url, options)
  const run = (text: string) => database.run(async (sql: Sql) => void (await sql.unsafe(text)))
  try {
    for (const text of ["select 1", ...ALLOWED_SQL[role]]) await run(text)
    for (const text of FORBIDDEN_SQL[role]) {
      await assert.rejects(run(text), ({ code }: { code?: string }) => code === "42501", text)
    }
  } finally {
    await database.close()
  }
  return FORBIDDEN_SQL[role].length
}

const refusedCommands = async (url: string): Promise<number> => {
  const redis = openRedis(url, { name: "check" })
  await untilReady(redis)
  try {
    assert.equal(await redis.ping(), "PONG")
    for (const [name = "", ...rest] of FORBIDDEN_COMMANDS) {
      await assert.rejects(redis.call(name, ...rest), /NOPERM/, `${name} ${rest.join(" ")}`)
    }
  } finally {
    closeRedis(redis)
  }
  return FORBIDDEN_COMMANDS.length
}

/** Past the script redis-cli, which knows the password. */
const ANYONE = ["env", "PATH=/usr/local/bin:/usr/bin", "redis-cli", "LLEN", "write_queue"]

/** Tries each call from outside, with the password of its user. */
export const checkUsers = async ({ compose, outside }: Stack): Promise<string> => {
  let refused = 0
  for (const role of Object.keys(FORBIDDEN_SQL) as Role[]) {
    refused += await tryRole(await outside(role, "database-url"), role)
  }
  for (const user of ["ingest", "worker", "stats"]) {
    refused += await refusedCommands(await outside(user, "redis-url"))
  }
  assert.match(await compose("exec", "-T", "redis", ...ANYONE), /^NOAUTH/)
  return `all ${refused} things that a user or role may not do are refused`
}

export const checkConfinement = async ({ containers, docker }: Stack): Promise<string> => {
  const all = await containers()
  const inspected = JSON.parse(await docker("inspect", ...all.map(({ Name }) => Name)))
  for (const { Name, Config, HostConfig, NetworkSettings } of inspected) {
    assert.match(Config.User, /^(node|postgres|redis)$/, Name)
    assert.equal(HostConfig.ReadonlyRootfs, true, Name)
    assert.equal(HostConfig.Init, true, Name)
    assert.deepEqual(HostConfig.CapDrop, ["ALL"], Name)
    assert.deepEqual(HostConfig.SecurityOpt, ["no-new-privileges:true"], Name)
    assert.ok(HostConfig.Memory > 0 && HostConfig.PidsLimit > 0, Name)
    assert.doesNotMatch(JSON.stringify(Config.Env), /(postgres|redis):\/\/|PASSWORD=/, Name)
    const outside = Object.keys(NetworkSettings.Networks).some((name) => name.endsWith("_outside"))
    assert.equal(outside, /-gateway-1$/.test(Name), Name)
  }
  return `${all.length} containers without root, capabilities, a writable file system or a password in the environment`
}

/** The operators' calls are on, for people who can read the token in the container. */
export const checkOperators = async ({ compose, url }: Stack): Promise<string> => {
  const token = await compose("exec", "-T", "stats", "cat", "/run/secrets/admin-token")
  const dead = async (authorization: string) =>
    (await fetch(`${url.stats}/dead`, { headers: { authorization } })).status
  assert.deepEqual([await dead("Bearer guessed"), await dead(`Bearer ${token}`)], [401, 200])
  return "GET /dead is 200 with the token of the stack, 401 with another"
}
