/** Mistakes in what clients are promised who wait, who repeat, who read what they wrote, and who send many. */
import { edit, type Mutation } from "./mutation.ts"

const CLAIM = "shared/queue/claim.ts"
const ACKNOWLEDGE = "shared/queue/acknowledge.ts"
const ENQUEUE = "shared/queue/enqueue.ts"
const COMMIT = "services/ingest/commit.ts"
const PUT = "services/ingest/queue.ts"
const SENDER = "services/ingest/sender.ts"

const REPEATS = "services/faults/repeats.test.ts"
const WAITS = "services/faults/waits.test.ts"
const EACH_ITS_OWN = "for commits among which PostgreSQL refuses some: each is told its own"

export const PROMISE_MUTATIONS: ReadonlyArray<Mutation> = [
  {
    name: "a commit is told before it is known: when the client's time is up",
    edits: [edit(COMMIT, "read(outcome) : null", 'read(outcome) : "committed"')],
    caughtBy: [
      "services/ingest/commit.integration.test.ts",
      "is known once its batch is acknowledged, and not before",
    ],
  },
  {
    name: "a write that died is told as a commit",
    edits: [edit(ACKNOWLEDGE, "died[version] or version", "version")],
    caughtBy: [
      "services/ingest/commit.integration.test.ts",
      "is a reason for the write that died, and none for its neighbours",
    ],
  },
  {
    name: "an idempotency key is remembered without its payload",
    edits: [
      edit(ENQUEUE, "if before ~= payload then", "if not before then"),
      edit(ENQUEUE, "local isSame = before == payload and", "local isSame = before and"),
    ],
    caughtBy: [
      "services/ingest/once.integration.test.ts",
      "with another payload is refused, and nothing is queued",
    ],
  },
  {
    name: "the answers of a group are in another order than its writes",
    edits: [
      edit(
        "services/ingest/outcome.ts",
        "{ version: first + position * step, depth: total }",
        "{ version: first + (taken - 1 - position) * step, depth: total }",
      ),
    ],
    caughtBy: [
      "services/ingest/many.integration.test.ts",
      "are queued in their order, beside others",
    ],
  },
  {
    name: "an idempotency key is checked outside the script, and remembered after it",
    edits: [
      edit(
        PUT,
        "  return (write, request) =>\n    new",
        "  const put: Put = (write, request) =>\n    new",
      ),
      edit(
        PUT,
        "      send(item, size, request, resolve)\n    })\n",
        `      send(item, size, request, resolve)
    })
  const known = new Map<string, Outcome>()
  return async (write, request) => {
    const key = request?.key ?? null
    const before = key !== null && known.get(key)
    if (before) return { ...before, isRepeated: true }
    const outcome = await put(write, request && { ...request, key: null })
    if (key !== null && "version" in outcome) known.set(key, outcome)
    return outcome
  }
`,
      ),
    ],
    caughtBy: [
      REPEATS,
      "after its reply was lost, and ingest and Redis were killed: it is told the first version",
    ],
  },
  {
    name: "a commit is published when the batch is claimed, before the commit",
    edits: [
      edit(CLAIM, 'keys: ["waiting",', 'keys: ["asked", "outcomePrefix", "waiting",'),
      edit(
        CLAIM,
        "push('RPUSH', batch, items)\n",
        `push('RPUSH', batch, items)
for _, item in ipairs(items) do
  local version = versionTextOf(item)
  if redis.call('ZSCORE', asked, version) then redis.call('SET', outcomePrefix .. version, version, 'EX', 60) end
end
`,
      ),
    ],
    caughtBy: [
      WAITS,
      "for a commit, and its worker is killed before the acknowledgement: told by the next",
    ],
  },
  {
    name: "the answers of a group are swapped",
    edits: [edit(SENDER, "=> outcomes[index] ??", "=> outcomes[outcomes.length - 1 - index] ??")],
    caughtBy: [WAITS, EACH_ITS_OWN],
  },
  {
    name: "what became of a write is told to another client that waits",
    edits: [edit("shared/waits.ts", "answers[index] as", "answers[due.length - 1 - index] as")],
    caughtBy: [WAITS, EACH_ITS_OWN],
  },
  {
    name: "what became of a write stays in Redis for ever",
    edits: [edit(ACKNOWLEDGE, `, 'EX', \${OUTCOME_SECONDS})`, ")")],
    caughtBy: [WAITS, EACH_ITS_OWN],
  },
  {
    name: "a reader shows whatever row there is",
    edits: [
      edit(
        "services/reader/app.ts",
        "if (!isAt(found, version)) {",
        "if (found === null && version > 0) {",
      ),
    ],
    caughtBy: [
      WAITS,
      "for its row while PostgreSQL writes nothing: 412 in time with what there is, then the row",
    ],
  },
  {
    name: "many writes are all said to be queued when their first part is",
    edits: [
      edit(
        "services/ingest/writes.ts",
        "return queued.length < writes.length ? answerPartly(outcomes, writes.length) : queued",
        "return queued.length === 0 ? answerPartly(outcomes, writes.length) : queued",
      ),
    ],
    caughtBy: [
      REPEATS,
      "many writes whose second call is lost on its way: named, and once when repeated",
    ],
  },
]
