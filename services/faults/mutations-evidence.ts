/** Mistakes in what decides between a bad row and a bad database. */
import { edit, type Mutation } from "./mutation.ts"

export const EVIDENCE_MUTATIONS: ReadonlyArray<Mutation> = [
  {
    name: "a missing table counts as a bad row",
    edits: [edit("services/worker/errors.ts", "/^(21|22|23|54)/", "/^(21|22|23|42|54)/")],
    caughtBy: [
      "services/faults/postgres.test.ts",
      "its table is renamed: held, and none is buried",
    ],
  },
  {
    name: "the evidence rule turned round: a row is buried while the table is not in order",
    edits: [
      edit(
        "services/worker/evidence/doubt.ts",
        "if (yield* trial.isInOrder) {",
        "if (!(yield* trial.isInOrder)) {",
      ),
    ],
    caughtBy: [
      "services/worker/evidence/evidence.test.ts",
      "costs a bounded number of statements when every row is refused, and some seconds",
    ],
  },
  {
    name: "a table is taken to be in order without a rehearsal",
    edits: [
      edit(
        "services/worker/evidence/evidence.ts",
        'Effect.suspend(() => database.rehearse(table, witnesses.get(table) ?? ""))',
        "Effect.succeed(true)",
      ),
    ],
    caughtBy: [
      "services/worker/evidence/evidence.test.ts",
      "a trigger that raises (P0001) refuses all: none is buried, and all are stored after the repair",
    ],
  },
  {
    name: "a rehearsal writes a row as it was, which no trigger for changed rows sees",
    edits: [edit("shared/table/rehearse.ts", "row.version + 1", "row.version")],
    caughtBy: [
      "services/worker/evidence/evidence.integration.test.ts",
      "a table that refuses every update buries neither new rows nor changed ones",
    ],
  },
  {
    name: "a rehearsal writes no row that is new",
    edits: [edit("shared/table/rehearse.ts", "writeSimilar(sql, witness))", "undefined)")],
    caughtBy: [
      "services/worker/evidence/evidence.integration.test.ts",
      "a table that refuses every insert buries neither new rows nor changed ones",
    ],
  },
  {
    name: "a rehearsal is kept",
    edits: [edit("shared/table/rehearse.ts", "await sql`rollback`", "await sql`commit`")],
    caughtBy: [
      "services/worker/database.integration.test.ts",
      "a rehearsal needs a row, of that key or of any other, and leaves every row as it is",
    ],
  },
  {
    name: "a row is buried after it was refused once",
    edits: [edit("services/worker/settings.ts", "REFUSALS_MIN = 4", "REFUSALS_MIN = 0")],
    caughtBy: [
      "services/worker/evidence/evidence.test.ts",
      "buries no good row when 0.4 of all rows are refused at random (3)",
    ],
  },
  {
    name: "a trigger's own table counts as the row's fault",
    edits: [
      edit("services/worker/errors.ts", "&& !isOfRow(code, table, cause as Fields)", "&& false"),
    ],
    caughtBy: [
      "services/worker/evidence/evidence.integration.test.ts",
      "a trigger whose own table refuses rows (23514) buries none of a whole batch",
    ],
  },
  {
    name: "a batch that waits for evidence keeps its place",
    edits: [
      edit("services/worker/evidence/doubt.ts", "place.leave, decide", "Effect.void, decide"),
    ],
    caughtBy: [
      "services/worker/evidence/doubt.test.ts",
      "stops nobody and is buried: claimed alone by the only place",
    ],
  },
]
