/** Mistakes in the processes, and in the doors to their stores. */
import { edit, type Mutation } from "./mutation.ts"

export const PROCESS_MUTATIONS: ReadonlyArray<Mutation> = [
  {
    name: "no version guard in the upsert",
    edits: [edit("shared/table/statement.ts", " where stored.version < excluded.version`", "`")],
    caughtBy: [
      "services/faults/worker.test.ts",
      "dead, its statement arrives late: it has no effect",
    ],
  },
  {
    name: "a deletion is a row without values",
    edits: [edit("shared/table/statement.ts", "write.isDelete).join", "false && write).join")],
    caughtBy: [
      "shared/table/statement.integration.test.ts",
      "leaves a tombstone, which no reader sees and no older write undoes",
    ],
  },
  {
    name: "the defaults of the Redis driver: a lost reply is asked for again by sending again",
    edits: [
      edit(
        "shared/redis/redis.ts",
        "    maxRetriesPerRequest: 0,\n    enableOfflineQueue: false,\n",
        "",
      ),
    ],
    caughtBy: [
      "services/faults/ingest.test.ts",
      "its reply from Redis is lost after the effect: unknown, sent once, and applied",
    ],
  },
  {
    name: "no coalescing: a key may be twice in one statement",
    edits: [
      edit(
        "services/worker/coalesce.ts",
        "newest: [...byKey.keys()].sort().map(newestOf),",
        "newest: items,",
      ),
    ],
    caughtBy: [
      "services/worker/coalesce.test.ts",
      "keeps the newest write of each key, sorted by key, whatever the order",
    ],
  },
  {
    name: "a batch is released before the hold begins",
    edits: [
      edit(
        "services/worker/acknowledge.ts",
        "  if (error) yield* hold.enter(error)",
        "  yield* Effect.retry(queue.release(id), releaseRetry)\n  if (error) yield* hold.enter(error)",
      ),
      edit(
        "services/worker/acknowledge.ts",
        "  }\n  yield* Effect.retry(queue.release(id), releaseRetry)\n",
        "  }\n",
      ),
    ],
    caughtBy: [
      "services/worker/acknowledge.test.ts",
      "gives the batch back after DatabaseUnavailable, after it held: nobody dies",
    ],
  },
  {
    name: "an older write is not stored when the newest of its key is rejected",
    edits: [
      edit(
        "services/worker/persist.ts",
        "rows = bad.flatMap(({ item }) => nextOlder(item) ?? [])",
        "rows = bad.flatMap(({ item }) => (nextOlder(item), []))",
      ),
    ],
    caughtBy: [
      "services/together/recovery.integration.test.ts",
      "rejected rows are dead letters with their reason, and their neighbours are stored",
    ],
  },
  {
    name: "health does not look whether Redis keeps a log",
    edits: [
      edit(
        "services/stats/queue.ts",
        'setting.get("appendonly") !== "yes"',
        'setting.get("appendonly") === undefined',
      ),
    ],
    caughtBy: [
      "services/stats/queue.integration.test.ts",
      "health says how durable Redis is, and is healthy only when it loses nothing",
    ],
  },
  {
    name: "queries go to a connection that is busy although another is free",
    edits: [
      edit(
        "shared/postgres/slots.ts",
        "slot.inFlight < best.inFlight",
        "slot.inFlight > best.inFlight",
      ),
    ],
    caughtBy: [
      "shared/postgres/pool.integration.test.ts",
      "share what is asked at once: each query goes where the fewest are in flight",
    ],
  },
  {
    name: "the worker takes a standby for a primary",
    edits: [edit("shared/postgres/hosts.ts", "primary: !isStandby,", "primary: true,")],
    caughtBy: [
      "shared/postgres/hosts.integration.test.ts",
      "?target_session_attrs=any or not, whoever writes passes a standby over",
    ],
  },
  {
    name: "a session keeps the date style of the database",
    edits: [edit("shared/postgres/connection.ts", '  DateStyle: "ISO, YMD",\n', "")],
    caughtBy: [
      "shared/postgres/session.integration.test.ts",
      "reads and writes the same where the database has DateStyle = German",
    ],
  },
  {
    name: "connections to PostgreSQL are made without a pace",
    edits: [edit("shared/postgres/hosts.ts", "if (at > now) await", "if (at < 0) await")],
    caughtBy: [
      "shared/postgres/postgres.integration.test.ts",
      "it accepts and closes: calls fail at once, and it is asked about 20 times a second",
    ],
  },
  {
    name: "a log line quotes what was buried",
    edits: [
      edit("services/worker/acknowledge.ts", "reason: commonReason(dead),", "reason: dead.join(),"),
    ],
    caughtBy: [
      "services/faults/postgres.test.ts",
      "a row is rejected amid others: it alone is buried, and no log quotes it",
    ],
  },
  {
    name: "ingest answers 202 although Redis has failed",
    edits: [
      edit(
        "services/ingest/sender.ts",
        "settle(group, () => refusal)",
        "settle(group, () => ({ version: 1, depth: 0 }))",
      ),
    ],
    caughtBy: [
      "services/faults/redis.test.ts",
      "killed under load, with AOF always: nothing accepted is lost",
    ],
  },
  {
    name: "Redis is started without its log",
    edits: [edit("scripts/servers/redis.ts", 'appendonly: "yes"', 'appendonly: "no"')],
    caughtBy: [
      "services/faults/redis.test.ts",
      "killed while batches are in flight: they are recovered from its log",
    ],
  },
  {
    name: "a query has no deadline of its own",
    edits: [edit("shared/postgres/postgres.ts", "}, deadlineMillis)", "}, 2 ** 31 - 1)")],
    caughtBy: [
      "shared/postgres/postgres.integration.test.ts",
      "frozen: each call ends by its deadline, and the first after the thaw succeeds",
    ],
  },
]
