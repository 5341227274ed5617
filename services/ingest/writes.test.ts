import { gzipSync } from "node:zlib"
import { describe, expect, test } from "vitest"
import { TABLES } from "../../shared/tables.ts"
import { keyValue, rowOf } from "../../shared/testing/write.ts"
import { problemOf } from "../testing/app.ts"
import { until } from "../testing/until.ts"
import type { Commits } from "./commit.ts"
import type { Queued } from "./outcome.ts"
import { JSON_TYPE, LINES_TYPE, setUp } from "./testing/app.ts"
import { EVENT, GZIP, lines, many, ROWS } from "./testing/rows.ts"

const WRITES = ROWS.map(({ key, value }) => keyValue(key, value))

/** A body in pieces of so many bytes. */
const inPieces = (whole: string | Buffer, bytes: number) => {
  const all = new Uint8Array(Buffer.from(whole))
  let at = 0
  return new ReadableStream({
    pull: (controller) => {
      if (at >= all.length) return controller.close()
      controller.enqueue(all.slice(at, at + bytes))
      at += bytes
    },
  })
}

/** Versions as Redis gives them. */
const counting = () => {
  let version = 0
  return { put: async () => ({ version: ++version, depth: 10 + version }) }
}

describe("many writes", () => {
  test("are answered with the versions of the first and the last, and the depth", async () => {
    const { status, headers, body } = await setUp(counting()).postAll(lines(ROWS))
    expect(status).toBe(202)
    expect(headers.get("location")).toBeNull()
    expect(body).toEqual({
      ...{ success: true, queued: 2, queue_depth: 12, first_version: 1, last_version: 2 },
    })
  })

  test.each([
    ["lines", lines(ROWS), {}],
    ["lines without the last line's end", lines(ROWS).trimEnd(), {}],
    ["lines that end as on Windows", lines(ROWS).replaceAll("\n", "\r\n"), {}],
    ["lines with blank ones between", `\n \r\n${lines(ROWS).replaceAll("\n", "\n\n\t\n")}`, {}],
    ["lines with a byte order mark", `\ufeff${lines(ROWS)}`, {}],
    ["lines of another name", lines(ROWS), { "content-type": "application/jsonl; charset=UTF-8" }],
    ["an array", JSON.stringify(ROWS), JSON_TYPE],
    ["an array with spaces", `\r\n ${JSON.stringify(ROWS, null, 2)}\n`, JSON_TYPE],
    ["gzip'd lines", gzipSync(lines(ROWS)), GZIP],
    ["gzips, one after the other", Buffer.concat(ROWS.map((row) => gzipSync(lines([row])))), GZIP],
    [
      "gzips that end inside of a line, by the byte",
      inPieces(
        Buffer.concat(
          ['{"key":"a","value":"ä🗝"}\n{"ke', "", 'y":"b","value":"\\n"}'].map((part) =>
            gzipSync(part),
          ),
        ),
        1,
      ),
      GZIP,
    ],
    [
      "a gzip'd array",
      gzipSync(JSON.stringify(ROWS)),
      { ...JSON_TYPE, "content-encoding": "GZIP" },
    ],
    ["lines by the byte, cut inside of characters", inPieces(lines(ROWS), 1), {}],
    ["an array by three bytes", inPieces(JSON.stringify(ROWS), 3), JSON_TYPE],
  ])("may come as %s", async (_, body, headers) => {
    const { postAll, writes } = setUp()
    expect((await postAll(body, headers)).status).toBe(202)
    expect(writes).toEqual(WRITES)
  })

  test("of a table have its columns, and are without a wait or a key asked for nothing", async () => {
    const { postAll, writes } = setUp()
    const { status } = await postAll(lines([EVENT, EVENT]), {}, "/writes/events")
    expect(status).toBe(202)
    expect(writes).toEqual([rowOf(TABLES.events, EVENT), rowOf(TABLES.events, EVENT)])
  })

  test("of no table are 404, before they are read", async () => {
    const { postAll, writes } = setUp()
    for (const name of ["nothing", "__proto__", "constructor"]) {
      const { status, body } = await postAll("{", {}, `/writes/${name}`)
      expect([status, body]).toEqual([404, problemOf("no-such-table", 404)])
    }
    expect(writes).toEqual([])
  })

  test("have all their versions in the answer to who prefers a representation", async () => {
    const { postAll } = setUp(counting())
    const prefer = "return=representation"
    const { headers, body } = await postAll(lines(ROWS), { prefer })
    expect(body.versions).toEqual([1, 2])
    expect(headers.get("preference-applied")).toBe(prefer)
  })

  test("may be ten thousand", async () => {
    const { postAll, writes } = setUp()
    expect((await postAll(lines(many(10_000)))).body.queued).toBe(10_000)
    expect(writes.map(({ row }) => row.key)).toEqual(many(10_000).map(({ key }) => key))
  })
})

describe("many writes whose commits are waited for", () => {
  test("are answered 200 when all are there", async () => {
    const app = setUp({ ...counting(), commits: async () => "committed" })
    const prefer = "return=representation, wait=5"
    const { status, headers, body } = await app.postAll(lines(ROWS), { prefer })
    expect([status, headers.get("preference-applied")]).toEqual([
      200,
      "wait, return=representation",
    ])
    expect(body).toMatchObject({ committed: true, queued: 2, versions: [1, 2] })
  })

  test("are answered 202 when one is not there in time", async () => {
    const commits = async ({ version }: Queued) => (version === 2 ? null : "committed")
    const app = setUp({ ...counting(), commits: commits as Commits })
    const { status, headers, body } = await app.postAll(lines(ROWS), { prefer: "wait=1" })
    expect([status, headers.get("preference-applied")]).toEqual([202, null])
    expect(body).not.toHaveProperty("committed")
  })

  test("are answered 422 when some were refused, each by its place", async () => {
    const reason = "violates the constraint positive"
    const commits = async ({ version }: Queued) =>
      version % 2 === 0 ? ({ reason, sqlstate: "23514" } as const) : "committed"
    const app = setUp({ ...counting(), commits })
    const { status, body } = await app.postAll(lines(many(1_000)), { prefer: "wait=1" })
    expect(status).toBe(422)
    expect(body.type).toBe("/problems/write-refused")
    expect(body.detail).toContain("refused 500 of them")
    expect(body.errors).toHaveLength(100)
    expect(body.errors[1]).toEqual({ pointer: "/3", detail: reason })
  })

  test("end to wait when their client has left", async () => {
    const leaving = new AbortController()
    let asked = 0
    const commits = (_: Queued, __: number, signal?: AbortSignal) => {
      asked += 1
      return new Promise<null>((resolve) => signal?.addEventListener("abort", () => resolve(null)))
    }
    const { app } = setUp({ ...counting(), commits })
    const headers = { ...LINES_TYPE, prefer: "wait=20" }
    const { signal } = leaving
    const body = lines(many(900))
    const waiting = app.request("/writes", { method: "POST", headers, body, signal })
    await until("the first of them wait", async () => asked > 0)
    leaving.abort()
    expect([(await waiting).status, asked]).toEqual([202, 500])
  })

  test("wait a few hundred at a time, and leave room for others", async () => {
    let waiting = 0
    let most = 0
    const commits = async () => {
      most = Math.max(most, ++waiting)
      await new Promise(setImmediate)
      waiting -= 1
      return "committed" as const
    }
    const { postAll } = setUp({ ...counting(), commits })
    expect((await postAll(lines(many(3_000)), { prefer: "wait=5" })).status).toBe(200)
    expect(most).toBe(500)
  })
})
