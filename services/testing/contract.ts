/**
 * Holds what a service answers against the contract: a status, headers and members that its call has and no
 * others, or one of its problems. In tests alone, for it decodes each answer once more.
 */
import { Schema } from "effect"
import { expect, vi } from "vitest"
import {
  type Call,
  type Calls,
  CONTRACT,
  PREFLIGHT,
  Problem,
  problemsOf,
} from "../../shared/contract.ts"
import type { ProblemName } from "../../shared/http/answer.ts"
import { answerHeaders, HEADER_NAMES, problemHeaders } from "../../shared/http/headers.ts"
import { routesAt } from "../../shared/http/route.ts"
import { CALLS } from "../stats/app.ts"
import { makeExpectPublished } from "./published.ts"

const STRICT = { onExcessProperty: "error", errors: "all" } as const

/** Those that a problem or the call has, and of those that mean something no others. */
const expectHeaders = ({ status, headers }: Response, call?: Call, name?: ProblemName) => {
  const said = name ? problemHeaders(name) : answerHeaders(call?.headers?.[status])
  for (const header of HEADER_NAMES) {
    const is = headers.has(header)
    expect([status, header, is]).toEqual([status, header, said[header] || (header in said && is)])
  }
}

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
  if (!isProblem && !isPreflight) expectHeaders(response, call)
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
    const name = problemsOf(call).find((one) => json.type === `/problems/${one}`)
    expect([json.type, name]).not.toContain(undefined)
    expectHeaders(response, call, name)
  }
  return response
}

const { fetch } = globalThis

const routeOf = (calls: Calls, method: string, url: string) =>
  routesAt(calls, new URL(url).pathname).find((route) => route.startsWith(`${method} `))

/**
 * From now on every `fetch` of this test file from these services is held to the contract, and its JSON to what the
 * service publishes of it.
 */
export const holdToContract = (
  urls: Readonly<Record<"ingest" | "reader" | "stats", string>>,
): void => {
  const services = [
    [urls.ingest, CONTRACT.ingest, makeExpectPublished("ingest")],
    [urls.reader, CONTRACT.reader, makeExpectPublished("reader")],
    [urls.stats, CALLS, makeExpectPublished("stats")],
  ] as const
  vi.stubGlobal("fetch", async (url: string, init: RequestInit = {}) => {
    const response = await fetch(url, init)
    const service = services.find(([at]) => url.startsWith(`${at}/`))
    if (!service) return response
    const [, calls, expectPublished] = service
    const { method = "GET" } = init
    await expectAgreed(calls, method, url, response)
    const route = routeOf(calls, method, url)
    const type = response.headers.get("content-type") ?? ""
    if (route && type.endsWith("json")) {
      expectPublished(route, response.status, type, await response.clone().json())
    }
    return response
  })
}
