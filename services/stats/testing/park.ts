/** Parked writes for tests, set aside as a worker does it. */
import type { Queue } from "../../../shared/queue/queue.ts"

const DATABASE = "1/db/public"
const MOST = { most: 10_000, mostBytes: 1024 * 1024, lease: 10_000 }

/** Returns the version of the first. What waits besides goes on waiting. */
export const parkOn = async (queue: Queue, lot: string, ...writes: ReadonlyArray<string>) => {
  const { first } = await queue.enqueue({ most: 10_000, isFirst: false, writes })
  await queue.seed({ highest: 0, database: DATABASE })
  await queue.claim({ id: lot, ...MOST, database: DATABASE })
  await queue.park({ id: lot, lot, versions: writes.map((_, at) => String(first + at)) })
  await queue.release({ id: lot })
  return first
}
