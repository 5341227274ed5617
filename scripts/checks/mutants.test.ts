/** Without this, a mutant whose text is gone would be noticed only in a run of the mutants, which takes long. */
import { readFileSync } from "node:fs"
import { expect, test } from "vitest"
import { EVIDENCE_MUTATIONS } from "../../services/faults/mutations-evidence.ts"
import { PROCESS_MUTATIONS } from "../../services/faults/mutations-process.ts"
import { PROMISE_MUTATIONS } from "../../services/faults/mutations-promises.ts"
import { PROTOCOL_MUTATIONS } from "../../services/faults/mutations-protocol.ts"

const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), "utf8")

test.each([
  ...PROCESS_MUTATIONS,
  ...EVIDENCE_MUTATIONS,
  ...PROTOCOL_MUTATIONS,
  ...PROMISE_MUTATIONS,
])("there is one place for the mutant: $name", ({ edits }) => {
  for (const { file, from } of edits) expect(read(file).split(from)).toHaveLength(2)
})
