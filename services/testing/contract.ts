/**
 * Holds what a service answers against the contract: a status and members that its call has and no
 * others, or one of its problems. In tests alone, for it decodes each answer once more.
 */
import { Schema } from "effect"
import { expect, vi } from "vitest"
import { type Calls, CONTRACT, PREFLIGHT, Problem, problemsOf } from "../../shared/contract.ts"
import { routesAt } from "../../shared/http/route.ts"
import { CALLS } from "../stats/app.ts"

const STRICT = { onExcessProperty: "error", errors: "all" } as const

/** Fails when the answer is not one of the contract. The response can still be read. */
export const expectAgreed = async (
  calls: Calls,
  method: string,
  url: string,
  response: Response,
): Promise<Response> => {
  const { pathname } = new URL(url, "http://localhost")
  const isAsked = (route: string) => route.startsWith(`${method.replace("HEAD", "GET")} `)
  const route = routesAt(calls, pathname).find(isAsked)
  const isPreflight = method === "OPTIONS" && calls === CONTRACT.ingest
  const call = route ? calls[route] : isPreflight ? PREFLIGHT : undefined
  const { status } = response
  const type = response.headers.get("content-type")
  const isProblem = type === "application/problem+json"
  const answer = isProblem ? Problem : call?.answers[status]
  if (answer === undefined) throw new Error(`${method} ${url}: ${status} is not in the contract`)
  if (answer === null) {
    expect([type, await response.clone().text()]).toEqual([null, ""])
    return response
  }
  if (typeof answer === "string") {
    expect(type).toContain(answer)
    return response
  }
  if (!isProblem) expect(type).toBe("application/json")
  if (method === "HEAD") return response
  const json = await response.clone().json()
  Schema.decodeUnknownSync(answer as Schema.Codec<unknown>, STRICT)(json)
  if (isProblem) {
    expect(json.status).toBe(status)
    expect(problemsOf(call).map((name) => `/problems/${name}`)).toContain(json.type)
  }
  return response
}

const { fetch } = globalThis

/** From now on every `fetch` of this test file from these services is held to the contract. */
export const holdToContract = (
  urls: Readonly<Record<"ingest" | "reader" | "stats", string>>,
): void => {
  const services = [
    [urls.ingest, CONTRACT.ingest],
    [urls.reader, CONTRACT.reader],
    [urls.stats, CALLS],
  ] as const
  vi.stubGlobal("fetch", async (url: string, init: RequestInit = {}) => {
    const response = await fetch(url, init)
    const calls = services.find(([origin]) => url.startsWith(`${origin}/`))?.[1]
    return calls ? await expectAgreed(calls, init.method ?? "GET", url, response) : response
  })
}
