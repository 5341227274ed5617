/** What a client does wherever it runs: each of its calls, and one that is refused. */
import { ClientError, makeClient } from "../../../shared/client.ts"

const AT = "2026-11-25T10:00:00.000Z"
const click = (x: number) => ({ type: "click", payload: { x }, at: AT })

/** Resolves to what it was told, without what differs each time. */
export const travel = async (ingest: string, reader: string, key: string) => {
  const client = makeClient({ ingest, reader })
  const written = await client.write("key_values", { key, value: "ä🗝" }, { wait: 20 })
  const row = await client.read("key_values", key, { minVersion: written.version })
  const { versions } = await client.writeMany("events", [click(1), click(2)])
  const [, last = 0] = versions
  await client.waitFor("events", last, last, 20)
  const rows = await client.readMany("events", versions)
  const deletion = await client.delete("key_values", key)
  const left = await client.waitFor("key_values", key, deletion.version, 20)
  const refused: unknown = await client
    .write("events", { ...click(3), at: "noon" })
    .catch((error) => error instanceof ClientError && [error.status, error.type])
  return {
    committed: written.committed,
    value: row?.value,
    payloads: rows.map((one) => one?.payload),
    ...{ left, refused },
  }
}
