import { afterEach, describe, expect, test, vi } from "vitest"
import { CONTRACT } from "../../shared/contract.ts"
import { metered } from "../../shared/http/metrics.ts"
import { expectRefused, guardedCalls, TOKEN, WRONG } from "../testing/token.ts"
import { setUp } from "./testing/app.ts"

afterEach(() => {
  vi.restoreAllMocks()
})

const CALLS = guardedCalls(CONTRACT.reader)
const token = { name: "READ_TOKEN", first: TOKEN } as const
const withToken = (value: string) => ({ headers: { authorization: `Bearer ${value}` } })

describe("with a READ_TOKEN", () => {
  test("all calls that read rows need it, and no others", () => {
    expect(CALLS).toEqual([
      ["GET", "/read"],
      ["GET", "/read/1"],
      ["GET", "/read/events/1"],
    ])
  })

  test.each(CALLS)("%s %s is refused without it, and nothing is looked up", async (...call) => {
    const { ask, asked } = setUp({ token })
    for (const authorization of WRONG) {
      await expectRefused(ask, call, "READ_TOKEN", authorization)
    }
    expect(asked).toEqual([])
  })

  test("a row is answered with it, and is no secret of HEAD", async () => {
    const { send } = setUp({ token })
    expect((await send("/read/a", "GET", withToken(TOKEN))).status).toBe(200)
    expect((await send("/read/a", "HEAD", withToken(TOKEN))).status).toBe(200)
    const { status, headers } = await send("/read/a", "HEAD")
    expect([status, headers.get("etag")]).toEqual([401, null])
  })

  test("no other spelling of a path gets past it", async () => {
    const { app, asked } = setUp({ token })
    for (const path of ["/%72ead/a", "/read/%61", "/read/a?/health", "/read/events%2F1"]) {
      expect([401, 404]).toContain((await app.request(path)).status)
    }
    expect(asked).toEqual([])
  })

  test("one that a file holds anew counts within a second, the old one no longer", async () => {
    const clock = vi.spyOn(performance, "now").mockReturnValue(0)
    const { send } = setUp({ token: { ...token, reread: () => "new" } })
    clock.mockReturnValue(1_000)
    expect((await send("/read/a", "GET", withToken(TOKEN))).status).toBe(401)
    expect((await send("/read/a", "GET", withToken("new"))).status).toBe(200)
  })

  test("health, metrics, and what is no call are answered to everybody", async () => {
    const { app, send } = setUp({ token })
    expect((await send("/health")).status).toBe(200)
    const metrics = new Request("http://localhost/metrics")
    expect((await metered(app, CONTRACT.reader)(metrics)).status).toBe(200)
    expect((await send("/nothing")).status).toBe(404)
    expect((await send("/read/a", "POST")).status).toBe(405)
  })
})

test("without one whoever asks may read", async () => {
  const { send } = setUp({ token: { name: "READ_TOKEN", first: "" } })
  expect((await send("/read/a")).status).toBe(200)
})
