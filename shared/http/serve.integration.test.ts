import process from "node:process"
import { describe, expect, type TestContext, test, vi } from "vitest"
import { launch } from "../../scripts/servers/process.ts"
import { type ServiceOptions, startService } from "../../scripts/servers/service.ts"
import { openConnection, requestText } from "../../services/testing/connection.ts"
import { REDIS_KINDS, useRedis } from "../../services/testing/redis.ts"

const HTTP_SERVICES = ["ingest", "reader", "stats"] as const
const RUNTIMES = ["node", "deno"] as const

/** Where nothing listens; a service starts and stops all the same. */
const NOWHERE = { REDIS_URL: "redis://127.0.0.1:1", DATABASE_URL: "postgres://127.0.0.1:1/none" }

type Finish = Pick<TestContext, "onTestFinished">

/** A service that is stopped after the test. */
const start = async (
  { onTestFinished }: Finish,
  name: (typeof HTTP_SERVICES)[number],
  options: ServiceOptions = {},
) => {
  const service = await startService(name, { ...options, env: { ...NOWHERE, ...options.env } })
  onTestFinished(() => service.stop())
  return service
}

/** What a service prints that does not start. */
const failure = async (
  context: Finish,
  ...parameters: [(typeof HTTP_SERVICES)[number], object]
) => {
  const error: Error = await start(context, ...parameters).then(
    () => new Error("started"),
    (error) => error,
  )
  return error.message.split("\n").slice(1)
}

const CLEAN = { code: 0, signal: null }
const FAILED = { code: 1, signal: null }

describe.concurrent("a start", () => {
  test("reports every bad variable on a line of its own, and exits with 1", async (context) => {
    const foreign = { READER_PORT: "66000", BATCH_SIZE: "x" }
    const env = { QUEUE_MAX_DEPTH: "many", KEEP_ALIVE_SECONDS: "0", ...foreign }
    expect(await failure(context, "ingest", { env })).toEqual([
      expect.stringMatching(/^KEEP_ALIVE_SECONDS is "0"; allowed is .* seconds$/),
      expect.stringMatching(/^QUEUE_MAX_DEPTH is "many"; allowed is .*$/),
    ])
  })

  test.for([
    ["node", "PORT"],
    ["deno", "--port"],
  ] as const)(
    "on %s on a port in use says in one line to change %s",
    async ([runtime, variable], context) => {
      const { port } = await start(context, "reader")
      expect((await failure(context, "reader", { port, runtime })).at(-1)).toBe(
        `reader: port ${port} is in use; set ${variable} to another`,
      )
    },
  )

  test.for(RUNTIMES)(
    "on %s keeps idle connections open for KEEP_ALIVE_SECONDS",
    async (runtime, context) => {
      const env = { KEEP_ALIVE_SECONDS: "620" }
      const { port } = await start(context, "reader", { runtime, env })
      const connection = await openConnection(port)
      connection.send(requestText("GET /health HTTP/1.1"))
      expect((await connection.answers())[0]?.headers).toMatch(/^keep-alive: timeout=620$/im)
      connection.socket.destroy()
    },
  )

  test("prints one line with the URL, and before it why there is no queue", async (context) => {
    const service = await start(context, "stats")
    const lines = service
      .output()
      .split("\n")
      .map((line) => JSON.parse(line))
    expect(lines).toMatchObject([
      { level: "warn", message: "no queue" },
      {
        ...{ level: "info", service: "stats", message: "listening" },
        url: `http://localhost:${service.port}`,
      },
    ])
  })

  test("says why there is no database, before anybody reads", async (context) => {
    const service = await start(context, "reader")
    const line = /"message":"no database","reason":"PostgreSQL is not running, .*ECONNREFUSED/
    await vi.waitFor(() => expect(service.output()).toMatch(line))
  })
})

