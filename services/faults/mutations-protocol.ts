/** Mistakes in the scripts that run in Redis. */
import { edit, type Mutation } from "./mutation.ts"

const CLAIM = "shared/queue/claim.ts"
const ACKNOWLEDGE = "shared/queue/acknowledge.ts"

export const PROTOCOL_MUTATIONS: ReadonlyArray<Mutation> = [
  {
    name: "destructive pop: claim takes and counts, nothing is kept until the acknowledgement",
    edits: [
      edit(
        CLAIM,
        "push('RPUSH', batch, items)\nredis.call('ZADD', leases, millis() + lease, id)",
        "redis.call('HINCRBY', counters, 'processed', #items)",
      ),
      edit(ACKNOWLEDGE, "then return -1 end", "then return 0 end"),
    ],
    caughtBy: [
      "services/together/recovery.integration.test.ts",
      "a worker killed between claim and commit loses nothing and counts nothing twice",
    ],
  },
  {
    name: "a heartbeat without XX: it brings lost leases back",
    edits: [
      edit(
        "shared/queue/heartbeat.ts",
        "if redis.call('ZSCORE', leases, id) then redis.call('ZADD', leases, 'XX', deadline, id)",
        "if deadline then redis.call('ZADD', leases, deadline, id)",
      ),
    ],
    caughtBy: [
      "services/worker/queue.integration.test.ts",
      "a heartbeat names what is lost and never brings it back",
    ],
  },
  {
    name: "acknowledge believes the count of its client, and does not look for the batch",
    edits: [
      edit(
        ACKNOWLEDGE,
        "local count = redis.call('LLEN', batch)\nif count == 0 then return -1 end",
        "local count = math.floor(coalesced / 1000000)\ncoalesced = coalesced % 1000000",
      ),
      edit(
        "services/worker/queue.ts",
        "queue.acknowledge({ id, closing, coalesced, letters })",
        "queue.acknowledge({ id, closing, coalesced: coalesced + 1e6 * (sizes.get(id) ?? 0), letters })",
      ),
      edit(
        "services/worker/queue.ts",
        "(found) => found && readBatch(id, found.items, found.lostLeases, found.left),",
        "(found) => found && (sizes.set(id, found.items.length), readBatch(id, found.items, found.lostLeases, found.left)),",
      ),
      edit(
        "services/worker/queue.ts",
        "const makeStep =",
        "const sizes = new Map<string, number>()\nconst makeStep =",
      ),
    ],
    caughtBy: [
      "services/faults/worker.test.ts",
      "frozen past its lease: its late acknowledgement is refused, and nothing counts twice",
    ],
  },
  {
    name: "a batch is recovered while its worker lives",
    edits: [
      edit(
        "shared/queue/recover.ts",
        "if not deadline or tonumber(deadline) > millis() then",
        "if not deadline then",
      ),
    ],
    caughtBy: [
      "services/worker/queue.integration.test.ts",
      "a batch is recovered only past its deadline, once, in order, and counted as redelivered",
    ],
  },
  {
    name: "a full Redis does not drain",
    edits: [edit("shared/queue/script.ts", 'drains: "#!lua flags=allow-oom"', 'drains: "#!lua"')],
    caughtBy: [
      "services/faults/redis.test.ts",
      "full: writes are refused with Retry-After, what waits drains, and writes come again",
    ],
  },
  {
    name: "versions do not continue above the table's",
    edits: [edit("shared/queue/seed.ts", "if last >= highest then", "if true then")],
    caughtBy: [
      "services/faults/redis.test.ts",
      "back with nothing and a clock behind the table: the next write of a key still wins",
    ],
  },
  {
    name: "versions are a counter that begins again with an empty Redis",
    edits: [
      edit("shared/queue/enqueue.ts", "math.max(last + 1, now + clock.offset)", "last + 1"),
      edit("shared/queue/seed.ts", "if last >= highest then", "if true then"),
    ],
    caughtBy: [
      "services/faults/redis.test.ts",
      "back with nothing: counters begin again together, and the next write of a key wins",
    ],
  },
  {
    name: "the limit of the queue is looked at once for a whole call",
    edits: [
      edit(
        "shared/queue/enqueue.ts",
        "math.max(0, math.min(#fresh, most - depth))",
        "depth < most and #fresh or 0",
      ),
    ],
    caughtBy: [
      "services/faults/overload.test.ts",
      "sent to two processes at once: exactly as many are taken as may wait",
    ],
  },
  {
    name: "parked writes do not count for the limit of the queue",
    edits: [edit("shared/queue/enqueue.ts", " + tonumber(parked or '0')", "")],
    caughtBy: [
      "shared/queue/park.integration.test.ts",
      "counts for the limit of the queue and the depth that ingest answers",
    ],
  },
  {
    name: "versions of parked writes are lifted out of their order",
    edits: [
      edit("shared/queue/seed.ts", "redis.call('RPOP', lotPrefix", "redis.call('LPOP', lotPrefix"),
    ],
    caughtBy: [
      "shared/queue/purge.integration.test.ts",
      "that lifts versions lifts those of parked writes first, in the order they had",
    ],
  },
  {
    name: "a purge goes on with what came after it was asked for",
    edits: [edit("shared/queue/purge.ts", "elseif version > newest then", "elseif false then")],
    caughtBy: [
      "shared/queue/purge.integration.test.ts",
      "leaves what came later parked, in its order, and takes all else whatever that is",
    ],
  },
  {
    name: "nobody counts the workers that a write has ended",
    edits: [
      edit(
        "shared/queue/recover.ts",
        "redis.call('HINCRBY', lostLeases, versionTextOf(item), 1)",
        "redis.call('HINCRBY', lostLeases, versionTextOf(item), 0)",
      ),
    ],
    caughtBy: [
      "services/faults/silence.test.ts",
      "is claimed alone from the third silence on, and buried at the sixth; neighbours live",
    ],
  },
  {
    name: "a version falls after a promotion",
    edits: [edit("shared/queue/enqueue.ts", "if id and id ~= history then", "if not id then")],
    caughtBy: [
      "shared/queue/clock.integration.test.ts",
      "whose clock is 30 s behind gives versions above those that it never saw",
    ],
  },
  {
    name: "a worker of another database claims",
    edits: [
      edit(
        "shared/queue/claim.ts",
        "local refused = demandOwner(owner, database)",
        "local refused = false",
      ),
    ],
    caughtBy: [
      "services/worker/queue.integration.test.ts",
      "a queue belongs to the database that seeded it, until an operator gives it to another",
    ],
  },
  {
    name: "a deadline of a clock that was set back is left as it is",
    edits: [
      edit(
        "shared/queue/heartbeat.ts",
        "do redis.call('ZADD', key, text(now + longest), member) end",
        "do redis.call('ZSCORE', key, member) end",
      ),
    ],
    caughtBy: [
      "shared/queue/clock.integration.test.ts",
      "keeps a batch of a dead worker for one lease, not for an hour",
    ],
  },
]
