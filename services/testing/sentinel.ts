/**
 * A Redis with two replicas and three Sentinels for tests, as native servers of its own. Each can freeze, die
 * and come back, and on demand be cut off from the others. The connections are the test's own, one to each server.
 */
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import { freePort } from "../../scripts/servers/port.ts"
import { launch } from "../../scripts/servers/process.ts"
import { nativeRedis, startRedis } from "../../scripts/servers/redis.ts"
import type { Store } from "../../scripts/servers/store.ts"
import { ownAddress, startApart } from "./apart.ts"
import { operated } from "./operator.ts"
import { untilFollowed } from "./replicas.ts"
import { openOwn } from "./store.ts"
import { until } from "./until.ts"

export const MASTER_NAME = "mymaster"
const SENTINELS = 3
const REPLICAS = 2
const QUORUM = 2
const LIMIT_MILLIS = 20_000

/** Long enough for a busy machine, short enough for a test of a failover. */
const DOWN_AFTER_MILLIS = 2_000
const FAILOVER_MILLIS = 5_000

export interface SentinelOptions {
  /** Of the user `default` in each Redis. */
  readonly password?: string
  /** Of the user `default` in each Sentinel. */
  readonly sentinelPassword?: string
  /** Files of certificates for localhost: then everybody encrypts. */
  readonly tls?: Readonly<Record<"ca" | "cert" | "key", string>>
  /** Whether servers can be cut off from one another (`apart.ts`). */
  readonly apart?: boolean
  readonly settings?: Readonly<Record<string, string>>
  /** The environment of the first master. */
  readonly env?: Readonly<Record<string, string>>
}

export type TestSentinels = Awaited<ReturnType<typeof startSentinels>>

const encrypted = ({ ca, cert, key }: NonNullable<SentinelOptions["tls"]>, port: number) => ({
  ...{ "tls-port": `${port}`, "tls-replication": "yes", "tls-auth-clients": "no" },
  ...{ "tls-ca-cert-file": ca, "tls-cert-file": cert, "tls-key-file": key },
})

const announcing = (host: string, port: number) => ({
  ...{ "replica-announce-ip": host, "replica-announce-port": `${port}` },
})

/** A Redis; with `master`, a replica of the one at that port. */
const startMember = async (options: SentinelOptions, master?: number) => {
  const { password, tls, apart = false, settings, env } = options
  const [port, tlsPort] = [await freePort(), await freePort()]
  const between = apart ? await startApart(port) : undefined
  const announced = between?.ports[0] ?? port
  const server = await openOwn((directory) =>
    startRedis({
      ...{ directory, port, kind: "native", ...(env && !master && { env }) },
      settings: {
        "repl-diskless-sync-delay": "0",
        // A stop waits for no replica that is stopped as well.
        "shutdown-timeout": "0",
        ...(password && { requirepass: password, masterauth: password }),
        ...(tls && { ...encrypted(tls, tlsPort), ...announcing("localhost", tlsPort) }),
        ...(between && announcing("127.0.0.1", announced)),
        ...(between && { "bind-source-addr": between.address }),
        ...(master && { replicaof: `localhost ${master}` }),
        ...settings,
      },
    }),
  )
  const node = operated(server, password)
  const close = async () => {
    await node.close()
    between?.stop()
  }
  return { ...node, tlsPort, announced, between, close }
}

/** A Sentinel writes what it learns into its file, so the file is written only once. */
const launchSentinel = async (
  directory: string,
  { password, sentinelPassword, tls, apart }: SentinelOptions,
  { port, tlsPort, master }: Readonly<Record<"port" | "tlsPort" | "master", number>>,
): Promise<Store> => {
  const file = join(directory, "sentinel.conf")
  const settings = {
    ...{ port: `${port}`, bind: "127.0.0.1", dir: directory, "set-proc-title": "no" },
    ...(sentinelPassword && { requirepass: sentinelPassword }),
    ...(tls && encrypted(tls, tlsPort)),
    ...(apart && { "bind-source-addr": ownAddress() }),
  }
  const lines = [
    ...Object.entries(settings).map(([name, value]) => `${name} ${value}`),
    ...(sentinelPassword ? [`sentinel sentinel-pass ${sentinelPassword}`] : []),
    // Clients are told the name that is in the certificate.
    ...(tls ? ["resolve-hostnames yes", "announce-hostnames yes"].map((l) => `sentinel ${l}`) : []),
    ...(tls ? ["sentinel announce-ip localhost", `sentinel announce-port ${tlsPort}`] : []),
    // Not the address from which it calls.
    ...(apart ? ["sentinel announce-ip 127.0.0.1"] : []),
    `sentinel monitor ${MASTER_NAME} ${tls ? "localhost" : "127.0.0.1"} ${master} ${QUORUM}`,
    `sentinel down-after-milliseconds ${MASTER_NAME} ${DOWN_AFTER_MILLIS}`,
    `sentinel failover-timeout ${MASTER_NAME} ${FAILOVER_MILLIS}`,
    ...(password ? [`sentinel auth-pass ${MASTER_NAME} ${password}`] : []),
  ]
  await writeFile(file, `${lines.join("\n")}\n`, { flag: "wx" }).catch((error) => {
    if (error.code !== "EEXIST") throw error
  })
  const child = await launch(nativeRedis() as string, [file, "--sentinel"], { name: "sentinel" })
  await child.printed(/Sentinel ID is/, LIMIT_MILLIS)
  const description = `Sentinel, ${directory}`
  const url = `redis://127.0.0.1:${port}`
  const stop = () => child.stop(LIMIT_MILLIS)
  return { ...child, url, port, description, durable: false, stop }
}

