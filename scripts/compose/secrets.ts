/**
 * The stack's first job: a password for each user of the stores, made once and kept in a volume. Each
 * container gets a folder with what it needs and mounts nothing but that folder, as /run/secrets.
 * Runs again at every start, so that users and roles are always those of the files beside this one.
 */
import { createHash, createHmac, randomBytes } from "node:crypto"
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import process from "node:process"
import { rolesSql } from "./roles.ts"

const SEED_BYTES = 32

/** All passwords follow from the seed: one file to make once, which is there whole or not at all. */
const seedOf = async (directory: string): Promise<Buffer> => {
  const path = join(directory, "seed")
  const found = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    // A seed that cannot be read is not replaced: new passwords would lock everybody out.
    if (error.code !== "ENOENT") throw error
    return null
  })
  if (found !== null) return found
  const seed = randomBytes(SEED_BYTES)
  await writeFile(`${path}.new`, seed, { mode: 0o600, flush: true })
  await rename(`${path}.new`, path)
  return seed
}

/** Each name in braces stands for what that user has. */
const filled = (text: string, of: (user: string) => string) =>
  text.replaceAll(/\{\{(\w+)\}\}/g, (_, user: string) => of(user))

/** Comments go, and indented lines belong to the user above: Redis reads one line a user. */
const acl = (text: string, hash: (user: string) => string) =>
  filled(text.replaceAll(/^#.*\n/gm, "").replaceAll(/\n +/g, " "), hash)

const template = (name: string) => readFile(new URL(name, import.meta.url), "utf8")

/** The path of each file and what is in it; `hosts` are where Redis is, which are several of a cluster. */
const files = async (seed: Buffer, hosts: string): Promise<Readonly<Record<string, string>>> => {
  const password = (store: string) => (user: string) =>
    createHmac("sha256", seed).update(`${store}:${user}`).digest("base64url")
  const [postgres, redis] = [password("postgres"), password("redis")]
  const database = (user: string) =>
    `postgres://${user}:${postgres(user)}@postgres:5432/write_buffer`
  const scheme = hosts.includes(",") ? "redis+cluster" : "redis"
  const queue = (user: string) => `${scheme}://${user}:${redis(user)}@${hosts}`
  const hash = (user: string) => createHash("sha256").update(redis(user)).digest("hex")
  return {
    "postgres/password": postgres("owner"),
    "redis/users.acl": acl(await template("users.acl"), hash),
    "redis/password": redis("default"),
    "redis/redis-cli": await template("redis-cli.sh"),
    "redis/cluster.conf": filled(await template("cluster.conf"), redis),
    "migrate/database-url": database("owner"),
    "roles/database-url": database("owner"),
    "roles/roles.sql": rolesSql(await template("roles.sql"), postgres),
    "users/password": redis("default"),
    "users/cluster": await template("cluster.sh"),
    "ingest/redis-url": queue("ingest"),
    "worker/redis-url": queue("worker"),
    "worker/database-url": database("worker"),
    "reader/database-url": database("reader"),
    "stats/redis-url": queue("stats"),
    "stats/database-url": database("stats"),
    "stats/admin-token": password("stats")("operator"),
  }
}

const [, , directory = "/secrets", hosts = "redis:6379"] = process.argv
for (const [name, content] of Object.entries(await files(await seedOf(directory), hosts))) {
  const path = join(directory, name)
  await mkdir(dirname(path), { recursive: true })
  await rm(`${path}.new`, { force: true })
  // Readable by all, because the stores run as users of their own; a container sees only what it mounts.
  const mode = content.startsWith("#!") ? 0o555 : 0o444
  await writeFile(`${path}.new`, content, { mode, flush: true })
  await rename(`${path}.new`, path)
}
console.log("secrets are in place")
