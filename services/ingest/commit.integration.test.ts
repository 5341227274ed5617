import { randomUUID } from "node:crypto"
import { describe, expect, test } from "vitest"
import { DEFAULT_TABLE } from "../../shared/item.ts"
import { sampleWrite } from "../../shared/table/sample.ts"
import { useRedis } from "../testing/redis.ts"
import { makeCommits } from "./commit.ts"
import type { Outcomes } from "./outcome.ts"
import { makePut } from "./queue.ts"
import { shardOn } from "./testing/shards.ts"

const server = useRedis("native")

const DATABASE = "1/write_buffer/public"
const CLAIM = { most: 100, mostBytes: 1_000_000, lease: 60_000, database: DATABASE }
const LONG = 10_000
const SHORT = 40

const open = async () => {
  const { connection } = server()
  const shards = shardOn(connection, `commit-${randomUUID()}`)
  const { queue } = shards
  const put = makePut(shards, { maxDepth: 1_000, onceSeconds: 60 }, () => {})
  await queue.seed({ highest: 0, database: DATABASE })
  let looks = 0
  const looked: Outcomes = {
    outcomes: (versions) => {
      looks += 1
      return queue.outcomes(versions)
    },
  }
  const { commits: commitsOf } = makeCommits()
  const commits = (version: number, millis: number, signal?: AbortSignal) =>
    commitsOf({ version, depth: 1, queue: looked }, millis, signal)
  /** Puts writes of these keys, all awaited; their versions. */
  const awaited = async (...keys: ReadonlyArray<string>) =>
    await Promise.all(
      keys.map(async (key) => {
        const outcome = await put(sampleWrite(DEFAULT_TABLE, 1, key), {
          isAwaited: true,
          key: null,
        })
        if (!("version" in outcome)) throw new Error(outcome.refused)
        return outcome.version
      }),
    )
  const end = (id: string, letters: ReadonlyArray<string> = []) =>
    queue.acknowledge({ id, closing: "Asked", coalesced: 0, letters })
  return { queue, put, commits, awaited, end, connection, looks: () => looks }
}

describe("a commit that is waited for", () => {
  test("is known once its batch is acknowledged, and not before", async () => {
    const { queue, commits, awaited, end } = await open()
    const [version = 0] = await awaited("a")
    await queue.claim({ ...CLAIM, id: "1" })
    expect(await commits(version, SHORT)).toBeNull()
    const waiting = commits(version, LONG)
    await end("1")
    expect(await waiting).toBe("committed")
    // Who asks again, after a reply that was lost, is told the same.
    expect(await commits(version, SHORT)).toBe("committed")
  })

  test("is a reason for the write that died, and none for its neighbours", async () => {
    const { queue, commits, awaited, end } = await open()
    const [good = 0, bad = 0] = await awaited("good", "bad")
    await queue.claim({ ...CLAIM, id: "1" })
    const letter = { version: bad, key: "bad", value: "v", reason: "violates x", sqlstate: "23514" }
    await end("1", [JSON.stringify({ ...letter, at: "2026-11-25T00:00:00.000Z" })])
    expect(await Promise.all([commits(good, LONG), commits(bad, LONG)])).toEqual([
      "committed",
      { reason: "violates x", sqlstate: "23514" },
    ])
  })

  test("is told by whichever worker ends the batch, after the first went silent", async () => {
    const { queue, commits, awaited, end, connection } = await open()
    const [version = 0] = await awaited("a")
    await queue.claim({ ...CLAIM, id: "1" })
    await connection.zadd(queue.keys.leases, 1, "1")
    await queue.recover({ id: "1" })
    const waiting = commits(version, LONG)
    await queue.claim({ ...CLAIM, id: "2" })
    await end("1")
    await end("2")
    expect(await waiting).toBe("committed")
  })

  test("is waited for no longer when the client has left", async () => {
    const { commits, awaited } = await open()
    const [version = 0] = await awaited("a")
    const leaving = new AbortController()
    const waiting = commits(version, LONG, leaving.signal)
    leaving.abort()
    expect(await Promise.race([waiting, commits(version, SHORT).then(() => "too long")])).toBeNull()
  })

  test("closes the window of the write at once, and of no other", async () => {
    const { queue, put, awaited, end } = await open()
    await put(sampleWrite(DEFAULT_TABLE, 1, "quiet"))
    expect((await queue.look({})).asked).toBe(false)
    await awaited("a")
    expect((await queue.look({})).asked).toBe(true)
    await queue.claim({ ...CLAIM, id: "1" })
    await put(sampleWrite(DEFAULT_TABLE, 1, "later"))
    expect((await queue.look({})).asked).toBe(false)
    await end("1")
  })

  test("leaves nothing where nobody waited, and little for a minute where somebody did", async () => {
    const { queue, put, awaited, end, connection } = await open()
    await put(sampleWrite(DEFAULT_TABLE, 1, "a"))
    await queue.claim({ ...CLAIM, id: "1" })
    await end("1")
    expect(await connection.keys(`${queue.keys.outcomePrefix}*`)).toEqual([])
    const [version = 0] = await awaited("b")
    await queue.claim({ ...CLAIM, id: "2" })
    await end("2")
    expect(await connection.exists(queue.keys.asked)).toBe(0)
    expect(await connection.ttl(queue.keys.outcomePrefix + version)).toBeLessThanOrEqual(60)
  })

  test("is forgotten by a heartbeat when nobody can wait for it any more", async () => {
    const { queue, awaited, connection } = await open()
    const [version = 0] = await awaited("a")
    await connection.zadd(queue.keys.asked, version - 61_000_000, String(version))
    await awaited("b")
    await queue.heartbeat({ worker: "w", lease: 60_000, hold: "", most: 10, ids: [] })
    expect(await connection.zcard(queue.keys.asked)).toBe(1)
  })

  test("of a thousand clients costs a look a tick, and less the longer they wait", async () => {
    const { queue, commits, awaited, end, looks } = await open()
    const versions = await awaited(...Array.from({ length: 1_000 }, (_, number) => `key ${number}`))
    const waiting = versions.map((version) => commits(version, LONG))
    await expect.poll(looks).toBeGreaterThan(20)
    let id = 0
    while ((await queue.claim({ ...CLAIM, id: String(++id) }))?.items.length) await end(String(id))
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(["committed"]))
    expect(looks()).toBeLessThan(1_000)
  })
})
