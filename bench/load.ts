/**
 * Load by autocannon: requests for so long on so many connections, marks of their own in each.
 * Runs in this process, which does nothing else meanwhile. The requests of a client differ in their
 * digits only, which are written over the old ones: to have autocannon build each request anew costs
 * it a tenth of what it can send.
 */
import { Buffer } from "node:buffer"
import autocannon from "autocannon"
import type { Contender } from "./contender.ts"
import { Histogram } from "./histogram.ts"
import { Ledger, writeNumber } from "./ledger.ts"
import type { Marked } from "./mark.ts"
import { type Request, requestOf, rowsOf } from "./request.ts"
import type { Work } from "./result.ts"

/** autocannon looks at the clock this often to end. */
const SAMPLE_MILLIS = 50

export interface Load {
  readonly contender: Pick<Contender, "name" | "url">
  readonly work: Work
  /** The connections are shared out among them. */
  readonly tables: ReadonlyArray<Marked>
  readonly connections: number
  readonly seconds: number
  /** Of the marks of what is written, or read. */
  readonly label: string
}

export interface Loaded {
  /** One for each table. */
  readonly ledgers: ReadonlyArray<Ledger>
  readonly accepted: number
  readonly refused: number
  readonly unanswered: number
  readonly histogram: Histogram
  readonly seconds: number
  /** CPU time of the load generator, which shares the machine. */
  readonly cpuSeconds: number
}

/** Where the marks of a request end in its bytes. */
const endsOf = (bytes: Buffer, marks: ReadonlyArray<string>): ReadonlyArray<number> => {
  let end = 0
  return marks.map((mark) => {
    const begin = bytes.indexOf(mark, end)
    if (begin < 0) throw new Error(`a request has no ${mark}`)
    end = begin + Buffer.byteLength(mark)
    return end
  })
}

/** Puts the marks of its next rows into a client's request, and keeps account of the answers. */
const follow = (client: autocannon.Client, request: Request, ledger: Ledger, done: Histogram) => {
  const account = ledger.open()
  let ends: ReadonlyArray<number> | null = null
  let echo = ""
  let isRight = true
  client.on("request", () => {
    // There is one request at a time, so what has no answer by now lost its connection.
    ledger.lose(account)
    const bytes = client.getRequestBuffer()
    const isFirst = ends === null
    ends ??= endsOf(bytes, request.marks)
    for (const [row, end] of ends.entries()) {
      const [owner, number] = request.next(account, row)
      // With the client's own number: the request was built before there was a client.
      if (isFirst) {
        const mark = ledger.mark(owner, number)
        bytes.write(mark, end - Buffer.byteLength(mark))
      } else writeNumber(bytes, end, number)
      if (request.isEchoed) echo = ledger.mark(owner, number)
    }
    isRight = !request.isEchoed
    account.sent += 1
  })
  if (request.isEchoed) {
    client.on("body", (bytes: Buffer) => {
      isRight ||= bytes.includes(echo)
    })
  }
  client.on("response", (status: number, _bytes: number, millis: number) => {
    const isAccepted = status === request.status && isRight
    ledger.answer(account, isAccepted)
    if (isAccepted) done.record(millis)
  })
}

const fire = (load: Load, connections: number, ledger: Ledger, marked: Marked, done: Histogram) =>
  new Promise<void>((resolve, reject) => {
    const { contender, work } = load
    const request = requestOf(contender.name, work, marked, ledger)
    const { method, path, headers, body } = request
    const options = {
      ...{ url: contender.url + path, method, headers, connections, duration: load.seconds },
      ...(body !== undefined && { body }),
      sampleInt: SAMPLE_MILLIS,
      setupClient: (client: autocannon.Client) => follow(client, request, ledger, done),
    }
    autocannon(options, (error) => (error ? reject(error) : resolve()))
  })

/** Resolves when the time is over; what was under way then is not counted as accepted. */
export const run = async (load: Load): Promise<Loaded> => {
  const { tables, work, label } = load
  const histogram = new Histogram()
  const cpu = process.cpuUsage()
  const begin = performance.now()
  const ledgers = await Promise.all(
    tables.map(async (marked, index) => {
      const ledger = new Ledger(label, marked, rowsOf(work))
      const connections = Math.floor((load.connections + index) / tables.length)
      await fire(load, Math.max(1, connections), ledger, marked, histogram)
      return ledger
    }),
  )
  const seconds = (performance.now() - begin) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  for (const ledger of ledgers) ledger.close()
  const sum = (of: (ledger: Ledger) => number) => ledgers.reduce((all, one) => all + of(one), 0)
  return {
    ledgers,
    accepted: sum(({ accepted }) => accepted),
    refused: sum(({ refused }) => refused),
    unanswered: sum(({ unanswered }) => unanswered),
    ...{ histogram, seconds, cpuSeconds: (user + system) / 1e6 },
  }
}

/** @throws when not each request was answered as it should be: such figures are of another load. */
export const demandAnswered = (
  { accepted, refused, unanswered }: Pick<Loaded, "accepted" | "refused" | "unanswered">,
  who: string,
): void => {
  if (accepted > 0 && refused + unanswered === 0) return
  throw new Error(`${who}: ${accepted} accepted, ${refused} refused, ${unanswered} unanswered`)
}
