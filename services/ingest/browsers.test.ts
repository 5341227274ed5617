import { describe, expect, test } from "vitest"
import { keyValue } from "../../shared/testing/write.ts"
import { noteTrace, traceOf } from "../../shared/tracing/context.ts"
import { problemOf } from "../testing/app.ts"
import { TOKEN } from "../testing/token.ts"
import { forBrowsers } from "./browsers.ts"
import { JSON_TYPE, setUp } from "./testing/app.ts"

const HERE = "https://shop.example"
const OTHERS = ["https://evil.example", "https://shop.example.evil", "http://shop.example", "null"]
const ORIGINS = `${HERE}, http://localhost:3000`
const WRITE = '{"key":"a","value":"b"}'
const TEXT = "text/plain;charset=UTF-8"

const corsOf = (headers: Headers) =>
  Object.fromEntries([...headers].filter(([name]) => /^access-control-|^vary$/.test(name)))

const preflight = (origin: string) => ({
  method: "OPTIONS",
  headers: {
    origin,
    "access-control-request-method": "POST",
    "access-control-request-headers": "content-type, idempotency-key",
  },
})

const EXPOSED = "location,retry-after,idempotency-replayed,preference-applied"
const HERE_ONLY = {
  "access-control-allow-origin": HERE,
  "access-control-expose-headers": EXPOSED,
  vary: "Origin",
}

describe("a preflight", () => {
  test.each([
    ["/write", "POST"],
    ["/write/events", "POST,DELETE"],
    ["/writes/events", "POST"],
    ["/health", "GET,HEAD"],
  ])("of an allowed origin hears at %s of %s", async (path, methods) => {
    const { status, headers, text } = await setUp({ origins: ORIGINS }).send(preflight(HERE), path)
    expect([status, text]).toEqual([204, ""])
    expect(corsOf(headers)).toEqual({
      ...HERE_ONLY,
      "access-control-allow-methods": methods,
      "access-control-allow-headers":
        "content-type,content-encoding,authorization,idempotency-key,prefer,traceparent,tracestate",
      "access-control-max-age": "7200",
      vary: "Origin, Access-Control-Request-Headers",
    })
  })

  test("needs no token, which a browser does not send with it", async () => {
    const token = { name: "WRITE_TOKEN", first: TOKEN } as const
    const { send } = setUp({ origins: ORIGINS, token })
    expect((await send(preflight(HERE))).status).toBe(204)
  })

  test.each([...OTHERS.map((origin) => [origin, ORIGINS]), [HERE, ""]])(
    "of %s is 405 where %j is allowed",
    async (origin, origins) => {
      const { status, headers } = await setUp({ origins }).send(preflight(origin))
      expect([status, headers.get("allow"), corsOf(headers)]).toEqual([405, "POST", {}])
    },
  )
})

describe("an answer", () => {
  test.each([HERE, "http://localhost:3000"])("can be read by %s", async (origin) => {
    const { post, writes } = setUp({ origins: ORIGINS })
    const { status, headers } = await post(WRITE, { ...JSON_TYPE, origin })
    expect([status, headers.get("location")]).toEqual([202, "/read/a?min_version=17"])
    expect(corsOf(headers)).toEqual({ ...HERE_ONLY, "access-control-allow-origin": origin })
    expect(writes).toEqual([keyValue("a", "b")])
  })

  test("can be read by all where all are allowed, and is the same for each of them", async () => {
    const { post } = setUp({ origins: "*" })
    for (const origin of [HERE, "null"]) {
      expect(corsOf((await post(WRITE, { ...JSON_TYPE, origin })).headers)).toEqual({
        "access-control-allow-origin": "*",
        "access-control-expose-headers": EXPOSED,
      })
    }
  })

  test("that is a problem can be read as well", async () => {
    const origin = HERE
    const refused = { refused: "queue-full", retryAfterSeconds: 7 } as const
    const token = { name: "WRITE_TOKEN", first: TOKEN } as const
    const origins = ORIGINS
    const error = () => Promise.reject(new Error("canary"))
    const answers = [
      await setUp({ origins }).post("{", { ...JSON_TYPE, origin }),
      await setUp({ origins }).send({ method: "PUT", headers: { origin } }),
      await setUp({ origins }).send({ headers: { origin } }, "/nothing"),
      await setUp({ origins, token }).post(WRITE, { ...JSON_TYPE, origin }),
      await setUp({ origins, outcome: refused }).post(WRITE, { ...JSON_TYPE, origin }),
      await setUp({ origins, put: error }).post(WRITE, { ...JSON_TYPE, origin }),
    ]
    expect(answers.map(({ status }) => status)).toEqual([400, 405, 404, 401, 503, 500])
    for (const { headers } of answers) expect(corsOf(headers)).toEqual(HERE_ONLY)
    expect(answers[4]?.headers.get("retry-after")).toBe("7")
  })

  test.each([...OTHERS.map((origin) => [origin, ORIGINS]), [HERE, ""]])(
    "to %s says nothing of it where %j is allowed",
    async (origin, origins) => {
      const { post } = setUp({ origins })
      const { status, headers } = await post(WRITE, { ...JSON_TYPE, origin })
      expect([status, corsOf(headers)]).toEqual([202, {}])
    },
  )

  test("to who is no browser says nothing of it", async () => {
    expect(corsOf((await setUp({ origins: "*" }).post(WRITE)).headers)).toEqual({})
  })
})

