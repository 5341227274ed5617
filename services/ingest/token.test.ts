import { afterEach, describe, expect, test, vi } from "vitest"
import { CONTRACT } from "../../shared/contract.ts"
import { metered } from "../../shared/http/metrics.ts"
import { expectRefused, guardedCalls, TOKEN, WRONG } from "../testing/token.ts"
import { JSON_TYPE, setUp } from "./testing/app.ts"

afterEach(() => {
  vi.restoreAllMocks()
})

const CALLS = guardedCalls(CONTRACT.ingest)
const WRITE = '{"key":"a","value":"b"}'
const token = { name: "WRITE_TOKEN", first: TOKEN } as const
const withToken = (value: string) => ({ ...JSON_TYPE, authorization: `Bearer ${value}` })

describe("with a WRITE_TOKEN", () => {
  test("all calls that write need it, and no others", () => {
    expect(CALLS.map(([method]) => method).toSorted()).toEqual([
      ...["DELETE", "DELETE", "POST", "POST", "POST", "POST"],
    ])
  })

  test.each(CALLS)("%s %s is refused without it, before anything is read", async (...call) => {
    const { ask, writes } = setUp({ token })
    for (const authorization of WRONG) {
      await expectRefused(ask, call, "WRITE_TOKEN", authorization)
    }
    expect(writes).toEqual([])
  })

  test.each(CALLS)("%s %s is not refused with it", async (method, path) => {
    const { ask } = setUp({ token })
    for (const scheme of ["Bearer", "bearer"]) {
      const headers = { authorization: `${scheme} ${TOKEN}` }
      expect((await ask(path, { method, headers })).status).not.toBe(401)
    }
  })

  test("a write is taken with it", async () => {
    const { post, writes } = setUp({ token })
    expect((await post(WRITE, withToken(TOKEN))).status).toBe(202)
    expect(writes).toHaveLength(1)
  })

  test("no other spelling of a path gets past it", async () => {
    const { app, writes } = setUp({ token })
    for (const path of ["/%77rite", "/write?x=/health", "/write#/health", "/write/%65vents"]) {
      const { status } = await app.request(path, {
        method: "POST",
        headers: JSON_TYPE,
        body: WRITE,
      })
      expect([401, 404]).toContain(status)
    }
    expect(writes).toEqual([])
  })

  test("one that a file holds anew counts within a second, the old one no longer", async () => {
    const clock = vi.spyOn(performance, "now").mockReturnValue(0)
    const { post } = setUp({ token: { ...token, reread: () => "new" } })
    expect((await post(WRITE, withToken(TOKEN))).status).toBe(202)
    clock.mockReturnValue(1_000)
    expect((await post(WRITE, withToken(TOKEN))).status).toBe(401)
    expect((await post(WRITE, withToken("new"))).status).toBe(202)
  })

  test("health, metrics, and what is no call are answered to everybody", async () => {
    const { app, ask } = setUp({ token })
    expect((await ask("/health")).status).toBe(200)
    const metrics = new Request("http://localhost/metrics")
    expect((await metered(app, CONTRACT.ingest)(metrics)).status).toBe(200)
    expect((await ask("/nothing")).status).toBe(404)
    expect((await ask("/write")).status).toBe(405)
  })
})

test.each([undefined, { name: "WRITE_TOKEN", first: "" } as const])(
  "without one (%o) whoever asks may write, whatever he says of himself",
  async (none) => {
    const { post } = setUp(none && { token: none })
    expect((await post(WRITE)).status).toBe(202)
    expect((await post(WRITE, withToken("any"))).status).toBe(202)
  },
)
