/**
 * A TCP proxy for tests in front of a real server. It can lose replies, hold requests back and deliver them
 * later, be slow, go silent, close at once, or not listen at all: what no signal to a process does.
 */
import { once } from "node:events"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"

/** What becomes of all connections. */
type Mode = "whole" | "losing" | "silent" | "closing"

/** What becomes of the one connection whose request matches. */
type Catch = "pass" | "lose" | "hold" | "cut"

interface Link {
  readonly client: Socket
  readonly target: Socket
  /** Not one of those that faults are for. */
  readonly isSpared: () => boolean
  /** Its replies are dropped. */
  losing: boolean
  /** Its requests, from the caught one on; the target outlives a client whose requests are held. */
  held: Buffer[] | null
  /** The target spoke. */
  readonly heard: Array<() => void>
}

interface Trap {
  readonly pattern: RegExp
  readonly what: Catch
  readonly caught: () => void
}

export type TestProxy = Awaited<ReturnType<typeof startProxy>>

export const startProxy = async (firstPort: number) => {
  let targetPort = firstPort
  const links = new Set<Link>()
  let mode: Mode = "whole"
  let delayMillis = 0
  let trap: Trap | null = null
  let heard = Promise.withResolvers<void>()
  let accepted = 0
  let isMeant = (_: string) => true

  /** Later, when there is a delay; the order is kept, because equal timers fire in theirs. */
  const forward = ({ isSpared }: Link, to: Socket, data: Buffer) => {
    if (delayMillis === 0 || isSpared()) to.write(data)
    else setTimeout(() => to.write(data), delayMillis)
  }

  const spring = (link: Link, { what, caught }: Trap) => {
    trap = null
    if (what === "hold") link.held = []
    if (what === "cut") link.client.resetAndDestroy()
    if (what !== "lose") return caught()
    link.losing = true
    link.heard.push(caught)
  }

  const onRequest = (link: Link, data: Buffer) => {
    if (trap?.pattern.test(data.toString("latin1"))) spring(link, trap)
    if (link.held) link.held.push(data)
    else if ((mode !== "silent" || link.isSpared()) && !link.client.destroyed) {
      forward(link, link.target, data)
    }
  }

  const onReply = (link: Link, data: Buffer) => {
    for (const tell of link.heard.splice(0)) tell()
    if (mode === "losing") heard.resolve()
    if ((mode === "whole" || link.isSpared()) && !link.losing) forward(link, link.client, data)
  }

  const server = createServer((client) => {
    accepted += 1
    client.on("error", () => {})
    if (mode === "closing") return client.destroy()
    const target = connect(targetPort, "127.0.0.1").on("error", () => {})
    const address = client.remoteAddress ?? ""
    const isSpared = () => !isMeant(address)
    const link: Link = { client, target, isSpared, losing: false, held: null, heard: [] }
    links.add(link)
    client.on("data", (data: Buffer) => onRequest(link, data))
    target.on("data", (data: Buffer) => onReply(link, data))
    client.once("close", () => {
      if (!link.held) target.destroy()
    })
    target.once("close", () => {
      links.delete(link)
      client.destroy()
    })
  })
  const listen = async (port: number) => {
    server.listen(port, "127.0.0.1")
    await once(server, "listening")
  }
  await listen(0)
  const { port } = server.address() as AddressInfo

  /** Resets all connections that are not spared, those with held requests included. */
  const cut = () => {
    for (const { client, target, isSpared } of links) {
      if (isSpared()) continue
      client.resetAndDestroy()
      target.resetAndDestroy()
    }
  }
  const stopListening = () => {
    if (server.listening) server.close()
    cut()
  }

  return {
    port,
    cut,
    /** From now on, connections lead to another port; those that are there stay. */
    lead: (port: number) => {
      targetPort = port
    },
    /** From now on, silence, delays and cuts are for the connections from these addresses alone. */
    concern: (from: (address: string) => boolean) => {
      isMeant = from
    },
    /** How many connections were made so far. */
    accepted: () => accepted,
    /** From now on, what the server says is dropped; resolves when it has said something. */
    loseReplies: (): Promise<void> => {
      mode = "losing"
      heard = Promise.withResolvers()
      return heard.promise
    },
    /** From now on, nothing passes in either direction, and no connection ends. */
    silence: () => {
      mode = "silent"
    },
    /** From now on, connections are closed as soon as they are made, and so are those that are there. */
    closeAtOnce: () => {
      mode = "closing"
      cut()
    },
    /** From now on, every byte takes so long in each direction. */
    delay: (millis: number) => {
      delayMillis = millis
    },
    /**
     * Waits for a request whose bytes match, on any connection. `pass`: that is all. `lose`: it passes, and
     * no reply on its connection does; resolves when the server has replied. `hold`: it waits here for `deliver`, even
     * when its sender is dead by then. `cut`: it never arrives, and the sender's connection is reset.
     */
    trap: (pattern: RegExp, what: Catch): Promise<void> =>
      new Promise((caught) => {
        trap = { pattern, what, caught }
      }),
    /** Sends what was held; resolves when the server has answered each. */
    deliver: async (): Promise<void> => {
      const holding = [...links].filter(({ held }) => held !== null)
      if (holding.length === 0) throw new Error("nothing is held")
      await Promise.all(
        holding.map(
          (link) =>
            new Promise<void>((answered) => {
              link.heard.push(answered)
              link.target.write(Buffer.concat(link.held ?? []))
              link.held = null
            }),
        ),
      )
    },
    /** Cuts all connections; those made afterwards are whole. */
    heal: () => {
      mode = "whole"
      delayMillis = 0
      trap = null
      cut()
    },
    /** Nobody listens any more, as when the server is down: the proxy alone would accept and close. */
    refuse: stopListening,
    /** Listens again after `refuse`. */
    accept: async () => {
      if (!server.listening) await listen(port)
    },
    stop: stopListening,
  }
}
