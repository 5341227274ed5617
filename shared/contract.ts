/**
 * The whole HTTP surface: by service each call, with what it takes, what it answers by status, and the
 * problems that it may answer instead. The header Allow, the routes of the metrics and the types of the
 * handlers follow from it, and tests hold every answer to it. Declared elsewhere is only what the tables
 * decide (`rows.ts`, `write.ts`, `item.ts`), and what operators ask for (`operations.ts`).
 */
import { Schema } from "effect"
import type { ServiceName } from "./config.ts"
import { type Answers, type ProblemName, success } from "./http/answer.ts"
import type { AnswerHeaders } from "./http/headers.ts"
import type { Route } from "./http/route.ts"
import type { Token } from "./http/token.ts"
import { Confirmation, Look, Moved, Page, Reasons, Reshard, Selection } from "./operations.ts"
import { READS, WRITES } from "./rows.ts"
import { DeadLetter, Waiting } from "./shown.ts"
import { Stats } from "./stats.ts"
import { Flaw } from "./write.ts"

/** A call is named by its route, whose parameters are encoded with encodeURIComponent. */
export interface Call {
  /** What the rest does not say, for who reads it as OpenAPI. */
  readonly about?: string
  /** The bearer token that the call needs. Where there is none it is open; the operators' calls are off. */
  readonly token?: Token["name"]
  readonly query?: Schema.Top
  /** Of the body, which is JSON. */
  readonly body?: Schema.Top
  /** The body, an array, may come as NDJSON as well, and either of them gzip'd. */
  readonly lines?: true
  readonly answers: Answers
  /** Of its answers that are no problems, by status, beside those of any answer. */
  readonly headers?: Readonly<Record<number, AnswerHeaders>>
  /** Its own; `problemsOf` adds those of any call, of a body and of a token. */
  readonly problems?: ReadonlyArray<ProblemName>
}

export type Calls = Readonly<Record<Route, Call>>

/** The first and the last of writes that stand together in a call, counted from 0. */
const Ranges = Schema.Array(Schema.Tuple([Schema.Int, Schema.Int]))

/** What is no success, as `application/problem+json`; `http/answer.ts` has the table of them. */
export const Problem = Schema.Struct({
  success: Schema.Literal(false),
  type: Schema.TemplateLiteral(["/problems/", Schema.String]),
  title: Schema.String,
  status: Schema.Int,
  detail: Schema.String,
  errors: Schema.optionalKey(Schema.Array(Flaw)),
  /** Of many writes: how many of the first are queued, and of how many after them it is not known. */
  queued: Schema.optionalKey(Schema.Int),
  unknown: Schema.optionalKey(Schema.Int),
  /** Where some of them are queued or may be: which are not, and of which it is not known; all others are. */
  not_queued: Schema.optionalKey(Ranges),
  not_known: Schema.optionalKey(Ranges),
  /** Of `version-not-reached`: what there is now, null when that is nothing. */
  version: Schema.optionalKey(Schema.NullOr(Schema.Int)),
})

const COMMON_PROBLEMS: ReadonlyArray<ProblemName> = [
  "bad-request",
  "not-found",
  "method-not-allowed",
  "request-timeout",
  "expectation-failed",
  "headers-too-large",
  "internal-error",
]
const BODY_PROBLEMS: ReadonlyArray<ProblemName> = [
  "unsupported-media-type",
  "unsupported-encoding",
  "body-too-large",
  "malformed-body",
]

/** What OPTIONS answers, at any path of ingest, to a browser that asks for one of ALLOWED_ORIGINS. */
export const PREFLIGHT: Call = { answers: { 204: null } }

/** All problems of a call, or of a request that is none. */
export const problemsOf = (call?: Call): ReadonlyArray<ProblemName> => [
  ...COMMON_PROBLEMS,
  ...(call?.body ? BODY_PROBLEMS : []),
  ...(call?.token === "ADMIN_TOKEN" ? (["operations-off"] as const) : []),
  ...(call?.token ? (["unauthorized"] as const) : []),
  ...(call?.problems ?? []),
]

const Link = Schema.Literals(["up", "down"])
const Status = Schema.Literals(["healthy", "degraded", "unhealthy"])
const Strings = Schema.Array(Schema.String)

/** Whether a write would be queued now. */
const Readiness = Schema.Struct({
  /** `degraded`: the queue is full, and takes writes again when some have left it, or some shards take none. */
  status: Status,
  redis: Link,
  /** Why a write would be refused; left out when it would not. */
  reason: Schema.optionalKey(Schema.String),
})

/** Whether a row would be found now. */
const DatabaseHealth = Schema.Struct({
  /** `degraded`: some tables cannot be read. */
  status: Status,
  postgres: Link,
  /** Why not; left out when it is. */
  reason: Schema.optionalKey(Schema.String),
})

