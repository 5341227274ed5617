/**
 * Load by autocannon: POSTs for so long on so many connections, a mark of its own in each request.
 * Runs in this process, which does nothing else meanwhile. The requests of a client differ in their
 * digits only, which are written over the old ones: to have autocannon build each request anew costs
 * it a tenth of what it can send.
 */
import { Buffer } from "node:buffer"
import autocannon from "autocannon"
import { Histogram } from "./histogram.ts"
import { Ledger, writeNumber } from "./ledger.ts"
import type { Marked } from "./mark.ts"

/** autocannon looks at the clock this often to end. */
const SAMPLE_MILLIS = 50

/** A paced load sends this many small bursts a second; autocannon alone would send one. */
const BURSTS_PER_SECOND = 20

export interface Load {
  readonly marked: Marked
  readonly url: string
  readonly connections: number
  readonly seconds: number
  readonly label: string
  /** Requests per second; left out: each connection sends as soon as it has its answer. */
  readonly rate?: number
  /** Called with each answer, as it comes. */
  readonly onAnswer?: (isAccepted: boolean, millis: number) => void
}

export interface Loaded {
  readonly ledger: Ledger
  readonly histogram: Histogram
  readonly seconds: number
  /** CPU time of the load generator, which shares the machine. */
  readonly cpuSeconds: number
}

const isAcceptance = (status: number) => status === 200 || status === 202

const fire = (load: Load, ledger: Ledger, histogram: Histogram): Promise<void> =>
  new Promise((resolve, reject) => {
    const { path, write } = load.marked
    const first = ledger.mark(0, 0)
    const body = JSON.stringify(write(first).row)
    const afterMark = Buffer.byteLength(body.slice(body.indexOf(first) + first.length))
    const setupClient = (client: autocannon.Client) => {
      const account = ledger.open()
      const prefix = ledger.mark(account.client, 0)
      client.on("request", () => {
        // There is one request at a time, so what has no answer by now lost its connection.
        ledger.lose(account)
        const bytes = client.getRequestBuffer()
        const end = bytes.length - afterMark
        // With the client's own number: the request was built before there was a client.
        if (account.sent === 0) bytes.write(prefix, end - Buffer.byteLength(prefix))
        writeNumber(bytes, end, account.sent)
        account.sent += 1
      })
      client.on("response", (status: number, _bytes: number, millis: number) => {
        const isAccepted = isAcceptance(status)
        ledger.answer(account, isAccepted)
        if (isAccepted) histogram.record(millis)
        load.onAnswer?.(isAccepted, millis)
      })
    }
    const options = {
      url: `${load.url}${path}`,
      method: "POST" as const,
      headers: { "content-type": "application/json" },
      body,
      connections: load.connections,
      duration: load.seconds,
      sampleInt: SAMPLE_MILLIS,
      setupClient,
      ...(load.rate !== undefined && { overallRate: load.rate }),
    }
    autocannon(options, (error) => (error ? reject(error) : resolve()))
  })

/**
 * Several small loads that begin one after the other within a second. Each sends once a second, and ends
 * between two bursts, so that exactly `rate` times `seconds` requests are due.
 */
const fireInBursts = async (load: Load, rate: number, ledger: Ledger, histogram: Histogram) => {
  const share = (total: number) => Math.max(1, Math.round(total / BURSTS_PER_SECOND))
  const bursts = Array.from({ length: BURSTS_PER_SECOND }, async (_, index) => {
    await new Promise((resume) => setTimeout(resume, (index * 1_000) / BURSTS_PER_SECOND))
    const small = { connections: share(load.connections), rate: share(rate) }
    await fire({ ...load, ...small, seconds: load.seconds - 0.5 }, ledger, histogram)
  })
  await Promise.all(bursts)
}

/** Resolves when the time is over; what was under way then is not counted as accepted. */
export const run = async (load: Load): Promise<Loaded> => {
  const ledger = new Ledger(load.label, load.marked)
  const histogram = new Histogram()
  const cpu = process.cpuUsage()
  const begin = performance.now()
  await (load.rate === undefined
    ? fire(load, ledger, histogram)
    : fireInBursts(load, load.rate, ledger, histogram))
  const seconds = (performance.now() - begin) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  ledger.close()
  return { ledger, histogram, seconds, cpuSeconds: (user + system) / 1e6 }
}
