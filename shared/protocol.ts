/**
 * The queue protocol: each step is one Lua script, atomic in Redis, O(writes in the call). The scripts
 * splice text and never parse a value. They validate before their first write, because Redis does
 * not roll back. Those that drain carry `allow-oom`: a full Redis must still drain. Redis 7 or newer.
 *
 * What always holds: queued = waiting + in flight + processed + failed, and each write leaves its batch
 * once, by the one call that deletes the batch's list. Counts come from that list, never from a client.
 */
import { acknowledge } from "./protocol/acknowledge.ts"
import { claim } from "./protocol/claim.ts"
import { discard } from "./protocol/discard.ts"
import { enqueue } from "./protocol/enqueue.ts"
import { heartbeat } from "./protocol/heartbeat.ts"
import { leave } from "./protocol/leave.ts"
import { look } from "./protocol/look.ts"
import { own } from "./protocol/own.ts"
import { pause } from "./protocol/pause.ts"
import { purge } from "./protocol/purge.ts"
import { recover } from "./protocol/recover.ts"
import { release } from "./protocol/release.ts"
import { replay } from "./protocol/replay.ts"
import { seed } from "./protocol/seed.ts"
import { snapshot } from "./protocol/snapshot.ts"

const script = (numberOfKeys: number, lua: string) => ({ numberOfKeys, lua })

/** As ioredis takes them: EVAL once for each connection, EVALSHA afterwards, again on NOSCRIPT. */
export const SCRIPTS = {
  enqueue: script(3, enqueue),
  look: script(2, look),
  claim: script(5, claim),
  acknowledge: script(5, acknowledge),
  release: script(3, release),
  recover: script(5, recover),
  heartbeat: script(4, heartbeat),
  leave: script(2, leave),
  seed: script(3, seed),
  own: script(1, own),
  snapshot: script(6, snapshot),
  replay: script(3, replay),
  discard: script(2, discard),
  purge: script(3, purge),
  pause: script(1, pause),
}
