import { describe, expect, test } from "vitest"
import { readBody } from "./body.ts"

const MAX_BYTES = 100
const JSON_TYPE = { "content-type": "application/json" }

const read = (body: BodyInit | null, headers: Record<string, string> = JSON_TYPE) =>
  readBody(
    new Request("http://localhost/write", {
      method: "POST",
      headers,
      body,
      ...{ duplex: "half" },
    }),
    MAX_BYTES,
  )

/** With the length that a client announces; a Request of ours has none. */
const announced = (body: string | Uint8Array<ArrayBuffer>, length = body.length) =>
  read(body, { ...JSON_TYPE, "content-length": String(length) })

const bytes = (...parts: ReadonlyArray<string | ReadonlyArray<number>>) =>
  new Uint8Array(
    parts.flatMap((part) => [
      ...(typeof part === "string" ? new TextEncoder().encode(part) : part),
    ]),
  )

/** The status, the name of the problem, and the headers of a refusal. */
const refusal = async (answer: Awaited<ReturnType<typeof read>>) => {
  if (!(answer instanceof Response)) throw new Error("accepted")
  const { type, success } = (await answer.json()) as { type: string; success: boolean }
  expect(success).toBe(false)
  return { is: `${answer.status} ${type}`, headers: answer.headers }
}

const streamOf = (chunks: Iterable<Uint8Array>) => {
  const iterator = chunks[Symbol.iterator]()
  return new ReadableStream<Uint8Array>({
    pull: (controller) => {
      const { done, value } = iterator.next()
      if (done) controller.close()
      else controller.enqueue(value)
    },
  })
}

describe("a body", () => {
  test.each([
    ...["application/json", "Application/JSON", "application/json; charset=utf-8"],
    ...[
      'application/json;charset="UTF-8"',
      "application/json;",
      "application/json ; charset=utf-8",
      "application/json; charset=utf8",
    ],
    ...[
      "application/json;charset=UTF-8; profile=x",
      "application/json; a=b",
      "application/json; v",
    ],
    ...['application/json; profile="a;charset=latin1"', "application/json; charset="],
  ])("may be declared as %s", async (type) => {
    expect(await read("[1]", { "content-type": type })).toEqual({ json: [1] })
  })

  test("may name its coding when it has none", async () => {
    expect(await read("[1]", { ...JSON_TYPE, "content-encoding": "identity" })).toEqual({
      json: [1],
    })
  })

  test("may begin with a byte order mark", async () => {
    expect(await read(bytes([0xef, 0xbb, 0xbf], "[1]"))).toEqual({ json: [1] })
  })

  test("may come in pieces, cut inside of a character", async () => {
    const pieces = [...bytes('"ä🗝"')].map((byte) => new Uint8Array([byte]))
    expect(await read(streamOf(pieces))).toEqual({ json: "ä🗝" })
  })

  test.each([["announced", announced] as const, ["not announced", read] as const])(
    "may have the largest size, %s, and not a byte more",
    async (_, send) => {
      const text = "x".repeat(MAX_BYTES - 2)
      expect(await send(JSON.stringify(text))).toEqual({ json: text })
      const { is } = await refusal(await send(JSON.stringify(`${text}x`)))
      expect(is).toBe("413 /problems/body-too-large")
    },
  )
})

describe("a refusal", () => {
  test.each([
    ...["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"],
    ...["application/json; charset=utf-16", "application/json, text/plain", "application/jsonx"],
    ...["application/problem+json", "text/json", "application/json; charset=none", "json"],
    ...["application/json; profile=x; charset=latin1", "application/json; charset=us-ascii"],
  ])("meets the media type %j", async (type) => {
    const { is, headers } = await refusal(await read(bytes("[1]"), { "content-type": type }))
    expect(is).toBe("415 /problems/unsupported-media-type")
    expect(headers.get("accept")).toBe("application/json")
  })

  test("meets a body without a media type", async () => {
    const { is } = await refusal(await read(bytes("[1]"), {}))
    expect(is).toBe("415 /problems/unsupported-media-type")
  })

  test.each(["gzip", "br", "zstd", "deflate, gzip"])("meets the coding %s", async (coding) => {
    const answer = await read("[1]", { ...JSON_TYPE, "content-encoding": coding })
    const { is, headers } = await refusal(answer)
    expect(is).toBe("415 /problems/unsupported-encoding")
    expect(headers.get("accept-encoding")).toBe("identity")
  })

  test("comes before the length is looked at when the media type is wrong", async () => {
    const headers = { "content-type": "text/plain", "content-length": String(MAX_BYTES + 1) }
    expect((await refusal(await read("[1]", headers))).is).toContain("415")
  })

  test("comes before a byte is read when too large a length is announced", async () => {
    const request = new Request("http://localhost/write", {
      method: "POST",
      headers: { ...JSON_TYPE, "content-length": String(MAX_BYTES + 1) },
      body: "[1]",
    })
    const { is, headers } = await refusal(
      (await readBody(request, MAX_BYTES)) as Awaited<ReturnType<typeof read>>,
    )
    expect(is).toBe("413 /problems/body-too-large")
    expect(headers.get("connection")).toBe("close")
    expect(request.bodyUsed).toBe(false)
  })

  test("comes as soon as there are too many bytes when no length is announced", async () => {
    let pulled = 0
    const endless = (function* () {
      for (;;) {
        pulled += 1
        yield bytes("x".repeat(10))
      }
    })()
    const { is } = await refusal(await read(streamOf(endless)))
    expect(is).toBe("413 /problems/body-too-large")
    expect(pulled).toBeLessThan(MAX_BYTES / 10 + 4)
  })

  test("is not fooled by a length that is too small", async () => {
    const { is } = await refusal(await announced("x".repeat(MAX_BYTES + 1), 1))
    expect(is).toBe("413 /problems/body-too-large")
  })

  test.each([
    ["nothing", ""],
    ["half an object", '{"key":"a","val'],
    ["two values", "{}{}"],
    ["NaN", '{"key":NaN}'],
    ["bytes that are no UTF-8", bytes('"', [0xff, 0xfe], '"')],
    ["an overlong encoding", bytes('"', [0xc0, 0xaf], '"')],
    ["a surrogate encoded as UTF-8", bytes('"', [0xed, 0xa0, 0x80], '"')],
    ["a character cut off", bytes('"', [0xf0, 0x9f], '"')],
    ["UTF-16", bytes([0xff, 0xfe, 0x7b, 0, 0x7d, 0])],
  ])("meets %s", async (_, body) => {
    expect((await refusal(await announced(body))).is).toBe("400 /problems/malformed-body")
    expect((await refusal(await read(body))).is).toBe("400 /problems/malformed-body")
  })

  test("meets what is not there", async () => {
    expect((await refusal(await read(null))).is).toBe("400 /problems/malformed-body")
  })

  test("meets a body whose sender goes away", async () => {
    const aborted = new ReadableStream({
      pull: (controller) => controller.error(new Error("aborted")),
    })
    expect((await refusal(await read(aborted))).is).toBe("400 /problems/malformed-body")
  })
})
