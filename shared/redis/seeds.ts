/**
 * Asking where the Redis is: one node of a cluster, or one Sentinel, whom it takes for the master. A question
 * has a connection of its own, and a deadline for all of it.
 */
import type { ConnectionOptions } from "node:tls"
import { Redis } from "ioredis"
import type { Address } from "../store-url.ts"
import { serverOf } from "../tls.ts"
import { slotOfKey } from "./slot.ts"
import type { RedisUrl, Seeds } from "./url.ts"

/** Who is frozen or gone holds nobody up. */
const QUESTION_DEADLINE_MILLIS = 1_000

/** A peer that is frozen does not close its side. */
const CLOSE_LIMIT_MILLIS = 100

/** What is asked, of those that REDIS_URL names. */
export type Question = RedisUrl["options"] & {
  readonly seeds: Seeds
  /** In a cluster: the key whose slot's owner is wanted. */
  readonly slotOf: string
}

export interface Answer {
  readonly master: Address
  /** All that this one knows of, the master included. */
  readonly nodes: ReadonlyArray<Address>
}

/** It has answered, and knows no master. */
class Unnamed extends Error {
  override readonly name = "Unnamed"
}

/** Whom TLS expects at a host. */
export const encrypted = (tls: ConnectionOptions, host: string) => ({ ...serverOf(host), ...tls })

type Node = readonly [host: string | null, port: number, ...more: ReadonlyArray<unknown>]
type Range = readonly [first: number, last: number, ...ownerAndReplicas: ReadonlyArray<Node>]

/** Of a range, its owner first. One that does not know its own address is where it was asked. */
const nodesOf = ([, , ...nodes]: Range, asked: Address): ReadonlyArray<Address> =>
  nodes.flatMap(([host, port]) => (host === "?" ? [] : [{ host: host || asked.host, port }]))

const ownerIn = (ranges: ReadonlyArray<Range>, key: string, asked: Address): Answer => {
  const slot = slotOfKey(key)
  const range = ranges.find(([first, last]) => first <= slot && slot <= last)
  const [master] = range ? nodesOf(range, asked) : []
  if (!master) throw new Unnamed("the queue's slot has no owner")
  return { master, nodes: ranges.flatMap((each) => nodesOf(each, asked)) }
}

const masterIn = (answer: unknown, name: string): Answer => {
  if (!Array.isArray(answer)) throw new Unnamed(`Sentinel knows no master ${name}`)
  const master = { host: String(answer[0]), port: Number(answer[1]) }
  return { master, nodes: [] }
}

const isReply = (error: unknown): error is Error =>
  error instanceof Error && error.name === "ReplyError"

/** @throws what `reasonOf` makes a reason of. */
export const ask = async (asked: Address, question: Question): Promise<Answer> => {
  const { seeds, slotOf, tls } = question
  const client = new Redis({
    ...{ ...asked, ...seeds.login, ...(tls && { tls: encrypted(tls, asked.host) }) },
    ...{ connectTimeout: QUESTION_DEADLINE_MILLIS, commandTimeout: QUESTION_DEADLINE_MILLIS },
    ...{
      retryStrategy: () => null,
      enableReadyCheck: false,
      disconnectTimeout: CLOSE_LIMIT_MILLIS,
    },
    ...{ protocol: 2, disableClientInfo: true },
  })
  let failure: Error | undefined
  client.on("error", (error) => {
    failure ??= error
  })
  try {
    if (seeds.master === null) {
      return ownerIn((await client.cluster("SLOTS")) as unknown as Range[], slotOf, asked)
    }
    const answer = await client.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", seeds.master)
    return masterIn(answer, seeds.master)
  } catch (error) {
    // That the connection was closed says less than why.
    throw isReply(error) || error instanceof Unnamed ? error : (failure ?? error)
  } finally {
    client.disconnect()
  }
}

/** Why nobody has named a master, for people: of all reasons the one that tells most. */
export const reasonOf = (errors: ReadonlyArray<unknown>, { master }: Seeds): string => {
  const refusals = errors.filter(isReply).map(({ message }) => message.split(" ", 1)[0])
  const refusal = refusals.find((word) => word !== "ERR")
  if (refusal) return master === null ? refusal : `${refusal} (Sentinel)`
  const unnamed = errors.find((error) => error instanceof Unnamed)
  if (unnamed) return unnamed.message
  if (refusals.length > 0) {
    return master === null ? "Redis is no cluster" : "what answers is no Sentinel"
  }
  const code = errors.map((error) => (error as NodeJS.ErrnoException).code).find(Boolean)
  const nobody = master === null ? "no node of the cluster answers" : "no Sentinel answers"
  return code ? `${nobody} (${code})` : nobody
}
