/** Users, passwords and certificates of a cluster and behind Sentinels. */
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest"
import { accountFor } from "../../scripts/servers/account.ts"
import { type Directory, temporaryDirectory } from "../../scripts/servers/directory.ts"
import { nativeRedis } from "../../scripts/servers/redis.ts"
import { hasOpenssl, makeCertificates } from "../../services/testing/certificates.ts"
import { startCluster, type TestCluster } from "../../services/testing/cluster.ts"
import { startSentinels, type TestSentinels } from "../../services/testing/sentinel.ts"
import { until } from "../../services/testing/until.ts"
import { openQueue } from "../queue/queue.ts"
import { closeRedis, openRedis, redisErrorReason } from "./redis.ts"

const QUEUE = "write_queue"
const PASSWORD = "right"
const SENTINEL_PASSWORD = "sentinels"
/** Of a user of its own, who may do what the services do. */
const LOGIN = "buffer:p%23w@"
const USER = ["on", ">p#w", "~*", "+@all"]
const ENCRYPTED = [false, ...(hasOpenssl ? [true] : [])]

let directory: Directory
let files: Awaited<ReturnType<typeof makeCertificates>>
beforeAll(async () => {
  directory = await temporaryDirectory()
  const account = await accountFor(join(directory.path, "unused"))
  if (hasOpenssl) files = await makeCertificates(directory.path, account)
})
afterAll(() => directory?.remove())

/** Null when a write was taken, or the first reason why not. */
const tried = async (url: string, reread?: () => string) => {
  const redis = openRedis(url, { name: "test", slotOf: QUEUE, ...(reread && { reread }) })
  onTestFinished(() => closeRedis(redis))
  await until("an end", async () => redis.status === "ready" || redis.link.trouble !== null)
  const write = () =>
    openQueue(redis, QUEUE)
      .enqueue({ most: 10, isFirst: true, writes: ['{"key":"a","value":"v"}'] })
      .then(
        () => null,
        (error) => redisErrorReason(error, redis.link),
      )
  if (!reread) return await write()
  return await until("a write is taken", async () => (await write()) === null)
}

describe.runIf(nativeRedis() !== null).each(ENCRYPTED)(
  "a cluster, encrypted: %s",
  (isEncrypted) => {
    let cluster: TestCluster
    beforeAll(async () => {
      cluster = await startCluster({ password: PASSWORD, ...(isEncrypted && { tls: files }) })
      for (const { connection } of cluster.nodes) {
        await connection.call("ACL", "SETUSER", "buffer", ...USER)
      }
    })
    afterAll(() => cluster?.close())

    const at = (credentials: string, ca: "ca" | "stranger" = "ca") =>
      isEncrypted
        ? `${cluster.tlsUrl(cluster.nodes, credentials)}?sslrootcert=${files[ca]}`
        : cluster.url(cluster.nodes, credentials)

    test("lets in who has the password", async () => {
      expect(await tried(at(LOGIN))).toBeNull()
      expect(await tried(at(`:${PASSWORD}@`))).toBeNull()
      expect(await tried(at(""))).toBe("not connected: NOAUTH")
      expect(await tried(at("buffer:wrong@"))).toBe("not connected: WRONGPASS")
      expect(await tried(at("buffer:wrong@"), () => at(LOGIN))).toBe(true)
    })

    if (isEncrypted)
      test("is believed only with its certificate", async () => {
        expect(await tried(at(LOGIN, "stranger"))).toMatch(
          /^not connected: no node of the cluster answers \([A-Z_]+\)$/,
        )
      })
  },
)

describe.runIf(nativeRedis() !== null).each(ENCRYPTED)(
  "Sentinels, encrypted: %s",
  (isEncrypted) => {
    let set: TestSentinels
    beforeAll(async () => {
      const passwords = { password: PASSWORD, sentinelPassword: SENTINEL_PASSWORD }
      set = await startSentinels({ ...passwords, ...(isEncrypted && { tls: files }) })
      await set.master.connection.call("ACL", "SETUSER", "buffer", ...USER)
    })
    afterAll(() => set?.close())

    const at = (credentials: string, sentinelPassword = "", ca: "ca" | "stranger" = "ca") =>
      `${set.url(set.sentinels, credentials)}?${isEncrypted ? `sslrootcert=${files[ca]}&` : ""}${
        sentinelPassword && `sentinel_password=${sentinelPassword}`
      }`

    test("let in who has both passwords", async () => {
      expect(await tried(at(LOGIN, SENTINEL_PASSWORD))).toBeNull()
      expect(await tried(at(`:${PASSWORD}@`, SENTINEL_PASSWORD))).toBeNull()
      expect(await tried(at("buffer:wrong@", SENTINEL_PASSWORD))).toBe("not connected: WRONGPASS")
      expect(await tried(at(LOGIN))).toBe("not connected: NOAUTH (Sentinel)")
      expect(await tried(at(LOGIN, "wrong"))).toBe("not connected: WRONGPASS (Sentinel)")
      expect(await tried(at(LOGIN, "wrong"), () => at(LOGIN, SENTINEL_PASSWORD))).toBe(true)
    })

    if (isEncrypted)
      test("are believed only with their certificate", async () => {
        expect(await tried(at(LOGIN, SENTINEL_PASSWORD, "stranger"))).toMatch(
          /^not connected: no Sentinel answers \([A-Z_]+\)$/,
        )
      })
  },
)
