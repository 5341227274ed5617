/**
 * One of several servers that can be cut off from the others, or be far from them, while clients reach it: the others
 * come through proxies, each from an address of its own. All of 127.0.0.0/8 is this machine where it runs Linux.
 */
import process from "node:process"
import { startProxy } from "./proxy.ts"

export const canBeApart = process.platform === "linux"

/** Clients have the address that the system gives. */
const CLIENT = "127.0.0.1"
const isServer = (address: string) => address !== CLIENT

const ADDRESSES = 250
let given = 0

/** From where a server calls others. */
export const ownAddress = () => `127.0.0.${2 + (given++ % ADDRESSES)}`

export type Apart = Awaited<ReturnType<typeof startApart>>

/** In front of a server's port for clients and replicas, and of those where others speak to it. */
export const startApart = async (port: number, ...more: ReadonlyArray<number>) => {
  const proxies = await Promise.all([port, ...more].map(startProxy))
  const heal = () => {
    for (const proxy of proxies) {
      proxy.concern(isServer)
      proxy.heal()
    }
  }
  heal()
  return {
    address: ownAddress(),
    ports: proxies.map((proxy) => proxy.port),
    /** It hears nothing of these, and they not what it says to them. */
    silence: (from: (address: string) => boolean = isServer) => {
      for (const proxy of proxies) {
        proxy.concern(from)
        proxy.silence()
      }
    },
    /** What its replicas hear is so old. */
    lag: (millis: number) => proxies[0]?.delay(millis),
    /** What is on its way to others is lost, as with the machine; a lag is over. */
    drop: heal,
    heal,
    stop: () => {
      for (const proxy of proxies) proxy.stop()
    },
  }
}

/** From now on neither hears the other, and clients hear both. */
export const cutOff = (one: Apart, others: ReadonlyArray<Apart>) => {
  one.silence()
  for (const other of others) other.silence((address) => address === one.address)
}
