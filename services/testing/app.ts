/** An app as a test asks it, without a socket; each answer is held against the contract. */
import { expect } from "vitest"
import type { Calls } from "../../shared/contract.ts"
import { expectAgreed } from "./contract.ts"

interface App {
  readonly request: (path: string, init: RequestInit) => Response | Promise<Response>
}

export const asking =
  (app: App, calls: Calls) =>
  async (path: string, init: RequestInit = {}) => {
    const response = await app.request(path, init)
    await expectAgreed(calls, init.method ?? "GET", path, response)
    const { status, headers } = response
    const text = await response.text()
    return { status, headers, text, body: text === "" ? {} : JSON.parse(text) }
  }

/** What the body of a problem says, whatever its words. */
export const problemOf = (name: string, status: number) => ({
  success: false,
  type: `/problems/${name}`,
  title: expect.any(String),
  status,
  detail: expect.any(String),
})
