/** REDIS_REPLICAS with a replica that is there, frozen, and back. */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { useRedis } from "../testing/redis.ts"
import { until } from "../testing/until.ts"
import { openIngest } from "./testing/ingest.ts"

/** A client has its answer before the deadline of a command. */
const ANSWER_LIMIT_MILLIS = 1_000

const settings = { "repl-diskless-sync-delay": "0" }

describe("a write that a replica has to have", () => {
  const master = useRedis("native", { own: true, settings })
  const replica = useRedis("native", { own: true, settings })
  let ingest: Awaited<ReturnType<typeof openIngest>>

  const isReplicated = async () => (await master().connection.wait(1, 1_000)) === 1
  const unknown = expect.objectContaining({ type: "/problems/outcome-unknown" })
  const count = () => master().connection.llen("write_queue")

  /** For the time of this number. */
  const isConnected = (time: number) =>
    until("there is a connection", async () => {
      const { link, status } = ingest.shards.home.redis
      return link.connections === time && status === "ready"
    })

  beforeAll(async () => {
    await replica().connection.replicaof("127.0.0.1", master().port)
  })
  beforeEach(async () => {
    await master().connection.flushall()
    await until("the replica follows", isReplicated)
    ingest = await openIngest({ url: master().url, replicas: 1 })
  })
  afterEach(() => {
    replica().kill("SIGCONT")
    ingest.close()
  })

  test("is accepted when it has it", async () => {
    for (let number = 1; number <= 20; number += 1) {
      expect((await ingest.post("a")).body.queue_depth).toBe(number)
    }
    expect(await replica().connection.llen("write_queue")).toBe(20)
  })

  test("is of unknown outcome when it has not, in time, and on another connection afterwards", async () => {
    await ingest.post("a")
    replica().kill("SIGSTOP")
    const began = performance.now()
    const { status, body } = await ingest.post("b")
    expect(performance.now() - began).toBeLessThan(ANSWER_LIMIT_MILLIS)
    expect([status, body]).toEqual([503, unknown])
    expect(ingest.reported).toEqual([["too few replicas", 1]])
    await isConnected(2)
    expect(await ingest.health()).toEqual({
      ...{ code: 503, status: "unhealthy", redis: "up", reason: "too few replicas" },
    })
    replica().kill("SIGCONT")
    await until("it is accepted again", async () => (await ingest.post("c")).status === 202)
    expect(await replica().connection.llen("write_queue")).toBe(await count())
  })

  test("is no more certain when it is repeated on a new connection", async () => {
    await ingest.post("a")
    replica().kill("SIGSTOP")
    const post = () => ingest.post("b", { "idempotency-key": "k" })
    expect((await post()).body).toEqual(unknown)
    await isConnected(2)
    expect((await post()).body).toEqual(unknown)
    replica().kill("SIGCONT")
    const answer = await until("it is accepted", async () => {
      const found = await post()
      return found.status === 202 && found
    })
    expect(answer.headers.get("idempotency-replayed")).toBe("true")
    expect(await count()).toBe(2)
  })

  test("is refused as ever by a Redis that refuses", async () => {
    await master().connection.config("SET", "maxmemory", "1")
    const { body } = await ingest.post("a")
    await master().connection.config("SET", "maxmemory", "0")
    expect(body).toMatchObject({ type: "/problems/queue-full" })
  })

  test("costs nothing where none has to", async () => {
    const other = await openIngest({ url: master().url })
    await master().connection.config("RESETSTAT")
    expect((await other.post("a")).status).toBe(202)
    expect(await master().connection.info("commandstats")).not.toContain("cmdstat_wait")
    other.close()
  })
})
