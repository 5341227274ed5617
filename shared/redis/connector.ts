/**
 * How a connection finds its Redis behind a cluster or behind Sentinels: each time that it connects, it asks
 * those that REDIS_URL names who the master is, and opens a plain socket to that one. It asks for ever, with a
 * bounded delay: to the driver a connector that rejects is closed for good. Only questions are sent more than
 * once, and no redirection is followed: who is told MOVED connects again.
 */
import { connect as connectPlain } from "node:net"
import { connect as connectTls } from "node:tls"
import { AbstractConnector } from "ioredis"
import type { Address } from "../store-url.ts"
import { type Answer, ask, encrypted, type Question, reasonOf } from "./seeds.ts"

/** How long an address that has just failed waits for somebody to name another one. */
const PATIENCE_MILLIS = 100

const ASK_AGAIN_MIN_MILLIS = 50
const ASK_AGAIN_MAX_MILLIS = 500

/** A peer that is frozen does not close its side. */
const CLOSE_LIMIT_MILLIS = 500

/** Nodes that a cluster has told of, which are asked as well: those of REDIS_URL may be replaced by and by. */
const LEARNT_MAX = 16

/** In the driver's words, which it does not report of a connection that was closed. */
const CLOSED = "Connection is closed."

const sleep = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

const placeOf = ({ host, port }: Address) => `${host}:${port}`

/** Each place once, in this order. */
const distinct = (addresses: ReadonlyArray<Address>) => [
  ...new Map(addresses.map((address) => [placeOf(address), address])).values(),
]

export class MasterConnector extends AbstractConnector {
  readonly #question: Question
  #learnt: ReadonlyArray<Address> = []
  #last: string | null = null
  /** Where the last connection went, unless it could be used. */
  #failed: string | null = null

  constructor(options: unknown) {
    super(CLOSE_LIMIT_MILLIS)
    // The driver's own, into which a URL that was read again is written.
    this.#question = options as Question
  }

  override async connect(report: (type: string, error: Error) => void) {
    this.connecting = true
    for (let attempt = 1; this.connecting; attempt++) {
      const found = await this.#find()
      if (!this.connecting) break
      if (typeof found !== "string") return this.#open(found)
      report("error", Object.assign(new Error(found), { code: found }))
      await sleep(Math.min(ASK_AGAIN_MIN_MILLIS * attempt, ASK_AGAIN_MAX_MILLIS))
    }
    throw new Error(CLOSED)
  }

  override check(_: unknown) {
    this.#failed = null
    return true
  }

  /** Where it went it is of no use: next time, whoever names another place counts. */
  distrust() {
    this.#failed = this.#last
  }

  #open(found: Address) {
    const { tls } = this.#question
    this.#last = placeOf(found)
    this.#failed = this.#last
    const stream = tls
      ? connectTls({ ...found, ...encrypted(tls, found.host) })
      : connectPlain(found)
    stream.once("error", (error) => {
      this.firstError = error
    })
    this.stream = stream
    return stream
  }

  /** The master, or why nobody has named one. Asks all at once, and the first who answers counts. */
  async #find(): Promise<Address | string> {
    const { seeds } = this.#question
    const answers = distinct([...seeds.addresses, ...this.#learnt]).map((address) =>
      ask(address, this.#question),
    )
    const named = answers.map(async (answer) => {
      const { master, nodes } = await answer
      return placeOf(master) === this.#failed ? Promise.reject() : { master, nodes }
    })
    const patient = async (): Promise<Answer> => {
      const first = await Promise.any(answers)
      await Promise.race([Promise.allSettled(answers), sleep(PATIENCE_MILLIS)])
      return first
    }
    try {
      const { master, nodes } = await Promise.any([...named, patient()])
      this.#learnt = distinct(nodes).slice(0, LEARNT_MAX)
      return master
    } catch {
      const settled = await Promise.allSettled(answers)
      const errors = settled.flatMap((one) => (one.status === "rejected" ? [one.reason] : []))
      return reasonOf(errors, seeds)
    }
  }
}