/** Of the whole: the queue, how durable it is, the workers and the database. */
const Health = Schema.Struct({
  status: Status,
  /** This and the next are null when Redis, or a shard of it, does not answer. */
  queue_depth: Schema.NullOr(Schema.Int),
  worker_active: Schema.NullOr(Schema.Boolean),
  /** "aof-always" alone means that a 202 is on disk. */
  durability: Schema.Literals([
    "aof-always",
    "aof-everysec",
    "aof-no",
    "snapshots",
    "memory",
    "unknown",
  ]),
  /** Of several shards, whether any answers. */
  redis: Link,
  /** Left out while Redis has not said it. */
  redis_version: Schema.optionalKey(Schema.String),
  postgres: Link,
  /** Left out when it is not so, like the others below: an operator stopped all workers. */
  paused: Schema.optionalKey(Schema.Literal(true)),
  /** Why workers hold writes, as in the statistics. */
  held: Schema.optionalKey(Strings),
  /** What else is not well, and dead letters even where they are no reason to be degraded. */
  warnings: Schema.optionalKey(Strings),
})

/** What operators do; without the token they neither do nor see anything. */
const ADMIN = { token: "ADMIN_TOKEN" } as const

const SELECTION_PROBLEMS = ["invalid-request", "dead-letters-changed"] as const

const METRICS = { answers: { 200: "text/plain" } } as const

/** This contract as others read it; `http/openapi.ts` makes it. */
const OPENAPI = { answers: { 200: Schema.Record(Schema.String, Schema.Unknown) } } as const

export const CONTRACT = {
  ingest: {
    ...WRITES,
    "GET /health": { answers: { 200: Readiness, 503: Readiness }, problems: ["stopping"] },
    "GET /metrics": METRICS,
    "GET /openapi.json": OPENAPI,
  },
  reader: {
    ...READS,
    "GET /health": {
      answers: { 200: DatabaseHealth, 503: DatabaseHealth },
      problems: ["stopping"],
    },
    "GET /metrics": METRICS,
    "GET /openapi.json": OPENAPI,
  },
  stats: {
    "GET /stats": { answers: { 200: Stats }, problems: ["statistics-unavailable"] },
    "GET /health": { answers: { 200: Health, 503: Health }, problems: ["stopping"] },
    "GET /metrics": METRICS,
    "GET /openapi.json": OPENAPI,
    /** Stats and health once a second, and what else the page shows. */
    "GET /events": {
      answers: { 200: "text/event-stream" },
      problems: ["too-many-watchers", "stopping"],
    },
    /** The page for people. `services/stats/page.ts` lists its other files, each a call like this one. */
    "GET /": { answers: { 200: "text/html" }, problems: ["page-unavailable"] },
    "GET /dead": {
      ...ADMIN,
      query: Page,
      answers: { 200: success({ dead: Schema.Array(DeadLetter), ...Look }) },
      problems: ["invalid-request"],
    },
    "GET /dead/reasons": {
      ...ADMIN,
      query: Page,
      answers: { 200: success({ reasons: Reasons, others: Schema.Int, ...Look }) },
      problems: ["invalid-request"],
    },
    "POST /dead/replay": {
      ...ADMIN,
      body: Selection,
      answers: { 200: success({ replayed: Schema.Int, ...Moved }) },
      problems: SELECTION_PROBLEMS,
    },
    "DELETE /dead": {
      ...ADMIN,
      body: Selection,
      answers: { 200: success({ discarded: Schema.Int, ...Moved }) },
      problems: SELECTION_PROBLEMS,
    },
    "GET /queue": {
      ...ADMIN,
      query: Page,
      answers: { 200: success({ queue: Schema.Array(Waiting), parked: Stats.fields.parked }) },
      problems: ["invalid-request"],
    },
    "DELETE /queue": {
      ...ADMIN,
      body: Confirmation,
      answers: { 200: success({ purged: Schema.Int, next: Schema.NullOr(Confirmation) }) },
      problems: ["invalid-request", "depth-changed"],
    },
    "POST /queue/adopt": {
      ...ADMIN,
      answers: { 200: success({ database: Schema.String }) },
      problems: ["database-unavailable"],
    },
    /** Changes how many shards there are; a change that broke off is done again by the same call. */
    "POST /queue/shards": {
      ...ADMIN,
      body: Reshard,
      answers: { 200: success({ from: Schema.Int, shards: Schema.Int }) },
      problems: ["invalid-request", "shards-changing", "shards-unseeded", "shard-unavailable"],
    },
    "POST /worker/pause": { ...ADMIN, answers: { 200: success({ paused: Schema.Boolean }) } },
    "POST /worker/resume": { ...ADMIN, answers: { 200: success({ paused: Schema.Boolean }) } },
  },
  worker: { "GET /metrics": METRICS },
} as const satisfies Record<ServiceName, Calls>

export type Readiness = typeof Readiness.Type
export type { ShardStats, Stats } from "./stats.ts"
export type Health = typeof Health.Type
export type Ingest = typeof CONTRACT.ingest
export type Reader = typeof CONTRACT.reader
export type StatsService = typeof CONTRACT.stats
