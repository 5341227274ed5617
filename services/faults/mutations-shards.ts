/** Mistakes in what several shards, and several servers, promise. */
import { edit, type Mutation } from "./mutation.ts"

const ENQUEUE = "shared/queue/enqueue.ts"
const CHANGED: Mutation["caughtBy"] = [
  "services/faults/shards.test.ts",
  "become six and two under load: no key has an older value than its last accepted one, and no version is two writes'",
]

export const SHARD_MUTATIONS: ReadonlyArray<Mutation> = [
  {
    name: "without the fence: a shard takes writes by any layout",
    edits: [edit(ENQUEUE, "if layout and layout ~= text(shards) then", "if false then")],
    caughtBy: CHANGED,
  },
  {
    name: "all shards issue the same versions",
    edits: [
      edit(
        "shared/queue/shards.ts",
        "shards === 1 ? { step: 1, residue: 0 } : { step: shards + 1, residue: index }",
        "shards + index < 0 ? { step: 1, residue: 1 } : { step: 1, residue: 0 }",
      ),
    ],
    caughtBy: CHANGED,
  },
  {
    name: "the versions of a new layout begin where each shard's clock is",
    edits: [
      edit(
        "shared/queue/reshard.ts",
        "least: highest(closed), ...seriesOf(count, index)",
        "least: 0, ...seriesOf(count, index)",
      ),
    ],
    caughtBy: CHANGED,
  },
  {
    name: "a master that hears no majority is never left",
    edits: [
      edit("shared/redis/elsewhere.ts", "now - downSince > DOWN_LIMIT_MILLIS", "downSince > now"),
    ],
    caughtBy: [
      "shared/redis/cluster.integration.test.ts",
      "is left for the one that the others have promoted",
    ],
  },
  {
    name: "a write that a replica has to have is accepted when none has it",
    edits: [
      edit(
        "services/ingest/replicas.ts",
        "if ((await (isEarly ? ask() : asked)) >= replicas) return reply",
        "if ((await (isEarly ? ask() : asked)) >= 0) return reply",
      ),
    ],
    caughtBy: [
      "services/faults/sentinel.test.ts",
      "whose master is gone with the last 50 ms, 2 times: nothing accepted is lost",
    ],
  },
  {
    name: "a promoted replica goes on by its own clock",
    edits: [edit(ENQUEUE, "    if history then\n", "    if false then\n")],
    caughtBy: [
      "services/faults/sentinel.test.ts",
      "whose master is gone: what was on its way may be lost, and later writes win over what it had stored",
    ],
  },
]
