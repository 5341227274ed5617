/**
 * GET /openapi.json: the contract of a service as OpenAPI 3.1, made from the schemas that hold its answers.
 * They say less than a decoder does: a 422 names what is wrong beyond them. Made once, when it is first
 * asked for.
 */
import { JsonSchema, Schema } from "effect"
import { type Call, type Calls, CONTRACT, Problem, problemsOf } from "../contract.ts"
import { EXAMPLES, type Example, type OpenService } from "../examples.ts"
import type { Table } from "../table/table.ts"
import { TABLES } from "../tables.ts"
import { type ProblemName, problemParts } from "./answer.ts"
import { answerHeaders, describeHeaders, problemHeaders } from "./headers.ts"
import type { Route } from "./route.ts"
import type { Token } from "./token.ts"

type Json = JsonSchema.JsonSchema

const PROBLEM_TYPE = "application/problem+json"

/** Schemas with a name of their own, which others refer to. */
type Definitions = Record<string, Json>

const ref = (kind: "schemas" | "examples", name: string) => ({
  $ref: `#/components/${kind}/${name}`,
})

/** What we are sent has no member but these; what we answer may have more one day. */
const schemaOf = (schema: Schema.Top, definitions: Definitions, isSent = false): Json => {
  const onExcessProperty = isSent ? "error" : "ignore"
  const document = Schema.toJsonSchemaDocument(schema, { onExcessProperty })
  const many = { ...document, schemas: [document.schema] as const }
  const open = JsonSchema.toMultiDocumentOpenApi3_1(many)
  Object.assign(definitions, open.definitions)
  return open.schemas[0]
}

interface Fields {
  readonly properties?: Readonly<Record<string, Json>>
  readonly required?: ReadonlyArray<string>
}

/** A parameter for each field; one that only some forms of the query have need not be there. */
const queryOf = (schema: Schema.Top, definitions: Definitions, { query = {} }: Example) => {
  const json = schemaOf(schema, definitions, true)
  const forms = (json.anyOf ?? json.oneOf ?? [json]) as ReadonlyArray<Fields>
  const fields = new Map(forms.flatMap(({ properties = {} }) => Object.entries(properties)))
  return [...fields].map(([name, field]) => ({
    ...{ name, in: "query", schema: field },
    required: forms.every(({ required = [] }) => required.includes(name)),
    ...(query[name] !== undefined && { example: query[name] }),
  }))
}

const WAIT = "wait=N waits up to N seconds, 30 at most"

const header = (name: string, description: string, schema: Json = { type: "string" }) => ({
  ...{ name, in: "header", required: false, description, schema },
})

/** What a call reads beside its target and its body shows in what it may answer. */
const headersOf = (call: Call) => {
  const isWrite = call.problems?.includes("malformed-idempotency-key")
  const isRead = 304 in call.answers
  const prefer = call.lines ? `${WAIT}; return=representation answers each version.` : `${WAIT}.`
  const codings = { type: "string", enum: ["gzip", "identity"] }
  return [
    ...(isWrite || isRead ? [header("Prefer", prefer)] : []),
    ...(isWrite ? [header("Idempotency-Key", "A repeated request that has it is done once.")] : []),
    ...(isRead ? [header("If-None-Match", "The ETag of the row that the client has.")] : []),
    ...(call.lines ? [header("Content-Encoding", "Of the body.", codings)] : []),
  ]
}

const namesIn = (path: string) => [...path.matchAll(/:(\w+)/g)].map(([, name = ""]) => name)

const shapeOf = (path: string) => path.replaceAll(/:\w+/g, "{}")

/**
 * The names of a path's parameters. OpenAPI has one for each place, so of calls that mean different things by
 * a place its name has all of them: /write/{table_or_key}.
 */
const makeNamesOf = (calls: Calls) => {
  const paths = Object.keys(calls).map((route) => route.slice(route.indexOf("/")))
  return (path: string): ReadonlyArray<string> => {
    const alike = paths.filter((other) => shapeOf(other) === shapeOf(path)).map(namesIn)
    return namesIn(path).map((_, at) => [...new Set(alike.map((one) => one[at]))].join("_or_"))
  }
}

/** The tables that a call can be about: of some no row is deleted. */
const tablesOf = (method: string) =>
  Object.values<Table>(TABLES)
    .filter(({ deletes }) => deletes || method !== "delete")
    .map(({ name }) => name)

const pathOf = ({ method, path, names, example }: Operation) =>
  namesIn(path).map((own, at) => ({
    ...{ name: names[at], in: "path", required: true, description: `The ${own}.` },
    schema: { type: "string", ...(own === "table" && { enum: tablesOf(method) }) },
    example: example.path?.[own],
  }))

/** A row a line: no schema of JSON has words for it. */
const linesOf = ({ body }: Example) => ({
  schema: { type: "string", description: "A row a line, each as those of application/json." },
  example: [body]
    .flat()
    .map((row) => `${JSON.stringify(row)}\n`)
    .join(""),
})

