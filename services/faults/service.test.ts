/**
 * The faults of reader, stats and their stores (reliability 4.5): what a client hears while one of them is
 * away is true, comes in time, and ends by itself.
 */
import { expect, test } from "vitest"
import type { Sent } from "../testing/sent.ts"
import { LEASE_MILLIS } from "../testing/stack.ts"
import { until } from "../testing/until.ts"
import { faults, useFaultStack } from "./testing/stack.ts"

const HEALTH_LIMIT_MILLIS = 2_500
const READ_LIMIT_MILLIS = 3_500
const RECOVERED_LIMIT_MILLIS = 5_000

faults("reader and stats", () => {
  const stack = useFaultStack()
  const stored = async (): Promise<Sent> => {
    const [write] = await stack().oracle.once("read", 1)
    await stack().client.visible(write?.key as string, write?.version as number)
    return write as Sent
  }
  const timed = async <A>(call: () => Promise<A>) => {
    const begin = performance.now()
    const answer = await call()
    return { answer, millis: performance.now() - begin }
  }

  test.each(["reader", "stats"] as const)(
    "%s killed and started: it answers again",
    async (name) => {
      const { client } = stack()
      const { key } = await stored()
      await stack()[name].end("SIGKILL")
      await stack()[name].start()
      expect((await client.read(key)).status).toBe(200)
      expect((await client.health()).code).toBe(200)
    },
  )

  test.each(["reader", "stats"] as const)(
    "%s told to stop under load: it exits with 0, and cuts no answer short",
    async (name) => {
      const { key } = await stored()
      const path = name === "reader" ? `/read/${encodeURIComponent(key)}` : "/stats"
      const member = stack()[name]
      let isStopped = false
      const asking = Promise.all(
        Array.from({ length: 8 }, async () => {
          const answers: number[] = []
          while (!isStopped) {
            const response = await fetch(member.url + path).catch(() => null)
            // An answer that has begun is whole; no answer at all is a connection that was refused.
            if (response) answers.push(response.status, ((await response.json()) as object) && 0)
            else break
          }
          return answers
        }),
      )
      await until("asked", async () => (await fetch(member.url + path)).ok)
      expect(await member.end("SIGTERM")).toEqual({ code: 0, signal: null })
      isStopped = true
      expect(new Set((await asking).flat())).toEqual(new Set([200, 0]))
    },
  )

  test.each(["reader", "stats"] as const)(
    "%s frozen, then let go: clients hear it then",
    async (name) => {
      const { client } = stack()
      const { key } = await stored()
      const member = stack()[name]
      member.signal("SIGSTOP")
      const asking = name === "reader" ? client.read(key) : client.health()
      await new Promise((resume) => setTimeout(resume, LEASE_MILLIS))
      member.signal("SIGCONT")
      await asking
      await until("well", async () => (await client.health()).code === 200)
      expect((await client.read(key)).status).toBe(200)
    },
  )

  test("PostgreSQL down: reads are 503 with Retry-After, never 404, and the figures stay", async () => {
    const { client, down, up, reader } = stack()
    const { key } = await stored()
    await down("postgres", "SIGKILL")
    for (const path of [encodeURIComponent(key), "nobody"]) {
      const { answer, millis } = await timed(() => fetch(`${reader.url}/read/${path}`))
      expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"])
      expect(millis).toBeLessThan(READ_LIMIT_MILLIS)
    }
    expect((await client.stats()).writes_processed).toBeGreaterThan(0)
    const { answer, millis } = await timed(client.health)
    expect(answer).toMatchObject({ code: 503, redis: "up", postgres: "down" })
    expect(millis).toBeLessThan(HEALTH_LIMIT_MILLIS)
    await up("postgres")
    await until(
      "read again",
      async () => (await client.read(key)).status === 200,
      RECOVERED_LIMIT_MILLIS,
    )
    expect((await client.read("nobody")).status).toBe(404)
  })

  test.each([
    ["down", () => stack().down("redis", "SIGKILL")],
    ["silent", async () => stack().stats.redis.silence()],
  ])(
    "Redis %s: reads go on, figures are 503, health names the part, all in time",
    async (_, begin) => {
      const { client, stats } = stack()
      const { key } = await stored()
      await begin()
      expect((await client.read(key)).status).toBe(200)
      const figures = await timed(() => fetch(`${stats.url}/stats`))
      expect(figures.answer.status).toBe(503)
      expect(figures.answer.headers.get("retry-after")).toBe("1")
      const health = await timed(client.health)
      expect(health.answer).toMatchObject({ code: 503, redis: "down", postgres: "up" })
      expect(Math.max(figures.millis, health.millis)).toBeLessThan(HEALTH_LIMIT_MILLIS)
      await stack().heal()
      await until(
        "figures again",
        async () => (await fetch(`${stats.url}/stats`)).ok,
        RECOVERED_LIMIT_MILLIS,
      )
    },
  )
})
