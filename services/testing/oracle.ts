/**
 * The oracle: what must be so after any fault. "The final value of hot keys" alone is blind, since a later
 * write hides a lost one; so there are keys that are written once, writes that must never appear, the
 * counters at every sample, versions that readers see, what is left in Redis, and what was printed. A commit
 * that a client is told of is looked for in PostgreSQL at that moment, and by readers from then on.
 */
import { expect } from "vitest"
import type { Stats } from "../../shared/contract.ts"
import type { client as makeClient } from "./client.ts"
import { checkCommit, makeGlance } from "./glance.ts"
import { type Kept, keptIn } from "./kept.ts"
import { makeLedger } from "./ledger.ts"
import type { Member } from "./member.ts"
import type { TestPostgres } from "./postgres.ts"
import { judgeRows, storedRows } from "./rows.ts"
import { CANARY, type Sent } from "./sent.ts"

const SAMPLE_MILLIS = 40
const SAMPLE_LIMIT_MILLIS = 3_000

/** Between "//" and "@" of a URL. */
const CREDENTIALS = /:\/\/[^/\s]*:[^/\s]*@/

interface Subject {
  readonly client: ReturnType<typeof makeClient>
  readonly urls: Readonly<Record<"ingest" | "reader" | "stats", string>>
  /** Left out: the one. */
  readonly ingests?: ReadonlyArray<string>
  /** All that may have some of the queue. */
  readonly nodes: Parameters<typeof keptIn>[0]
  readonly postgres: TestPostgres
  readonly members: ReadonlyArray<Member>
  readonly logs: ReadonlyArray<string>
}

interface Letter {
  readonly version: number
  /** Not of a foreign text. */
  readonly key?: string
}

export const makeOracle = (subject: Subject) => {
  const { client, urls, nodes, postgres, members, logs } = subject
  const onCommit = (write: Sent) => {
    commits += 1
    glance.learn(write)
    looks.push(
      checkCommit(postgres, write).then((found) => {
        if (found !== null) broken.push(found)
      }),
    )
  }
  const ledger = makeLedger(subject.ingests ?? [urls.ingest], onCommit)
  const { broken } = ledger
  const glance = makeGlance(urls.reader, ledger.sent, broken)
  const looks: Array<Promise<void>> = []
  const scanned = new Map<ReadonlyArray<string>, number>()
  let commits = 0
  let samples = 0
  let watching: Promise<void> | null = null
  let isStopped = false

  /** The first invariant, from outside, whatever is going on. */
  const sampleCounters = async () => {
    const signal = AbortSignal.timeout(SAMPLE_LIMIT_MILLIS)
    const response = await fetch(`${urls.stats}/stats`, { signal })
    if (response.status !== 200) return
    const now = (await response.json()) as Stats
    samples += 1
    const sum = now.queue_depth + now.in_flight + now.writes_processed + now.writes_failed
    if (sum !== now.writes_queued) broken.push(`counters: ${JSON.stringify(now)}`)
  }
  const sample = async () => {
    const write = ledger.sent[Math.floor(Math.random() * ledger.sent.length)]
    // Half of them wait for what they know to be accepted.
    const read = write && glance.read(write, Math.random() < 0.5)
    // A service that is down right now gives no sample.
    await Promise.allSettled([sampleCounters(), read])
  }

  const checkDead = ({ letters: texts }: Kept) => {
    const letters = texts.map((text) => JSON.parse(text) as Letter)
    for (const { key, version, outcome, poison } of ledger.sent) {
      if (!poison || outcome !== "ok") continue
      // Its version is not told to a client that waits for the commit.
      const mine = letters.filter((letter) =>
        version === 0 ? letter.key === key : letter.version === version,
      )
      if (mine.length !== 1) broken.push(`${key}: not buried once`)
    }
    return texts.length
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
      const rows = await storedRows(postgres)
      const values = new Map(rows.map(({ key, value }) => [key, value]))
      return ledger.sent.filter(
        ({ key, value, outcome }) => outcome === "unknown" && values.get(key) === value,
      ).length
    },
    samples: () => samples,
    /** How many commits clients were told of. */
    commits: () => commits,
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
      await Promise.all(looks.splice(0))
      broken.push(...(await judgeRows(postgres, ledger.sent)))
      const kept = await keptIn(nodes)
      const dead = checkDead(kept)
      broken.push(...kept.leftovers)
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
