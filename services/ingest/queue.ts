/**
 * put: hands a write to the shard of the queue that has its key; which sends it at most once, and says whether it
 * was queued. What waits here for replies is bounded, of all shards together. The layout is followed
 * while it changes.
 */
import { Buffer } from "node:buffer"
import { encodeWrite } from "../../shared/item.ts"
import type { Shard, Shards } from "../../shared/queue/open-shards.ts"
import { shardOf } from "../../shared/queue/shards.ts"
import { identity, type Write } from "../../shared/write.ts"
import type { Request } from "./group.ts"
import { type Outcome, unavailable } from "./outcome.ts"
import { type Common, type Limits, makeSend, type Send } from "./sender.ts"

/** Sent and not answered yet. Beyond it Redis does not keep up, and memory would grow without end. */
export const WAITING_MAX_WRITES = 10_000
export const WAITING_MAX_BYTES = 64 * 1024 * 1024

/** Never rejects. */
export type Put = (write: Write, request?: Request) => Promise<Outcome>

/** The number of the shard of a write. */
const makePlace = () => {
  let turn = 0
  let isTurn = false
  /** One for all of an event-loop turn, so that its writes are one group. */
  const inTurn = () => {
    if (isTurn) return turn
    isTurn = true
    setImmediate(() => {
      isTurn = false
    })
    return ++turn
  }
  return (write: Write, request: Request | undefined, shards: number): number => {
    if (shards === 1) return 0
    // A row that is appended may be anywhere, but its repetition has to find it.
    const key = identity(write) ?? request?.callKey ?? request?.key ?? null
    return key === null ? inTurn() % shards : shardOf(write.table.name, key, shards)
  }
}

/** Does it, unless it is being done. */
const oneAtATime = (work: () => Promise<unknown>) => {
  let isRunning = false
  return () => {
    if (isRunning) return
    isRunning = true
    const end = () => {
      isRunning = false
    }
    void work().then(end, end)
  }
}

export const makePut = (
  shards: Pick<Shards, "current" | "refresh">,
  limits: Limits,
  report: Common["report"],
): Put => {
  const room: Common["room"] = { writes: 0, bytes: 0 }
  const place = makePlace()
  const refresh = oneAtATime(shards.refresh)
  let current: ReadonlyArray<Shard> = []
  let senders: ReadonlyArray<Send> = []

  /** What is under way in the shards before ends there: their fence lets in none of it too late. */
  const follow = (now: ReadonlyArray<Shard>) => {
    const isSame =
      now.length === current.length && now.every((shard, number) => shard === current[number])
    current = now
    if (isSame) return
    const common = { ...limits, room, depths: now.map(() => 0), report, onMoved: refresh }
    senders = now.map((shard, number) => makeSend(shard, number, common))
  }

  return (write, request) =>
    new Promise((resolve) => {
      const now = shards.current()
      if (now !== current) follow(now)
      const send = senders[place(write, request, senders.length)]
      if (!send) {
        // Nobody has said the layout.
        refresh()
        return resolve(unavailable)
      }
      const item = encodeWrite(write)
      const size = Buffer.byteLength(item)
      if (room.writes === WAITING_MAX_WRITES || room.bytes + size > WAITING_MAX_BYTES) {
        return resolve(unavailable)
      }
      room.writes += 1
      room.bytes += size
      send(item, size, request, resolve)
    })
}
