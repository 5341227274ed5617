import type { Hono } from "hono"
import { describe, expect, test } from "vitest"
import { CONTRACT, type Ingest } from "../../shared/contract.ts"
import { answer } from "../../shared/http/answer.ts"
import { makeApp as makeIngest } from "../ingest/app.ts"
import { makeApp as makeReader } from "../reader/app.ts"
import { CALLS, makeApp as makeStats } from "../stats/app.ts"

const routesOf = (app: Hono) => app.routes.map(({ method, path }) => `${method} ${path}`)

/** Answered around the apps, whose requests are counted there. */
const METRICS = "GET /metrics"

describe("the contract", () => {
  test.each([
    ["ingest", CONTRACT.ingest, routesOf(makeIngest({} as never))],
    ["reader", CONTRACT.reader, routesOf(makeReader({} as never))],
    ["stats", CALLS, routesOf(makeStats({ operations: { token: { first: "" } } } as never))],
  ])("has the calls that %s answers, and no others", (_, calls, routes) => {
    expect([METRICS, ...routes].toSorted()).toEqual(Object.keys(calls).toSorted())
  })

  test("says what a call answers, and nothing else compiles", () => {
    const health = { status: "healthy", redis: "up" } as const
    expect(answer<Ingest["GET /health"]>(200, health).status).toBe(200)
    // @ts-expect-error: a status that the call does not have.
    answer<Ingest["GET /health"]>(202, health)
    // @ts-expect-error: a member of another kind.
    answer<Ingest["GET /health"]>(200, { ...health, redis: true })
    // @ts-expect-error: a member less.
    answer<Ingest["GET /health"]>(200, { status: "healthy" })
    // @ts-expect-error: a member more.
    answer<Ingest["GET /health"]>(200, { status: "healthy", redis: "up", postgres: "up" })
    // @ts-expect-error: an answer that is no JSON.
    answer<Ingest["GET /metrics"]>(200, {})
  })
})
