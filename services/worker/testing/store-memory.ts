/**
 * The state of the queue in memory: the contract of `shared/queue` on plain arrays and maps. Each
 * method is one atomic step; `now` is in milliseconds, and whose clock it is the caller knows.
 */
import { Buffer } from "node:buffer"
import { decodeDeadLetter, encodeWrite } from "../../../shared/item.ts"
import { ALONE_AFTER } from "../../../shared/queue/claim.ts"
import type { Oldest } from "../../../shared/queue/oldest.ts"
import { UNDER_WAY_MICROS } from "../../../shared/queue/seed.ts"
import type { Write } from "../../../shared/write.ts"
import type { Closing, Seeded } from "../queue.ts"
import { CLAIM_MAX_BYTES, RECOVER_MAX } from "../settings.ts"

const NAMES = ["queued", "processed", "coalesced", "failed", "redelivered"] as const

/** Everything there is to see of a queue. */
export interface Snapshot extends Readonly<Record<(typeof NAMES)[number], number>> {
  /** Oldest first. */
  readonly waiting: ReadonlyArray<string>
  /** By lot, oldest first. */
  readonly parked: Readonly<Record<string, ReadonlyArray<string>>>
  readonly inFlight: number
  /** The highest version issued, 0 when there was none. */
  readonly version: number
  /** Batches that were ended, by why their windows closed. */
  readonly windows: Readonly<Record<Closing, number>>
  /** Oldest first. */
  readonly dead: ReadonlyArray<string>
  /** Live workers, each with why it holds, "" when it does not. */
  readonly workers: Readonly<Record<string, string>>
}

