/**
 * The oracle: what must be so after any fault. "The final value of hot keys" alone is blind, since a later
 * write hides a lost one; so there are keys that are written once, writes that must never appear, the
 * counters at every sample, versions that readers see, what is left in Redis, and what was printed.
 */
import { expect } from "vitest"
import type { Stats } from "../../shared/contract.ts"
import { queueKeys } from "../../shared/queue/keys.ts"
import { TABLE } from "../../shared/testing/table.ts"
import type { client as makeClient } from "./client.ts"
import { CANARY, makeLedger, type Sent } from "./ledger.ts"
import type { Member } from "./member.ts"
import type { TestPostgres } from "./postgres.ts"
import type { TestRedis } from "./redis.ts"

const SAMPLE_MILLIS = 40
const SAMPLE_LIMIT_MILLIS = 3_000

/** What is in Redis when nothing waits: no batch, no lease, no mark of a silent worker. */
const AT_REST = /:(counters|dead|workers|holds)$/

/** Between "//" and "@" of a URL. */
const CREDENTIALS = /:\/\/[^/\s]*:[^/\s]*@/

interface Row {
  readonly key: string
  readonly value: string
  readonly version: string
}

interface Subject {
  readonly client: ReturnType<typeof makeClient>
  readonly urls: Readonly<Record<"ingest" | "reader" | "stats", string>>
  readonly redis: TestRedis
  readonly postgres: TestPostgres
  readonly members: ReadonlyArray<Member>
  readonly logs: ReadonlyArray<string>
}

const get = async (url: string) => {
  const response = await fetch(url, { signal: AbortSignal.timeout(SAMPLE_LIMIT_MILLIS) })
  return { status: response.status, body: JSON.parse(await response.text()) }
}

const byKey = (sent: ReadonlyArray<Sent>) => {
  const keys = new Map<string, Sent[]>()
  for (const write of sent) keys.set(write.key, [...(keys.get(write.key) ?? []), write])
  return keys
}

/** What is wrong with the row of a key, given all that was sent for it. */
const judgeRow = (key: string, writes: ReadonlyArray<Sent>, row: Row | undefined) => {
  const accepted = writes.filter(({ outcome, poison }) => outcome === "ok" && !poison)
  const newest = Math.max(0, ...accepted.map(({ version }) => version))
  if (!row) return newest > 0 ? [`${key}: accepted and lost`] : []
  const version = Number(row.version)
  if (version < newest) return [`${key}: has an older version than was accepted`]
  const same = writes.filter(({ value }) => value === row.value)
  const isKnown = same.some((write) => write.outcome === "ok" && write.version === version)
  const isPossible = version > newest && same.some(({ outcome }) => outcome === "unknown")
  return isKnown || isPossible ? [] : [`${key}: has what nobody wrote, or what was refused`]
}

const countDead = (letters: ReadonlyArray<string>) => {
  const dead = new Map<number, number>()
  for (const letter of letters) {
    const { version } = JSON.parse(letter) as { version: number }
    dead.set(version, (dead.get(version) ?? 0) + 1)
  }
  return dead
}

