/** What calls behind a token answer, of any service that has one. */
import { expect } from "vitest"
import type { Calls } from "../../shared/contract.ts"
import type { Token } from "../../shared/http/token.ts"
import { type asking, problemOf } from "./app.ts"

export const TOKEN = "0123456789abcdef0123456789abcdef"

type Ask = ReturnType<typeof asking>

/** Each call of the contract that says it needs the token, at a path, with its method. */
export const guardedCalls = (calls: Calls) =>
  Object.entries(calls)
    .filter(([, { token }]) => token !== undefined)
    .map(
      ([route]) =>
        route.replace(":table", "events").replace(":key", "1").split(" ") as [string, string],
    )

/** Of an Authorization header those that are not the token: they differ in one thing each. */
export const WRONG: ReadonlyArray<string | undefined> = [
  undefined,
  ...["", "Bearer", "Bearer ", TOKEN, `Basic ${TOKEN}`, `Bearer  ${TOKEN}`, `Bearer ${TOKEN} x`],
  ...[`Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(1)}`, `Bearer x${TOKEN.slice(1)}`],
  `Bearer ${TOKEN}, Bearer ${TOKEN}`,
]

const headersOf = (authorization: string | undefined): HeadersInit =>
  authorization === undefined ? {} : { authorization }

/** Fails unless the call is refused in the one way. */
export const expectRefused = async (
  ask: Ask,
  [method, path]: readonly [string, string],
  name: Token["name"],
  authorization: string | undefined,
) => {
  const headers = headersOf(authorization)
  const { status, headers: answered, body, text } = await ask(path, { method, headers })
  expect(status).toBe(401)
  expect(answered.get("www-authenticate")).toBe('Bearer realm="write-buffer"')
  expect(body).toEqual(problemOf("unauthorized", 401))
  expect(body.detail).toContain(name)
  expect(text).not.toContain(TOKEN.slice(2, 20))
}
