/** `npm run queue` against a stats service: what it says, what it asks, and how it ends. */
import { execFile } from "node:child_process"
import process from "node:process"
import { promisify } from "node:util"
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { REDIS_KINDS, useRedis } from "../../services/testing/redis.ts"
import { encodeDeadLetter, encodeWrite, makeItem } from "../../shared/item.ts"
import { queueKeys } from "../../shared/queue/keys.ts"
import { openQueue } from "../../shared/queue/queue.ts"
import type { Connection } from "../../shared/redis/redis.ts"
import { keyValue } from "../../shared/testing/write.ts"
import { type Service, startService } from "../servers/service.ts"

const ADMIN_TOKEN = "0123456789abcdef0123456789abcdef"
const KEYS = queueKeys("write_queue")

const server = useRedis(REDIS_KINDS[0])
let stats: Service
let redis: Connection

beforeAll(async () => {
  redis = server().connection
  stats = await startService("stats", {
    env: { ADMIN_TOKEN, REDIS_URL: server().url, QUEUE_ALERT_DEPTH: "2" },
  })
})
beforeEach(() => redis.flushdb())
afterAll(() => stats?.stop())

/** Runs the command without a terminal. */
const queue = (...parameters: string[]) => queueAt(stats.url, ...parameters)
const queueAt = async (STATS_URL: string, ...parameters: string[]) => {
  const run = promisify(execFile)(process.execPath, ["scripts/operations/main.ts", ...parameters], {
    env: { ...process.env, STATS_URL, ADMIN_TOKEN },
  })
  // Otherwise the command would have this process's own standard input.
  run.child.stdin?.end()
  return await run.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error) => error as { code: number; stdout: string; stderr: string },
  )
}
const json = async (...parameters: string[]) =>
  JSON.parse((await queue(...parameters, "--json")).stdout)

const bury = async (from: number, to: number, reason = "bad") => {
  const versions = Array.from({ length: to - from + 1 }, (_, index) => from + index)
  const letters = versions.map((version) =>
    encodeDeadLetter(
      makeItem(version, keyValue(`key:${version}`)),
      reason,
      null,
      "2026-11-22T10:00:00.000Z",
    ),
  )
  for (let at = 0; at < letters.length; at += 10_000) {
    await redis.lpush(KEYS.dead, ...letters.slice(at, at + 10_000))
  }
}
const enqueue = (value: string, writes = 1) =>
  openQueue(redis, KEYS.waiting).enqueue({
    most: 1_000,
    isFirst: false,
    writes: Array.from({ length: writes }, (_, index) =>
      encodeWrite(keyValue(`key ${index}`, value)),
    ),
  })

