/** GET /openapi.json of each service: its examples are sent as they stand, and answered as it says. */
import { gzipSync } from "node:zlib"
import { Validator } from "@seriousme/openapi-schema-validator"
import { beforeAll, describe, expect, test } from "vitest"
import type { OpenService } from "../../shared/examples.ts"
import { holdToContract } from "../testing/contract.ts"
import {
  type Document,
  makeExpectValid,
  type Operation,
  operationsOf,
} from "../testing/published.ts"
import { REDIS_KINDS } from "../testing/redis.ts"
import { useStack } from "../testing/stack.ts"

const ADMIN_TOKEN = "0123456789abcdef0123456789abcdef"
const stack = useStack({ redis: REDIS_KINDS[0], env: { ADMIN_TOKEN } })
beforeAll(() => holdToContract(stack().urls))

/** What the reader reads has been written by then. */
const SERVICES: ReadonlyArray<OpenService> = ["ingest", "reader", "stats"]

const documentOf = async (service: OpenService) => {
  const response = await fetch(`${stack().urls[service]}/openapi.json`)
  expect(response.status).toBe(200)
  return (await response.json()) as Document
}

const targetOf = (path: string, { parameters }: Operation) => {
  const query = new URLSearchParams()
  let target = path
  for (const { name, in: where, required, example } of parameters) {
    if (required) expect([path, name, example]).not.toContain(undefined)
    if (example === undefined) continue
    if (where === "path") target = target.replace(`{${name}}`, encodeURIComponent(String(example)))
    else for (const one of [example].flat()) query.append(name, one)
  }
  expect(target).not.toMatch(/[{}]/)
  return `${target}?${query}`
}

/** The bodies of the examples as they stand, of each type that there is, and as each coding. */
const bodiesOf = ({ parameters, requestBody }: Operation) => {
  if (!requestBody) return [{}]
  const isZipped = parameters.some(({ name }) => name === "Content-Encoding")
  return Object.entries(requestBody.content).flatMap(([type, { example }]) => {
    const body = typeof example === "string" ? example : JSON.stringify(example)
    const headers = { "content-type": type }
    const zipped = { headers: { ...headers, "content-encoding": "gzip" }, body: gzipSync(body) }
    return [{ headers, body }, ...(isZipped ? [zipped] : [])]
  })
}

/** The requests of the examples alone. */
const requestsOf = (method: string, operation: Operation): ReadonlyArray<RequestInit> =>
  bodiesOf(operation).map(({ headers, ...body }: RequestInit) => ({
    ...body,
    method: method.toUpperCase(),
    headers: {
      ...(headers as Record<string, string>),
      ...(operation.security && { authorization: `Bearer ${ADMIN_TOKEN}` }),
      ...(operation.parameters.some(({ name }) => name === "Prefer") && { prefer: "wait=20" }),
    },
  }))

/** What no example is answered with. */
const REFUSED = new Set([400, 401, 404, 405, 412, 413, 415, 422, 500, 503])

describe.each(SERVICES)("the document of %s", (service) => {
  test("has examples that are answered as they stand, as it says", async () => {
    for (const { path, method, operation } of operationsOf(await documentOf(service))) {
      const target = targetOf(path, operation)
      for (const init of requestsOf(method, operation)) {
        const response = await fetch(stack().urls[service] + target, init)
        const type = response.headers.get("content-type") ?? ""
        const { content } = operation.responses[response.status] ?? {}
        const isSaid = Object.keys(content ?? {}).some((one) => type.startsWith(one))
        const answered = [method, target, response.status]
        expect([...answered, isSaid, REFUSED.has(response.status)]).toEqual([
          ...answered,
          true,
          false,
        ])
        await response.body?.cancel()
      }
    }
  })

  test("is OpenAPI, as others read it", async () => {
    const validator = new Validator()
    expect(await validator.validate(await documentOf(service))).toEqual({ valid: true })
    expect(validator.version).toBe("3.1")
  })

  test("has schemas as others read them, and its examples are of them", async () => {
    const document = await documentOf(service)
    const expectValid = makeExpectValid(document)
    for (const { operation } of operationsOf(document)) {
      for (const { schema, example } of Object.values(operation.requestBody?.content ?? {})) {
        expectValid(schema, example)
      }
      for (const { schema, example } of operation.parameters) {
        expectValid(schema, ...(example === undefined ? [] : [example]))
      }
      for (const { content } of Object.values(operation.responses)) {
        for (const { schema } of Object.values(content)) expectValid(schema)
      }
    }
    const schema = { $ref: "#/components/schemas/Problem" }
    for (const { value } of Object.values(document.components.examples)) expectValid(schema, value)
  })

  test("is whole: each reference leads somewhere, each operation and each parameter is one", async () => {
    const document = await documentOf(service)
    expect(document.openapi).toBe("3.1.0")
    const references = JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)
    for (const [, reference = ""] of references) {
      // biome-ignore lint/suspicious/noExplicitAny: any place in the document.
      const found = reference.split("/").reduce((at: any, step) => at?.[step], document)
      expect([reference, typeof found]).toEqual([reference, "object"])
    }
    const all = operationsOf(document)
    const ids = all.map(({ operation }) => operation.operationId)
    expect(new Set(ids).size).toBe(ids.length)
    const shapes = Object.keys(document.paths).map((path) => path.replaceAll(/\{\w+\}/g, "{}"))
    expect(new Set(shapes).size).toBe(shapes.length)
    const schemes = Object.keys(document.components.securitySchemes)
    const tokens = all.flatMap(({ operation }) => (operation.security ?? []).flatMap(Object.keys))
    expect([...new Set(tokens)].toSorted()).toEqual(schemes.toSorted())
    for (const { path, operation } of all) {
      const named = operation.parameters.map((one) => `${one.in} ${one.name}`)
      expect(new Set(named).size).toBe(named.length)
      const inPath = operation.parameters.filter((one) => one.in === "path")
      const wanted = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      expect(inPath.map(({ name }) => name)).toEqual(wanted)
    }
  })
})

test("each path is counted in the metrics under its own route", async () => {
  await documentOf("reader")
  const metrics = await (await fetch(`${stack().urls.reader}/metrics`)).text()
  expect(metrics).toContain('{method="GET",route="/openapi.json",status="200"}')
})