const startSentinel = async (options: SentinelOptions, master: number) => {
  const [first, tlsPort] = [await freePort(), await freePort()]
  const server = await openOwn((directory, port) =>
    launchSentinel(directory, options, { port: port || first, tlsPort, master }),
  )
  return { ...operated(server, options.sentinelPassword), tlsPort, announced: server.port }
}

export type SentinelNode = Awaited<ReturnType<typeof startSentinel>>

/** It knows the other Sentinels and the replicas, so that a failover can be decided and has where to go. */
const untilKnown = ({ connection }: SentinelNode) =>
  until(
    "the Sentinel knows all",
    async () => {
      const flat = (await connection.call("SENTINEL", "MASTER", MASTER_NAME)) as
        | string[]
        | Record<string, string>
      const told = Array.isArray(flat)
        ? Object.fromEntries(flat.flatMap((name, at) => (at % 2 ? [] : [[name, flat[at + 1]]])))
        : flat
      const isWell = told.flags === "master" && Number(told["num-other-sentinels"]) >= SENTINELS - 1
      return isWell && Number(told["num-slaves"]) >= REPLICAS
    },
    LIMIT_MILLIS,
  )

export const startSentinels = async (options: SentinelOptions = {}) => {
  const closing: Array<() => Promise<void>> = []
  const kept = async <A extends { readonly close: () => Promise<void> }>(started: Promise<A>) => {
    const one = await started
    closing.push(one.close)
    return one
  }
  const close = async () => void (await Promise.all(closing.map((end) => end())))
  const place = (node: Readonly<Record<"announced" | "tlsPort", number>>) =>
    options.tls ? node.tlsPort : node.announced
  try {
    const master = await kept(startMember(options))
    const replicas = await Promise.all(
      Array.from({ length: REPLICAS }, () => kept(startMember(options, place(master)))),
    )
    const sentinels = await Promise.all(
      Array.from({ length: SENTINELS }, () => kept(startSentinel(options, place(master)))),
    )
    const nodes = [master, ...replicas]
    await Promise.all(sentinels.map(untilKnown))
    /** The master as a Sentinel sees it. */
    const masterNow = async (asked = sentinels[0] as SentinelNode) => {
      const found = await asked.connection.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER_NAME)
      const port = Number((found as readonly [string, string])[1])
      return nodes.find((node) => place(node) === port) ?? null
    }
    return {
      ...{ master, replicas, nodes, sentinels, close },
      /** Of some of the Sentinels, by default all; `credentials` of the Redis are such as `user:password@`. */
      url: (some: ReadonlyArray<SentinelNode> = sentinels, credentials = "") => {
        const hosts = some.map(
          (node) => `${options.tls ? "localhost" : "127.0.0.1"}:${place(node)}`,
        )
        const scheme = options.tls ? "redis+sentinels" : "redis+sentinel"
        return `${scheme}://${credentials}${hosts.join(",")}/${MASTER_NAME}`
      },
      /** All run and hear one another, and the replicas follow the master. */
      heal: async () => {
        for (const server of [...nodes, ...sentinels]) server.kill("SIGCONT")
        await Promise.all([...nodes, ...sentinels].map((server) => server.start()))
        for (const { between } of nodes) between?.heal()
        const now = await until("a master", async () => (await masterNow()) ?? undefined)
        // Sentinels would do so after ten seconds.
        for (const node of nodes) {
          if (node !== now) await node.connection.replicaof("127.0.0.1", place(now))
        }
        await untilFollowed(nodes, REPLICAS)
      },
      masterNow,
    }
  } catch (error) {
    await close()
    throw error
  }
}

export const useSentinels = (options: SentinelOptions = {}): (() => TestSentinels) => {
  let opened: TestSentinels
  beforeAll(async () => {
    opened = await startSentinels(options)
  })
  afterAll(() => opened?.close())
  return () => opened
}