describe("a beacon", () => {
  test.each([TEXT, "text/plain; charset=utf-8"])("of type %s is taken", async (type) => {
    const { post, postAll, writes } = setUp({ origins: ORIGINS })
    const headers = { "content-type": type, origin: HERE }
    expect((await post(WRITE, headers)).status).toBe(202)
    expect((await postAll(`[${WRITE},${WRITE}]`, headers)).status).toBe(202)
    expect(writes).toHaveLength(3)
  })

  test("is taken for a table", async () => {
    const { send } = setUp({ origins: "*" })
    const body = '{"type":"click","payload":{},"at":"2026-11-25T10:00:00Z"}'
    const headers = { "content-type": TEXT, origin: HERE }
    expect((await send({ method: "POST", headers, body }, "/write/events")).status).toBe(202)
  })

  test("is in the trace of its request", async () => {
    const traces: Array<string | undefined> = []
    const app = {
      fetch: (request: Request) => {
        traces.push(traceOf(request))
        return new Response()
      },
    }
    for (const type of [TEXT, "application/json"]) {
      const headers = { origin: HERE, "content-type": type }
      const request = new Request("http://a/write", { method: "POST", headers, body: WRITE })
      noteTrace(request, "a trace")
      await forBrowsers(app, "*").fetch(request)
    }
    expect(traces).toEqual(["a trace", "a trace"])
  })

  test("is held to all that other writes are", async () => {
    const { post } = setUp({ origins: ORIGINS })
    const headers = { "content-type": TEXT, origin: HERE }
    expect((await post("key=a", headers)).body).toEqual(problemOf("malformed-body", 400))
    expect((await post(WRITE, { ...headers, "content-encoding": "gzip" })).status).toBe(415)
    const token = { name: "WRITE_TOKEN", first: TOKEN } as const
    expect((await setUp({ origins: "*", token }).post(WRITE, headers)).status).toBe(401)
  })

  test.each([
    ...OTHERS.map((origin) => ({ headers: { origin }, origins: ORIGINS })),
    { headers: { origin: HERE }, origins: "" },
    { headers: {}, origins: ORIGINS },
    { headers: {}, origins: "*" },
  ])("of $headers is 415 where $origins is allowed", async ({ headers, origins }) => {
    const { post, writes } = setUp({ origins })
    const answer = await post(WRITE, { "content-type": TEXT, ...headers })
    expect(answer.body).toEqual(problemOf("unsupported-media-type", 415))
    expect(writes).toEqual([])
  })

  test.each(["text/plain", "text/plain;charset=latin1", "application/x-www-form-urlencoded"])(
    "is not what a form sends: %s",
    async (type) => {
      const { post } = setUp({ origins: "*" })
      expect((await post(WRITE, { "content-type": type, origin: HERE })).status).toBe(415)
    },
  )
})
