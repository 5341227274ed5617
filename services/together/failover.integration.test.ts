/**
 * Redis fails over to a replica that lacks the last writes and whose clock is behind: what clients wrote
 * afterwards is what they read, although the worker had stored newer versions of the old master's.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type Directory, temporaryDirectory } from "../../scripts/servers/directory.ts"
import { nativeRedis } from "../../scripts/servers/redis.ts"
import { type Service, startService } from "../../scripts/servers/service.ts"
import type { client } from "../testing/client.ts"
import { hasCompiler, makeClock } from "../testing/clock.ts"
import { usePostgres } from "../testing/postgres.ts"
import { startProxy } from "../testing/proxy.ts"
import { openRedis } from "../testing/redis.ts"
import { startProcesses } from "../testing/stack.ts"
import { until } from "../testing/until.ts"

const BEHIND_SECONDS = 30

describe.runIf(hasCompiler && nativeRedis() !== null)("a failover of Redis", () => {
  const postgres = usePostgres()
  let directory: Directory
  const closing: Array<() => Promise<void>> = []
  const services: Service[] = []
  let proxy: Awaited<ReturnType<typeof startProxy>>
  let clients: ReturnType<typeof client>

  const start = async (name: string, aheadSeconds: number) => {
    const clock = makeClock(directory.path, name)
    clock.set(aheadSeconds)
    const settings = { "repl-diskless-sync-delay": "0" }
    const redis = await openRedis("native", { own: true, env: clock.env, settings })
    closing.push(redis.close)
    return redis
  }

  beforeAll(async () => {
    directory = await temporaryDirectory()
  })
  afterAll(async () => {
    await Promise.all(services.map((service) => service.stop()))
    proxy?.stop()
    await Promise.all(closing.map((close) => close()))
    await directory?.remove()
  })

  test("hides no accepted write behind an older row", async () => {
    const master = await start("master", BEHIND_SECONDS)
    const replica = await start("replica", 0)
    await replica.connection.replicaof("127.0.0.1", master.port)
    await until("the replica is in step", async () =>
      (await replica.connection.info("replication")).includes("master_link_status:up"),
    )
    proxy = await startProxy(master.port)
    const env = {
      DATABASE_URL: postgres().url,
      REDIS_URL: `redis://127.0.0.1:${proxy.port}`,
      WORKER_POLL_INTERVAL: "0.02",
    }
    const processes = await startProcesses(async (name) => {
      const service = await startService(name, { env })
      services.push(service)
      return service
    })
    clients = processes.client
    await clients.visible("key", await clients.write("key", "replicated"))

    await master.connection.wait(1, 5_000)
    await replica.connection.replicaof("127.0.0.1", 1)
    for (const value of ["lost 1", "lost 2", "lost 3"]) {
      await clients.visible("key", await clients.write("key", value))
    }
    await replica.connection.replicaof("NO", "ONE")
    proxy.lead(replica.port)
    await master.end("SIGKILL")

    const version = await until("a write is accepted", async () => {
      const response = await clients.post("key", "after")
      return response.status === 202 && ((await response.json()) as { version: number }).version
    })
    expect((await clients.visible("key", version)).value).toBe("after")
    const stats = await clients.drained()
    expect(stats.oldest_age_seconds).toBe(0)
    expect(stats.writes_queued).toBe(stats.writes_processed)
  })
})
