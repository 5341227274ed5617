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
]