export const makeOracle = ({ client, urls, redis, postgres, members, logs }: Subject) => {
  const ledger = makeLedger(urls.ingest)
  const keys = queueKeys("write_queue")
  const broken = ledger.broken
  const seen = new Map<string, number>()
  const scanned = new Map<ReadonlyArray<string>, number>()
  let samples = 0
  let watching: Promise<void> | null = null
  let isStopped = false

  /** The first invariant, from outside, whatever is going on. */
  const sampleCounters = async () => {
    const { status, body } = await get(`${urls.stats}/stats`)
    if (status !== 200) return
    const now = body as Stats
    samples += 1
    const sum = now.queue_depth + now.in_flight + now.writes_processed + now.writes_failed
    if (sum !== now.writes_queued) broken.push(`counters: ${JSON.stringify(now)}`)
  }
  /** A reader sees no version fall. */
  const sampleRow = async (key: string) => {
    const { status, body } = await get(`${urls.reader}/read/${encodeURIComponent(key)}`)
    if (status === 404 && seen.has(key)) broken.push(`${key} has vanished`)
    if (status !== 200) return
    if (body.version < (seen.get(key) ?? 0)) broken.push(`${key}: its version fell`)
    seen.set(key, body.version)
  }
  const sample = async () => {
    const key = ledger.sent[Math.floor(Math.random() * ledger.sent.length)]?.key
    // A service that is down right now gives no sample.
    await Promise.allSettled([sampleCounters(), key ? sampleRow(key) : null])
  }

  const checkRows = async () => {
    const rows = await postgres.sql<Row>(`select key, value, version from ${TABLE}`)
    const stored = new Map(rows.map((row) => [row.key, row]))
    const sent = byKey(ledger.sent)
    for (const [key, writes] of sent) broken.push(...judgeRow(key, writes, stored.get(key)))
    for (const key of stored.keys()) if (!sent.has(key)) broken.push(`${key}: nobody wrote it`)
    return stored
  }
  const checkDead = async () => {
    const dead = countDead(await redis.connection.lrange(keys.dead, 0, -1))
    const known = ledger.sent.filter(({ poison }) => poison)
    for (const { key, version, outcome } of known) {
      if (outcome === "ok" && dead.get(version) !== 1) broken.push(`${key}: not buried once`)
    }
    return [...dead.values()].reduce((sum, count) => sum + count, 0)
  }
  const checkLeftovers = async () => {
    const names = (await redis.connection.keys("*")).filter((name) => !AT_REST.test(name))
    if (names.length > 0) broken.push(`left in Redis: ${names.join()}`)
  }
  const checkOutput = () => {
    for (const lines of [logs, ...members.map((member) => member.lines)]) {
      for (const line of lines.slice(scanned.get(lines))) {
        if (line.includes(CANARY) || CREDENTIALS.test(line)) broken.push(`printed: ${line}`)
      }
      scanned.set(lines, lines.length)
    }
  }

  return {
    ...ledger,
    /** Write-once keys from several clients; those that were accepted. */
    once: async (what: string, count: number, clients = 8): Promise<ReadonlyArray<Sent>> => {
      const name = ledger.name(what)
      const writes: Sent[] = []
      let next = 0
      await Promise.all(
        Array.from({ length: clients }, async () => {
          while (next < count) writes.push(await ledger.post(`${name}:${next++}`, name))
        }),
      )
      return writes
    },
    /** The rows of unknown outcomes: what was done although nobody was told. */
    applied: async () => {
      const rows = await postgres.sql<Row>(`select key, value, version from ${TABLE}`)
      const values = new Map(rows.map(({ key, value }) => [key, value]))
      return ledger.sent.filter(
        ({ key, value, outcome }) => outcome === "unknown" && values.get(key) === value,
      ).length
    },
    samples: () => samples,
    /** Samples until `end`. */
    watch: () => {
      watching = (async () => {
        while (!isStopped) {
          await sample()
          await new Promise((resume) => setTimeout(resume, SAMPLE_MILLIS))
        }
      })()
    },
    end: async () => {
      isStopped = true
      await watching
    },
    /** Everything, once all is healed and nobody writes. */
    check: async (drainLimitMillis?: number) => {
      for (const { deaths } of members) expect(deaths.splice(0)).toEqual([])
      const stats = await client.drained(drainLimitMillis)
      await checkRows()
      const dead = await checkDead()
      await checkLeftovers()
      checkOutput()
      const [ok, unknown] = [ledger.count("ok", true), ledger.count("unknown", true)]
      // Told once: the next test has its own.
      expect(broken.splice(0)).toEqual([])
      expect(stats.writes_failed).toBe(dead)
      expect(stats.writes_processed + stats.writes_failed).toBe(stats.writes_queued)
      expect(stats.writes_queued).toBeGreaterThanOrEqual(ok)
      expect(stats.writes_queued).toBeLessThanOrEqual(ok + unknown)
      return stats
    },
  }
}
