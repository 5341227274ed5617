/**
 * The clock of an open loop, on a thread of its own that only sleeps: it says when each request is due. A
 * timer of Node's is late by up to a millisecond, which is longer than an answer takes.
 */
import { parentPort, workerData } from "node:worker_threads"

export interface Pace {
  /** A second. */
  readonly rate: number
  readonly requests: number
}

/** In ms, of one clock for all threads. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6

if (parentPort !== null) {
  const { rate, requests } = workerData as Pace
  const never = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  const begin = now()
  for (let number = 0; number < requests; number++) {
    const due = begin + (number * 1_000) / rate
    const millis = due - now()
    if (millis > 0) Atomics.wait(never, 0, 0, millis)
    parentPort.postMessage(due)
  }
}