describe.concurrent.each(RUNTIMES)("a stop on %s", (runtime) => {
  test.for(HTTP_SERVICES)(
    "of %s is clean, also when no store ever answered",
    async (name, context) => {
      const service = await start(context, name, { runtime })
      expect((await fetch(`${service.url}/health`)).status).toBe(503)
      service.kill("SIGTERM")
      expect(await service.exited).toEqual(CLEAN)
      await vi.waitFor(() => expect(service.output()).toMatch(/"stopped"\}$/))
    },
  )

  test("is the same on Ctrl-C", async (context) => {
    const service = await start(context, "reader", { runtime })
    service.kill("SIGINT")
    expect(await service.exited).toEqual(CLEAN)
  })
})

describe("a process that is not in order", () => {
  test.concurrent.each([
    ["a rejection nobody handles", "Promise.reject(new TypeError('canary'))"],
    ["an error nobody catches", "setTimeout(() => { throw new TypeError('canary') })"],
  ])("exits with 1 after %s, and says where but not what", async (_, failure) => {
    const code = `import { serve } from "./shared/http/serve.ts"
      await serve("reader", () => ({ fetch: () => new Response(), close: async () => {} }))
      ${failure}`
    const child = await launch(process.execPath, ["--input-type=module", "--eval", code], {
      name: "reader",
      env: { ...process.env, PORT: "0" },
    })
    expect(await child.exited).toEqual(FAILED)
    // A last line may still be in the pipe when the exit is known.
    await vi.waitFor(() => expect(child.output()).toContain("crashed"))
    expect(JSON.parse(child.output().split("\n").at(-1) ?? "")).toMatchObject({
      ...{ level: "error", message: "crashed", name: "TypeError" },
      where: expect.stringContaining(":3:"),
    })
    expect(child.output()).not.toContain("canary")
  })
})

describe("a stop of ingest during an upload", () => {
  const redis = useRedis(REDIS_KINDS[0])

  const text = JSON.stringify({ key: "a", value: "b" })
  const head = requestText("POST /write HTTP/1.1", [
    "Content-Type: application/json",
    `Content-Length: ${text.length}`,
  ])

  /** A process with an upload that has begun, and a keep-alive connection that has nothing to do. */
  const setUp = async (context: Finish, runtime: (typeof RUNTIMES)[number]) => {
    const service = await start(context, "ingest", { runtime, env: { REDIS_URL: redis().url } })
    const idle = await openConnection(service.port)
    idle.send(requestText("GET /health HTTP/1.1"))
    await idle.answers()
    const [upload, other] = [await openConnection(service.port), await openConnection(service.port)]
    upload.send(head, text.slice(0, 5))
    other.send(head, text.slice(0, 5))
    // The bytes are there when a later request on another connection has been answered.
    await fetch(`${service.url}/health`)
    return { service, upload, other, idle }
  }

  describe.concurrent.each(RUNTIMES)("on %s", (runtime) => {
    test("closes what is idle, takes nothing new, and lets the upload finish", async (context) => {
      const { service, upload, other, idle } = await setUp(context, runtime)
      service.kill("SIGTERM")
      expect(await idle.end()).toHaveLength(1)
      await expect(fetch(service.url)).rejects.toThrow()
      // In one piece: between two, the connection would be idle for a moment, and closed.
      upload.send(text.slice(5) + requestText("GET /health HTTP/1.1"))
      other.send(text.slice(5) + requestText("GET /nowhere HTTP/1.1"))
      const answers = [...(await upload.end()), ...(await other.end())]
      expect(answers.map(({ status }) => status)).toEqual([202, 503, 202, 404])
      for (const { status, headers, body } of answers) {
        if (status === 503) expect(body).toContain("/problems/stopping")
        if (status !== 202) expect(headers).toMatch(/connection: close/i)
      }
      expect(await service.exited).toEqual(CLEAN)
    })

    test("exits at once at a second signal", async (context) => {
      const { service } = await setUp(context, runtime)
      service.kill("SIGTERM")
      await service.printed(/stopping/, 5_000)
      service.kill("SIGTERM")
      expect(await service.exited).toEqual(FAILED)
    })

    test("cuts an upload that does not end", async (context) => {
      const { service, upload } = await setUp(context, runtime)
      service.kill("SIGTERM")
      expect(await service.exited).toEqual(CLEAN)
      await upload.end()
    })
  })
})