const bodyOf = (schema: Schema.Top, { call, example }: Operation, definitions: Definitions) => ({
  required: true,
  content: {
    "application/json": { schema: schemaOf(schema, definitions, true), example: example.body },
    ...(call.lines && { "application/x-ndjson": linesOf(example) }),
  },
})

const contentOf = (answer: Schema.Top | string | null, definitions: Definitions) => {
  if (answer === null) return {}
  if (typeof answer === "string") return { [answer]: { schema: { type: "string" } } }
  return { "application/json": { schema: schemaOf(answer, definitions) } }
}

const SUCCESSES: Readonly<Record<number, string>> = {
  202: "It is in the queue.",
  304: "The client has the row as it is.",
}

/** By status: what the call has, and the problems beside it, each an example of one schema. */
const responsesOf = (call: Call, definitions: Definitions) => {
  const problems: ReadonlyMap<number, ReadonlyArray<ProblemName>> = Map.groupBy(
    problemsOf(call),
    (name) => problemParts(name).status,
  )
  const statuses = new Set([...Object.keys(call.answers).map(Number), ...problems.keys()])
  const response = (status: number) => {
    const names = problems.get(status) ?? []
    const isAnswer = status in call.answers
    const kinds = [
      ...(isAnswer ? [answerHeaders(call.headers?.[status])] : []),
      ...names.map(problemHeaders),
    ]
    const examples = Object.fromEntries(names.map((name) => [name, ref("examples", name)]))
    const problem = { [PROBLEM_TYPE]: { schema: ref("schemas", "Problem"), examples } }
    return {
      description: names.length > 0 ? names.join(", ") : (SUCCESSES[status] ?? "As asked."),
      headers: describeHeaders(kinds),
      content: {
        ...contentOf(call.answers[status] ?? null, definitions),
        ...(names.length > 0 && problem),
      },
    }
  }
  return Object.fromEntries([...statuses].map((status) => [status, response(status)]))
}

interface Operation {
  readonly method: string
  readonly path: string
  /** Of the parameters in the path. */
  readonly names: ReadonlyArray<string>
  readonly call: Call
  readonly example: Example
}

/** Where rows have no token, their calls are open. */
const securityOf = (token: Token["name"]) => [
  { [token]: [] },
  ...(token === "ADMIN_TOKEN" ? [] : [{}]),
]

const operationOf = (operation: Operation, definitions: Definitions) => {
  const { method, path, call, example } = operation
  const words = path.split(/\W+/).filter(Boolean)
  const name = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("")
  return {
    operationId: method + name,
    ...(call.about && { description: call.about }),
    ...(call.token && { security: securityOf(call.token) }),
    parameters: [
      ...pathOf(operation),
      ...(call.query ? queryOf(call.query, definitions, example) : []),
      ...headersOf(call),
    ],
    ...(call.body && { requestBody: bodyOf(call.body, operation, definitions) }),
    responses: responsesOf(call, definitions),
  }
}

const problemExample = (name: ProblemName) => [name, { value: JSON.parse(problemParts(name).body) }]

/** The document of a service. */
export const documentOf = (service: OpenService) => {
  const calls: Calls = CONTRACT[service]
  const examples: Readonly<Record<string, Example>> = EXAMPLES[service]
  const definitions: Definitions = { Problem: {} }
  definitions.Problem = schemaOf(Problem, definitions)
  const namesOf = makeNamesOf(calls)
  const paths: Record<string, Record<string, unknown>> = {}
  for (const [route, call] of Object.entries(calls) as [Route, Call][]) {
    const [verb = "", path = ""] = route.split(" ")
    const method = verb.toLowerCase()
    const names = namesOf(path)
    const place = names.reduce((shape, name) => shape.replace("{}", `{${name}}`), shapeOf(path))
    const operation = { method, path, names, call, example: examples[route] ?? {} }
    paths[place] = { ...paths[place], [method]: operationOf(operation, definitions) }
  }
  const problems = new Set(Object.values(calls).flatMap((call) => problemsOf(call)))
  const tokens = new Set(Object.values(calls).flatMap(({ token }) => token ?? []))
  return {
    openapi: "3.1.0",
    // Of the contract, whose calls stay as they are within it.
    info: { title: `write-buffer ${service}`, version: "1" },
    paths,
    components: {
      schemas: definitions,
      examples: Object.fromEntries([...problems].map(problemExample)),
      securitySchemes: Object.fromEntries(
        [...tokens].map((token) => [token, { type: "http", scheme: "bearer" }]),
      ),
    },
  }
}

/** Makes the handler of GET /openapi.json. */
export const openapi = (service: OpenService) => {
  let text: string | undefined
  return (): Response => {
    text ??= JSON.stringify(documentOf(service))
    const headers = { "content-type": "application/json", "cache-control": "no-cache" }
    return new Response(text, { headers })
  }
}
