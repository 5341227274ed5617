/** GET /openapi.json of a service as others read it: its schemas, by a validator that is not ours. */
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js"
import { expect } from "vitest"
import type { OpenService } from "../../shared/examples.ts"
import { documentOf } from "../../shared/http/openapi.ts"

export interface Parameter {
  readonly name: string
  readonly in: "path" | "query" | "header"
  readonly required: boolean
  readonly schema: object
  readonly example?: string | ReadonlyArray<string>
}

type Content = Readonly<Record<string, { readonly schema: object; readonly example?: unknown }>>

export interface Operation {
  readonly operationId: string
  readonly security?: ReadonlyArray<object>
  readonly parameters: ReadonlyArray<Parameter>
  readonly requestBody?: { readonly content: Content }
  readonly responses: Readonly<Record<string, { readonly content: Content }>>
}

export interface Document {
  readonly [member: string]: unknown
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: {
    readonly securitySchemes: object
    readonly examples: Readonly<Record<string, { readonly value: unknown }>>
  }
}

export const operationsOf = ({ paths }: Document) =>
  Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  )

/** Makes what fails unless a schema of the document is one, and the values are of it. */
export const makeExpectValid = ({ components }: Pick<Document, "components">) => {
  const keywords = ["components", "example"]
  const ajv = new Ajv2020({ keywords, strictTypes: false, validateFormats: false })
  const known = new Map<object, ValidateFunction>()
  return (schema: object, ...values: ReadonlyArray<unknown>) => {
    const validate = known.get(schema) ?? ajv.compile({ ...schema, components })
    known.set(schema, validate)
    for (const value of values) expect(validate(value) ? null : validate.errors).toBeNull()
  }
}

const shapeOf = (path: string) => path.replaceAll(/:\w+|\{\w+\}/g, "{}")

/** Makes what fails unless the JSON that a route answered is as the document of the service has it. */
export const makeExpectPublished = (service: OpenService) => {
  const document = JSON.parse(JSON.stringify(documentOf(service))) as Document
  const expectValid = makeExpectValid(document)
  return (route: string, status: number, type: string, json: unknown) => {
    const [verb = "", at = ""] = route.split(" ")
    const found = operationsOf(document).find(
      ({ path, method }) => method === verb.toLowerCase() && shapeOf(path) === shapeOf(at),
    )
    const schema = found?.operation.responses[status]?.content[type]?.schema
    expect([route, status, type, typeof schema]).toEqual([route, status, type, "object"])
    if (schema) expectValid(schema, json)
  }
}