const VERSION = /^\{"version":([1-9]\d*),/
const FOREIGN_AGE_MILLIS = 86_400_000

const withVersion = (version: number, members: string) => `{"version":${version},${members}`

export class Store {
  /** Oldest first; in Redis the oldest is the rightmost. */
  waiting: string[] = []
  readonly batches = new Map<string, string[]>()
  readonly lots = new Map<string, string[]>()
  readonly leases = new Map<string, number>()
  readonly workers = new Map<string, number>()
  readonly holds = new Map<string, string>()
  readonly dead: string[] = []
  readonly counters = { queued: 0, processed: 0, coalesced: 0, failed: 0, redelivered: 0 }
  /** Batches that were ended, by why their windows closed. */
  readonly windows = { Full: 0, Asked: 0, Elapsed: 0, Quiet: 0 }
  version = 0
  /** What the queue's clock is ahead of time, in µs. */
  offset = 0
  seeded = false
  /** The newest version whose commit a client waits for. */
  asked = 0
  /** The identity of the database that the queue belongs to. */
  owner = ""
  paused = false
  /** By version: how many workers went silent with the write. */
  readonly lostLeases = new Map<string, number>()

  silent(item: string | undefined) {
    return this.lostLeases.get(VERSION.exec(item ?? "")?.[1] ?? "") ?? 0
  }

  enqueue(now: number, writes: ReadonlyArray<Write>, isAwaited = false) {
    const first = Math.max(this.version + 1, now * 1_000 + this.offset)
    writes.forEach((write, i) => {
      this.waiting.push(withVersion(first + i, encodeWrite(write).slice(1)))
    })
    this.version = first + writes.length - 1
    if (isAwaited) this.asked = this.version
    this.counters.queued += writes.length
    return first
  }

  look(now: number) {
    const age = (item: string | undefined) => {
      const version = VERSION.exec(item ?? "")?.[1]
      return version
        ? Math.floor(now + (this.offset - Number(version)) / 1_000)
        : FOREIGN_AGE_MILLIS
    }
    const depth = this.waiting.length
    const { paused } = this
    if (depth === 0) return { depth, oldestAge: 0, newestAge: 0, asked: false, paused }
    const [oldest] = this.waiting
    return {
      ...{ depth, oldestAge: age(oldest), newestAge: age(this.waiting.at(-1)), paused },
      asked: this.asked >= Number(VERSION.exec(oldest ?? "")?.[1] ?? Number.POSITIVE_INFINITY),
    }
  }

  claim(now: number, id: string, max: number, leaseMillis: number) {
    const again = this.batches.get(id)
    if (again) {
      this.leases.set(id, now + leaseMillis)
      return again
    }
    if (!this.seeded) return null
    if (this.paused) return []
    const ceiling = Math.max(this.version, now * 1_000)
    let next = ceiling
    let bytes = 0
    const items: string[] = []
    while (items.length < max && bytes < CLAIM_MAX_BYTES) {
      const isSuspect = this.silent(this.waiting[0]) >= ALONE_AFTER
      if (isSuspect && items.length > 0) break
      let item = this.waiting.shift()
      if (item === undefined) break
      const version = VERSION.exec(item)?.[1]
      if (version === undefined || Number(version) > ceiling) {
        const members = /^\s*\{(.*)$/s.exec(item)?.[1] ?? `"unreadable":${JSON.stringify(item)}}`
        item = withVersion(++next, `"foreign":true,${members}`)
        this.counters.queued += 1
      }
      items.push(item)
      bytes += Buffer.byteLength(item)
      if (isSuspect) break
    }
    if (items.length === 0) return items
    this.batches.set(id, items)
    this.leases.set(id, now + leaseMillis)
    if (next > ceiling) this.version = next
    return items
  }

  acknowledge(id: string, closing: Closing, coalesced: number, dead: ReadonlyArray<string>) {
    const batch = this.batches.get(id)
    if (!batch) return false
    this.batches.delete(id)
    this.leases.delete(id)
    for (const item of batch) this.lostLeases.delete(VERSION.exec(item)?.[1] ?? "")
    this.dead.push(...dead)
    this.counters.processed += batch.length - dead.length
    this.counters.failed += dead.length
    this.counters.coalesced += coalesced
    this.windows[closing] += 1
    return true
  }

  release(id: string) {
    const batch = this.batches.get(id) ?? []
    this.batches.delete(id)
    this.leases.delete(id)
    this.waiting = [...batch, ...this.waiting]
    return batch.length
  }

  park(id: string, lot: string, versions: ReadonlyArray<number>) {
    const wanted = new Set(versions.map(String))
    const isWanted = (item: string) => wanted.has(VERSION.exec(item)?.[1] ?? "")
    const batch = this.batches.get(id) ?? []
    const parked = batch.filter(isWanted)
    const rest = batch.filter((item) => !isWanted(item))
    if (parked.length === 0) return 0
    for (const version of wanted) this.lostLeases.delete(version)
    this.batches.set(id, rest)
    if (rest.length === 0) this.release(id)
    this.lots.set(lot, [...(this.lots.get(lot) ?? []), ...parked])
    return parked.length
  }

  unpark(lot: string, most: number) {
    const parked = this.lots.get(lot) ?? []
    const back = parked.splice(0, most)
    if (parked.length === 0) this.lots.delete(lot)
    this.waiting = [...back, ...this.waiting]
    return back.length
  }

  recover(now: number, id: string) {
    const deadline = this.leases.get(id)
    if (deadline === undefined || deadline > now) return 0
    for (const item of this.batches.get(id) ?? []) {
      this.lostLeases.set(VERSION.exec(item)?.[1] ?? "", this.silent(item) + 1)
    }
    const count = this.release(id)
    this.counters.redelivered += count
    return count
  }

  heartbeat(now: number, worker: string, ids: ReadonlyArray<string>, held: string, lease: number) {
    for (const [name, deadline] of this.workers) if (deadline <= now) this.leave(name)
    this.workers.set(worker, now + lease)
    if (held) this.holds.set(worker, held)
    else this.holds.delete(worker)
    const lost = ids.filter((id) => !this.leases.has(id))
    for (const id of ids) if (this.leases.has(id)) this.leases.set(id, now + lease)
    const expired = [...this.leases].filter(([, deadline]) => deadline <= now)
    expired.sort(([, a], [, b]) => a - b)
    return {
      lost,
      expired: expired.slice(0, RECOVER_MAX).map(([id]) => id),
      lots: [...this.lots.keys()],
      able: [...this.workers.keys()],
    }
  }

  leave(worker: string) {
    this.workers.delete(worker)
    this.holds.delete(worker)
  }

  seed(now: number, highest: number, database: string): Seeded {
    const above = highest > 0 ? highest + UNDER_WAY_MICROS : 0
    if (this.version < above && this.leases.size > 0) return "waits"
    this.seeded = true
    this.owner = database
    if (this.version >= above) return "kept"
    for (const lot of this.lots.keys()) this.unpark(lot, Number.POSITIVE_INFINITY)
    let next = above
    this.waiting = this.waiting.map((item) =>
      VERSION.test(item) ? withVersion(++next, item.replace(VERSION, "")) : item,
    )
    this.version = next
    this.offset = Math.max(this.offset, next - now * 1_000)
    return "lifted"
  }

  oldest(): Oldest | null {
    if (!this.seeded || this.paused) return null
    const items = [...this.waiting, ...[...this.batches.values()].flat()]
    const versions = items.flatMap((item) => VERSION.exec(item)?.[1] ?? [])
    return {
      lowest: Math.min(Number.MAX_SAFE_INTEGER, ...versions.map(Number)),
      lots: [...this.lots.keys()],
      letters: this.dead.length,
      newestLetter: this.dead.at(-1) ?? null,
    }
  }

  replay(letter: string) {
    this.dead.splice(this.dead.indexOf(letter), 1)
    this.waiting.unshift(decodeDeadLetter(letter).item)
    this.counters.failed -= 1
  }

  snapshot(now: number): Snapshot {
    const { waiting, batches, version, dead, workers, holds, counters } = this
    const live = [...workers].filter(([, deadline]) => deadline > now)
    return {
      ...{ ...counters, version, waiting: [...waiting], windows: { ...this.windows } },
      parked: Object.fromEntries([...this.lots].map(([lot, items]) => [lot, [...items]])),
      inFlight: [...batches.values()].reduce((sum, batch) => sum + batch.length, 0),
      dead: [...dead],
      workers: Object.fromEntries(live.map(([name]) => [name, holds.get(name) ?? ""])),
    }
  }
}