describe("npm run queue", () => {
  test("says how much waits, and whether it is paused or held", async () => {
    await enqueue("v", 3)
    expect((await queue("pause")).stdout).toMatch(/paused\s+yes/)
    const worker = { worker: "w", lease: 60_000, hold: "no table", most: 10, ids: [] }
    await openQueue(redis, KEYS.waiting).heartbeat(worker)
    const { stdout } = await queue("depth")
    expect(stdout).toMatch(/queue_depth\s+3\n/)
    expect(stdout).toMatch(/paused\s+yes\n/)
    expect(stdout).toMatch(/held\s+no table\n/)
    expect(stdout).toMatch(/warnings\s.*3 writes wait: more than 2\./)
    expect((await queue("resume")).stdout).toMatch(/paused\s+no/)
  })

  test("cuts long values in its tables, and not in JSON", async () => {
    const value = "x".repeat(60_000)
    await enqueue(value)
    const { stdout } = await queue("peek")
    expect(stdout.length).toBeLessThan(1_000)
    expect(stdout).toContain("… (60,000)")
    expect((await json("peek")).queue[0]).toMatchObject({ value })
  })

  test("purges no more than was confirmed", async () => {
    await enqueue("v", 11)
    expect((await queue("purge", "--confirm", "1")).stdout).toMatch(/purged\s+1\n/)
    expect(await redis.llen(KEYS.waiting)).toBe(10)
    expect(await json("purge", "--confirm", "10")).toMatchObject({ success: true, purged: 10 })
  })

  test("shows dead letters, those of a filter, and how many died for which reason", async () => {
    expect((await queue("dead")).stdout).toContain("none")
    await bury(1, 3)
    await bury(4, 4, "worse")
    const { stdout } = await queue("dead", "--reason", "worse")
    expect(stdout).toContain("key:4")
    expect(stdout).not.toContain("key:3")
    expect((await json("dead", "--key", "ey:2")).dead).toMatchObject([{ version: 2 }])
    expect((await json("reasons")).reasons).toEqual([
      { reason: "bad", writes: 3 },
      { reason: "worse", writes: 1 },
    ])
  })

  test("takes as many of all as were confirmed, the oldest ones, and nothing unasked", async () => {
    await bury(1, 5)
    await bury(6, 6, "worse")
    const unasked = await queue("discard", "--all")
    expect(unasked.code).toBe(1)
    expect(unasked.stderr).toContain(
      "6 dead letters stand: --confirm says how many of them you saw",
    )
    const fewer = await queue("discard", "--all", "--reason", "worse", "--confirm", "2")
    expect([fewer.code, fewer.stderr]).toEqual([
      1,
      expect.stringContaining("1 dead letter stands now, not 2:"),
    ])
    expect((await queue("discard", "--all", "--confirm", "4")).stdout).toMatch(/discarded\s+4\n/)
    expect((await json("dead")).dead).toMatchObject([{ version: 5 }, { version: 6 }])
    expect(await json("replay", "--all", "--confirm", "2")).toMatchObject({ replayed: 2 })
    expect(await json("replay", "--all")).toMatchObject({ replayed: 0 })
  })

  test("shows a reason as --reason takes it, however long, and fails when none has it", async () => {
    const reason = `violates check constraint "${"x".repeat(60)}" of key_values (SQLSTATE 23514)`
    await bury(1, 1_000, reason)
    await bury(1_001, 1_001, "it's \u001b[2J")
    const { stdout } = await queue("reasons")
    expect(stdout).toContain(`\n1,000  ${reason}\n    1  it's \\u{1b}[2J\n`)
    const none = await queue("replay", "--all", "--reason", reason.slice(0, 60), "--confirm", "9")
    expect(none).toMatchObject({
      ...{ code: 1, stdout: "", stderr: "queue: no dead letter has this reason\n" },
    })
    expect((await queue("discard", "--all", "--reason", reason, "--key", "z")).stderr).toBe(
      "queue: no dead letter has this reason and key\n",
    )
  })

  test("moves nothing when the filter is empty, or of other options than versions take", async () => {
    await bury(1, 3)
    for (const wrong of [
      ["discard", "--all", "--reason", "", "--confirm", "3"],
      ["replay", "--all", "--key", "", "--confirm", "3"],
      ["discard", "1", "--reason", "worse"],
    ]) {
      const { code, stdout, stderr } = await queue(...wrong)
      expect([code, stdout]).toEqual([1, ""])
      expect(stderr).toContain("npm run queue")
    }
    expect(await redis.llen(KEYS.dead)).toBe(3)
  })

  test("says which version no dead letter has, and ends with 1", async () => {
    await bury(7, 7)
    const { code, stdout, stderr } = await queue("replay", "7", "12")
    expect(stdout).toMatch(/replayed\s+1\n/)
    expect([code, stderr]).toEqual([1, "queue: there is no dead letter 12\n"])
    expect(await queue("discard", "abc")).toMatchObject({ code: 1 })
  })

  test("shows, replays and discards dead letters of one table", async () => {
    await bury(1, 2)
    const row = { type: "click", payload: {}, at: "2026-11-22T00:00:00.000Z" }
    const rest = { reason: "bad", sqlstate: null, at: row.at }
    for (const version of [3, 4]) {
      await redis.lpush(KEYS.dead, JSON.stringify({ version, table: "events", row, ...rest }))
    }
    const { stdout } = await queue("dead", "--table", "events")
    expect(stdout).toMatch(/ 3 +│ 'events' +│ '–' +│ '\{"type":"click"/)
    expect(stdout).not.toContain("key:1")
    expect((await json("reasons", "--table", "events")).reasons).toMatchObject([{ writes: 2 }])
    const one = ["--all", "--table", "events", "--confirm", "1"]
    expect(await json("replay", ...one)).toMatchObject({ replayed: 1 })
    expect((await queue("peek")).stdout).toMatch(/ 3 +│ 'events'/)
    expect(await json("discard", ...one)).toMatchObject({ discarded: 1 })
    expect((await queue("discard", ...one)).stderr).toContain("no dead letter has this table")
    expect((await json("dead")).dead).toMatchObject([{ version: 1 }, { version: 2 }])
  })

  test("replays 120,000 dead letters", async () => {
    await bury(1, 120_000)
    expect(await json("replay", "--all", "--confirm", "120000")).toMatchObject({
      replayed: 120_000,
    })
    expect(await redis.llen(KEYS.waiting)).toBe(120_000)
  })

  test.each([
    ["localhost:8008", /STATS_URL is an address like http:/],
    ["ftp://localhost/", /STATS_URL is an address like http:/],
    ["http://[", /STATS_URL is an address like http:/],
    ["http://canary:canary@localhost:8008", /STATS_URL has a user or a password/],
  ])("says what is wrong with the address %s", async (address, line) => {
    const { code, stderr } = await queueAt(address, "depth")
    expect([code, stderr.split("\n")]).toEqual([1, [expect.stringMatching(line), ""]])
    expect(stderr).not.toContain("canary")
  })

  test("says how it is done, and what it needs to know", async () => {
    const { code, stdout } = await queue("--help")
    expect([code, stdout]).toEqual([0, expect.stringContaining("npm run queue")])
    for (const name of ["ADMIN_TOKEN", "STATS_URL"]) expect(stdout).toContain(name)
    for (const wrong of [[], ["dance"], ["replay"], ["purge"], ["dead", "--nothing"]]) {
      const refused = await queue(...wrong)
      expect(refused.code).toBe(1)
      expect(refused.stderr).toContain("npm run queue")
    }
  })

  test("changes the number of shards, and shows each", async () => {
    expect((await queue("shards")).stdout).toMatch(/^current\s+1\n$/)
    const changed = await queue("shards", "2")
    expect(changed.stdout).toMatch(/from\s+1\nshards\s+2\n/)
    const { current, shards } = await json("shards")
    expect([current, shards.length]).toEqual([2, 3])
    const { stdout } = await queue("shards")
    expect(stdout).toContain("write_queue")
    expect(stdout).toMatch(/current\s+2\n/)
    expect((await queue("depth")).stdout).toMatch(/oldest_age_seconds/)
    const wrong = await queue("shards", "none")
    expect([wrong.code, wrong.stderr]).toEqual([
      ...[1, expect.stringContaining("none is no number of shards")],
    ])
    const refused = await queue("shards", "2000")
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("1 to 1024")])
  })
})
