/** The four processes with a Redis that a cluster or Sentinels lead to, through the loss of its master. */
import { describe, expect, onTestFinished, test } from "vitest"
import { nativeRedis } from "../../scripts/servers/redis.ts"
import { type Runtime, type ServiceName, startService } from "../../scripts/servers/service.ts"
import { useCluster } from "../testing/cluster.ts"
import { usePostgres } from "../testing/postgres.ts"
import { useSentinels } from "../testing/sentinel.ts"
import { startProcesses } from "../testing/stack.ts"
import { until } from "../testing/until.ts"

const database = usePostgres()

/** The processes, with a queue of the name; ended after the test. */
const start = async (url: string, runtime: Runtime, queue: string) => {
  const env = {
    ...{ REDIS_URL: url, DATABASE_URL: database().url, WRITE_QUEUE_NAME: queue, LOG_LEVEL: "info" },
    ...{ LEASE_SECONDS: "1.5", WORKER_PORT: "0" },
  }
  const start = async (name: ServiceName) => {
    const service = await startService(name, { env, runtime })
    onTestFinished(() => service.stop())
    return service
  }
  return (await startProcesses(start)).client
}

type Client = Awaited<ReturnType<typeof start>>

const flows = async (client: Client, key: string) => {
  const version = await client.write(key, "v")
  expect(await client.visible(key, version)).toMatchObject({ value: "v" })
  await client.drained()
  await until("it is well", async () => (await client.health()).status === "healthy")
  expect(await client.health()).toMatchObject({ durability: "aof-always", worker_active: true })
}

const goesOn = async (client: Client, key: string) => {
  await until("a write is taken", async () => (await client.post(key, "taken")).status === 202)
  await until("it is in the table", async () => (await client.read(key)).status === 200)
  const { writes_queued, writes_processed } = await client.drained()
  expect(writes_processed).toBe(writes_queued)
}

describe.runIf(nativeRedis() !== null)("the flow", () => {
  const cluster = useCluster({ replicas: true })
  const sentinels = useSentinels()

  test.each(["node", "deno"] as const)("through a cluster, on %s", async (runtime) => {
    const queue = `queue_${runtime}`
    const client = await start(cluster().url(), runtime, queue)
    await flows(client, `cluster ${runtime}`)
    const slot = await cluster().slotOf(queue)
    const master = await cluster().ownerOf(slot)
    await master?.end("SIGKILL")
    await goesOn(client, `cluster ${runtime} after`)
    await master?.start()
  })

  test.each(["node", "deno"] as const)("through Sentinels, on %s", async (runtime) => {
    const client = await start(sentinels().url(), runtime, `queue_${runtime}`)
    await flows(client, `sentinel ${runtime}`)
    const master = await until("a master", async () => (await sentinels().masterNow()) ?? undefined)
    await master.end("SIGKILL")
    await goesOn(client, `sentinel ${runtime} after`)
  })
})
